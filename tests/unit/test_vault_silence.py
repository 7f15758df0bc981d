"""Which vaults of a sweep are kept as broken, and when the whole source is: by what each of them answered."""

import pytest

from jobwatch.core.errors import Denied, JobwatchError, Throttled, TransportError, TransportKind
from jobwatch.poller.sound import Sound

SILENCE = TransportError(TransportKind.TIMEOUT, "no answer")
DENIED = Denied(code="AccessDenied", message="", status=403)
THROTTLED = Throttled(code="Throttling", message="", status=400)
PAGE = None
"""A page came."""


def swept(
    *scopes: list[JobwatchError | None], resumes: bool = False
) -> tuple[set[str], JobwatchError | None]:
    """What is kept as broken and what is raised where the scopes a, b, c … give these in turn."""
    names = "abcdefg"[: len(scopes)]
    sound = Sound(names, resumes=resumes)
    for name, answers in zip(names, scopes, strict=True):
        try:
            with sound.trying(name):
                for answer in answers:
                    if answer is not None:
                        raise answer
                    sound.answered()
        except JobwatchError as error:
            return set(sound.broken), error
    return set(sound.broken), None


@pytest.mark.parametrize(
    ("scopes", "broken", "raised"),
    [
        ([[SILENCE], [PAGE], [SILENCE], [PAGE]], "ac", None),
        ([[SILENCE], [SILENCE], [PAGE]], "a", SILENCE),
        ([[SILENCE], [DENIED], [SILENCE], [PAGE]], "abc", None),
        ([[PAGE], [PAGE, SILENCE], [PAGE]], "b", None),
        ([[PAGE], [PAGE, SILENCE], [SILENCE]], "b", SILENCE),
        ([[PAGE], [SILENCE]], "b", None),
        ([[SILENCE]], "", SILENCE),
        ([[PAGE], [THROTTLED], [PAGE]], "", THROTTLED),
        ([[DENIED], [DENIED], [DENIED]], "abc", None),
    ],
)
def test_one_silent_vault_is_broken_and_two_in_a_row_are_the_source(
    scopes: list[list[JobwatchError | None]], broken: str, raised: JobwatchError | None
) -> None:
    assert swept(*scopes) == (set(broken), raised)


def test_a_long_sweep_goes_on_in_the_vault_that_fell_silent_in_the_middle() -> None:
    assert swept([PAGE], [PAGE, SILENCE], [PAGE], resumes=True) == (set(), SILENCE)
    assert swept([PAGE], [SILENCE], [PAGE], resumes=True) == ({"b"}, None)


def test_a_sweep_taken_up_at_the_second_of_two_silent_vaults_reads_those_behind_them() -> None:
    sound = Sound("abc", resumes=True)
    with sound.trying("a"):
        raise SILENCE
    with pytest.raises(TransportError), sound.trying("b"):
        raise SILENCE
    with sound.trying("b"):
        raise SILENCE
    with sound.trying("c"):
        sound.answered()
    assert set(sound.broken) == {"a", "b"}
