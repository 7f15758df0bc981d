"""Mutes: which event a silence means, and when a mute holds."""

from dataclasses import replace

import pytest

from jobwatch.core.conditions import ConditionName, ConditionNote, ConditionState
from jobwatch.core.events import Event, EventType, ReceiverEvent, Severity, SourceEvent
from jobwatch.core.muting import Mute, Silence, answer, fits, muted_by
from tests.factories import HOUR, NOW, SECOND, event, job, origin, snapshot

OF_JOB = event(snapshot(of=job("Failed", id="job-1", description="nightly copy")))
IN_SCOPE = event(snapshot(of=job("Failed", id="job-1", scope="vault")))
OF_SOURCE = SourceEvent(
    type=EventType.UNREACHABLE, severity=Severity.CRITICAL, origin=origin(), observed_at=NOW
)
OF_RECEIVER = ReceiverEvent(
    type=EventType.PAUSED,
    severity=Severity.CRITICAL,
    origin=origin(source=""),
    receiver="ops",
    observed_at=NOW,
)


def mute(id_: int = 3, **parts: str) -> Mute:
    return Mute(id=id_, silence=Silence(**parts), created_at=NOW, expires_at=NOW + HOUR)


@pytest.mark.parametrize(
    ("silence", "told", "silent"),
    [
        (Silence(source="prod"), OF_JOB, True),
        (Silence(source="pr*"), OF_JOB, True),
        (Silence(source="PROD"), OF_JOB, False),
        (Silence(source="prod", job="job-1"), OF_JOB, True),
        (Silence(source="prod", job="job-*"), OF_JOB, False),
        (Silence(source="prod", job="job-1"), IN_SCOPE, False),
        (Silence(source="prod", job="vault/job-1"), IN_SCOPE, True),
        (Silence(description="nightly*"), OF_JOB, True),
        (Silence(description="nightly"), OF_JOB, False),
        (Silence(source="other", description="nightly*"), OF_JOB, False),
        (Silence(source="prod"), OF_SOURCE, True),
        (Silence(source="other"), OF_SOURCE, False),
        (Silence(source="prod", description="*"), OF_SOURCE, False),
        (Silence(source="prod", job="job-1"), OF_SOURCE, False),
        (Silence(source="*"), OF_RECEIVER, False),
        (Silence(), OF_RECEIVER, False),
    ],
)
def test_a_silence_means_what_fits_every_one_of_its_parts(
    silence: Silence,
    told: Event,
    silent: bool,  # noqa: FBT001  a column of the table
) -> None:
    assert fits(silence, told) is silent


@pytest.mark.parametrize("state", ConditionState)
def test_a_closing_is_never_muted(state: ConditionState) -> None:
    note = ConditionNote(name=ConditionName.STALLED, state=state, id="cnd_1", since=NOW, reminder=0)
    told = replace(OF_JOB, type=EventType.STALLED, condition=note)
    expected = None if state is ConditionState.CLOSED else mute(source="prod")
    assert muted_by(told, [mute(source="prod")]) == expected


def test_the_first_mute_that_fits_is_the_one_that_mutes() -> None:
    mutes = [mute(1, source="other"), mute(2, source="p*"), mute(3, source="prod")]
    assert muted_by(OF_JOB, mutes) == mutes[1]
    assert muted_by(OF_JOB, []) is None


def test_a_mute_holds_until_it_expires_or_is_ended() -> None:
    ordered = mute(source="prod")
    assert ordered.holds(NOW)
    assert ordered.holds(NOW + HOUR - SECOND)
    assert not ordered.holds(NOW + HOUR)
    assert not replace(ordered, ended_at=NOW).holds(NOW)


def test_a_delivery_says_which_mute_silenced_it() -> None:
    assert answer(mute(source="prod", reason="planned work")) == "mute 3: planned work"
    assert answer(mute(source="prod")) == "mute 3"
