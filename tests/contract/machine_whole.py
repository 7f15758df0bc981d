"""The machine of the outbox with all that a daemon does beside sending."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.contract.machine_house import House
from tests.contract.machine_life import NAMES, TOGETHER
from tests.contract.machine_outbox import Outbox


class Whole(Outbox):
    """The outbox, its attendant, its pruning, and a person who tries a robot and changes formats."""

    @property
    def live(self) -> House:
        assert isinstance(self.life, House)
        return self.life

    @initialize(shared=st.booleans())
    def begin(self, *, shared: bool) -> None:
        self.run(self.world.begin())
        self.life = House(self.world, shared=shared)
        self.life.subscribe()

    @rule()
    def prune(self) -> None:
        self.run(self.live.prunes())

    @rule()
    def attend(self) -> None:
        self.run(self.live.attends())

    @rule(receiver=st.sampled_from(NAMES))
    def pause_and_attend(self, receiver: str) -> None:
        self.pause(receiver)
        self.attend()

    @rule(receiver=st.sampled_from(NAMES))
    def resume_and_attend(self, receiver: str) -> None:
        self.resume(receiver)
        self.attend()

    @rule()
    def test_robot(self) -> None:
        self.run(self.live.tests_robot())

    @rule()
    def robot_answers(self) -> None:
        self.run(self.live.hears_from_robot())

    @rule()
    def change_format(self) -> None:
        """A chat becomes a webhook, which knows no digests; or the other way round."""
        self.live.digest = None if self.live.digest else TOGETHER

    def ends_well(self) -> None:
        self.all_is_well()
        self.attend()
        super().ends_well()
