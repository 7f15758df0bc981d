"""Which news goes out by itself, and which is told together."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.digest import LONELY, DigestPolicy, Group, Plan, Waiting, Window, plan
from tests.factories import HOUR, MINUTE, NOW, SECOND

POLICY = DigestPolicy(first=3, every=MINUTE)
FAILED, STUCK = Group(1, "job.failed"), Group(1, "job.stuck")
GROUPS = [Group(source_id, type_) for source_id in range(4) for type_ in ("a", "b", "c")]


def waiting(group: Group, count: int, since: datetime = NOW) -> Waiting:
    return Waiting(group, count, since)


def planned(
    *queue: Waiting,
    windows: dict[Group, Window] | None = None,
    slots: int = 20,
    now: datetime = NOW,
    policy: DigestPolicy = POLICY,
) -> Plan:
    return plan(queue, windows or {}, policy, slots=slots, now=now)


def ends(seconds: float, alone: int) -> dict[Group, Window]:
    """A window that ends so many seconds from now."""
    return {FAILED: Window(NOW + seconds * SECOND, alone)}


@pytest.mark.parametrize(
    ("count", "windows", "alone", "together"),
    [
        pytest.param(1, {}, 1, False, id="the first goes at once"),
        pytest.param(5, {}, 3, False, id="so do the first few, and the rest waits"),
        pytest.param(5, ends(20, 1), 2, False, id="what the window has room for"),
        pytest.param(5, ends(20, 3), 0, False, id="a full window lets nothing out"),
        pytest.param(5, ends(0, 3), 0, True, id="at its end the rest is told together"),
        pytest.param(5, ends(-59, 3), 0, True, id="soon after it too"),
        pytest.param(1, ends(0, 3), 1, False, id="one alone needs no digest"),
        pytest.param(5, ends(-60, 3), 3, False, id="long after it all begins anew"),
        pytest.param(5, ends(0, 2), 3, False, id="a window that was not full was not busy"),
        pytest.param(5, ends(60, 3), 0, False, id="one that began just now is full as well"),
        pytest.param(5, ends(61, 3), 3, False, id="one of a clock that stepped says nothing"),
    ],
)
def test_one_group(count: int, windows: dict[Group, Window], alone: int, together: bool) -> None:  # noqa: FBT001
    found = planned(waiting(FAILED, count), windows=windows)
    assert found.alone.get(FAILED, 0) == alone
    assert (FAILED in found.together) == together
    left = 0 if together else count - alone
    assert (found.again_at is not None) == bool(left)
    if left:
        assert found.again_at == found.windows[FAILED].until <= NOW + MINUTE


def test_while_a_group_stays_busy_window_follows_upon_window() -> None:
    windows, now, told = dict[Group, Window](), NOW, []
    for _ in range(4):
        found = planned(waiting(FAILED, 9), windows=windows, now=now)
        told.append((found.alone.get(FAILED, 0), found.together))
        windows, now = dict(found.windows), found.windows[FAILED].until
    assert told == [(3, ()), (0, (FAILED,)), (0, (FAILED,)), (0, (FAILED,))]


def test_what_would_be_many_messages_at_one_moment_is_told_together() -> None:
    some = planned(*(waiting(group, 1) for group in GROUPS[:LONELY]))
    assert (sum(some.alone.values()), some.together) == (LONELY, ())
    more = planned(*(waiting(group, 1) for group in GROUPS[: LONELY + 1]))
    assert (more.alone, set(more.together)) == ({}, set(GROUPS[: LONELY + 1]))


def test_slots_go_to_whoever_waits_longest_and_a_digest_takes_one() -> None:
    older, newer = waiting(STUCK, 3, NOW - HOUR), waiting(FAILED, 3)
    assert planned(newer, older, slots=4).alone == {STUCK: 3, FAILED: 1}
    assert planned(newer, older, slots=1).alone == {STUCK: 1}
    with_digest = planned(
        newer, waiting(GROUPS[0], 5), windows={GROUPS[0]: Window(NOW, 3)}, slots=2
    )
    assert (with_digest.alone, with_digest.together) == ({FAILED: 1}, (GROUPS[0],))


def test_what_found_no_slot_keeps_its_room_in_the_window() -> None:
    first = planned(waiting(FAILED, 3), slots=1)
    assert first.windows[FAILED].alone == 1
    second = planned(waiting(FAILED, 2), windows=dict(first.windows), now=NOW + SECOND)
    assert second.alone == {FAILED: 2}


def test_windows_that_still_run_are_kept_and_others_are_forgotten() -> None:
    windows = {
        FAILED: Window(NOW + SECOND, 3),
        STUCK: Window(NOW, 3),
        GROUPS[0]: Window(NOW + HOUR, 3),
    }
    assert planned(windows=windows).windows == {FAILED: Window(NOW + SECOND, 3)}


def test_nothing_waits_longer_after_a_clock_stepped_back() -> None:
    far = {FAILED: Window(NOW + HOUR, 3)}
    found = planned(waiting(FAILED, 9), windows=far)
    assert found.again_at == NOW + MINUTE


def test_what_waited_for_the_end_of_a_window_is_told_together_however_late_that_is_noticed() -> (
    None
):
    late = planned(waiting(FAILED, 4, NOW - 2 * HOUR), windows=ends(-HOUR.total_seconds(), 3))
    assert (late.alone, late.together) == ({}, (FAILED,))


def test_who_will_not_be_there_at_the_end_of_a_window_leaves_nothing_for_it() -> None:
    policy = DigestPolicy(first=3, every=MINUTE, patient=False)
    windows, told = dict[Group, Window](), []
    for count in (8, 5, 1):
        found = planned(waiting(FAILED, count), windows=windows, policy=policy)
        told.append((found.alone.get(FAILED, 0), found.together))
        windows = dict(found.windows)
    assert told == [(3, ()), (0, (FAILED,)), (1, ())]


class Chat:
    """A receiver and its outbox, played from claim to claim."""

    def __init__(self, policy: DigestPolicy) -> None:
        self.policy, self.windows = policy, dict[Group, Window]()
        self.open = Counter[Group]()
        self.since: dict[Group, datetime] = {}
        self.messages: list[tuple[datetime, Group | None]] = []
        self.told = Counter[Group]()

    def add(self, news: Iterable[Group], now: datetime) -> None:
        for group in news:
            self.since.setdefault(group, now)
            self.open[group] += 1

    def claim(self, slots: int, now: datetime) -> datetime | None:
        queue = [Waiting(group, count, self.since[group]) for group, count in self.open.items()]
        found = plan(queue, self.windows, self.policy, slots=slots, now=now)
        self.windows = dict(found.windows)
        assert sum(found.alone.values()) + bool(found.together) <= slots
        assert sum(found.alone.values()) <= max(LONELY, 0)
        for group, count in found.alone.items():
            assert 0 < count <= self.open[group]
            assert group not in found.together
            self._tell(group, count)
            self.messages += [(now, group)] * count
        for group in found.together:
            self._tell(group, self.open[group])
        self.messages += [(now, None)] * bool(found.together)
        waits = bool(self.open) and sum(found.alone.values()) + bool(found.together) < slots
        assert not waits or found.again_at is not None
        assert found.again_at is None or now < found.again_at <= now + self.policy.every
        return found.again_at

    def _tell(self, group: Group, count: int) -> None:
        self.told[group] += count
        self.open[group] -= count
        if not self.open[group]:
            del self.open[group], self.since[group]


ARRIVALS = st.lists(
    st.tuples(
        st.integers(0, 90), st.lists(st.sampled_from(GROUPS), max_size=30), st.integers(1, 8)
    ),
    max_size=25,
)


@given(ARRIVALS, st.integers(0, 4), st.lists(st.integers(-400, 400), max_size=2))
def test_nothing_is_dropped_and_everything_is_told_soon_whatever_the_clock_does(
    arrivals: list[tuple[int, list[Group], int]], first: int, steps: list[int]
) -> None:
    chat, now, wanted = Chat(DigestPolicy(first=first, every=MINUTE)), NOW, Counter[Group]()
    for number, (seconds, news, slots) in enumerate(arrivals):
        now += timedelta(seconds=seconds)
        if number and number % 10 == 0 and steps:
            now += timedelta(seconds=steps.pop())
        wanted.update(news)
        chat.add(news, now)
        chat.claim(slots, now)
    for _ in range(200):
        if not chat.open:
            break
        now = chat.claim(5, now) or now
    assert not chat.open
    assert chat.told == wanted


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), max_size=40))
def test_a_busy_group_is_never_louder_than_its_policy(steps: list[tuple[int, int]]) -> None:
    chat, now = Chat(POLICY), NOW
    for seconds, count in steps:
        now += timedelta(seconds=seconds)
        chat.add([FAILED] * count, now)
        chat.claim(20, now)
    times = [at for at, _ in chat.messages]
    # Two windows touch any minute, and each lets out its first ones or one digest.
    loudest = 2 * POLICY.first
    for at, beyond in zip(times, times[loudest:], strict=False):
        assert beyond - at >= POLICY.every


def test_what_is_told_together_because_it_is_much_begins_a_full_window_of_each_group() -> None:
    many = planned(*(waiting(group, 1) for group in GROUPS))
    assert set(many.together) == set(GROUPS)
    assert set(many.windows.values()) == {Window(NOW + MINUTE, POLICY.first)}


def test_the_window_of_a_group_in_which_nothing_waits_is_kept_until_its_end() -> None:
    for seconds, kept in ((60, True), (1, True), (0, False), (61, False)):
        windows = ends(seconds, 3)
        assert (planned(windows=windows).windows == windows) == kept


@pytest.mark.parametrize(
    ("since", "alone", "together"), [(-601, 0, True), (-600, 3, False), (-599, 3, False)]
)
def test_what_waited_for_the_end_of_its_window_is_told_however_late_that_is_noticed(
    since: float, alone: int, *, together: bool
) -> None:
    found = planned(waiting(FAILED, 5, NOW + since * SECOND), windows=ends(-600, 3))
    assert (found.alone.get(FAILED, 0), FAILED in found.together) == (alone, together)


@pytest.mark.parametrize(
    ("count", "in_window", "alone", "together"),
    [(5, 3, 0, True), (1, 3, 1, False), (5, 2, 1, False)],
)
def test_who_cannot_wait_for_the_end_of_a_window_tells_at_once(
    count: int, in_window: int, alone: int, *, together: bool
) -> None:
    hasty = DigestPolicy(first=3, every=MINUTE, patient=False)
    found = planned(waiting(FAILED, count), windows=ends(20, in_window), policy=hasty)
    assert (found.alone.get(FAILED, 0), FAILED in found.together) == (alone, together)
