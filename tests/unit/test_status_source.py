"""What the page says of a source: what is true at that moment, and nothing else."""

from datetime import timedelta

import pytest

from jobwatch.core.overview import SourceKeys, SourceState, WalkState
from jobwatch.web.pages.status_source import Note, SourceView, notes, standing
from tests.factories import DAY, HOUR, MINUTE, NOW, SECOND
from tests.overviews import last_sweep, source_view, spending, state


def told(known: SourceState | None) -> list[Note]:
    return notes(source_view(state=known), NOW)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (source_view(state=None, up=False), "not tried yet"),
        (source_view(state=state(attempted_at=None, all_data_at=None)), "not tried yet"),
        (source_view(state=state(failures=1)), "cannot be read"),
        (source_view(state=state(failures=2), unreachable=True), "unreachable"),
        (source_view(state=state(all_data_at=None, failures=2)), "cannot be read"),
        (source_view(state=state(all_data_at=None)), "first sweep under way"),
        (source_view(state=state(suspect_since=NOW)), "suspect"),
        (source_view(state=state(suspect_since=NOW, failures=1)), "cannot be read"),
        (source_view(up=False), "overdue"),
        (source_view(), "up to date"),
    ],
)
def test_a_source_stands_as_it_fares(source: SourceView, words: str) -> None:
    assert standing(source).words == words
    assert standing(source).tone in ("good", "bad", "idle")


def test_only_an_up_to_date_source_looks_good() -> None:
    assert standing(source_view()).tone == "good"
    suspect = source_view(state=state(suspect_since=NOW))
    assert standing(suspect).tone == "bad"


@pytest.mark.parametrize("known", [None, state()])
def test_of_what_is_not_known_nothing_is_said(known: SourceState | None) -> None:
    assert told(known) == []


def test_the_last_sweep_is_told_with_its_reason_and_its_cost() -> None:
    assert told(state(last_sweep=last_sweep())) == [
        Note(
            "faint",
            "last sweep: hot, because it was due; took 2 s, 10 pages, 1 job asked about, 11 calls",
        )
    ]
    full = last_sweep(
        kind="full",
        reason="full_costs_no_more",
        took=MINUTE,
        pages=1,
        followed=0,
        calls=1,
        refused=("Ready", "Pausing"),
    )
    assert told(state(last_sweep=full)) == [
        Note(
            "faint",
            "last sweep: full, because it costs no more calls than a hot one; took 1 min, "
            "1 page, 0 jobs asked about, 1 call"
            "; refused as filters: Ready, Pausing",
        )
    ]


def test_calls_are_told_with_those_that_were_throttled() -> None:
    assert told(state(spending=spending())) == [Note("faint", "1,320 calls in the last hour")]
    slow = spending(rate=0.156, throttled=4, hour=1)
    assert told(state(spending=slow)) == [
        Note("caution", "slowed to 0.16 of 10 calls a second"),
        Note("faint", "1 call in the last hour, 4 of them throttled"),
    ]


def test_calls_are_withheld_only_until_they_are_not() -> None:
    held = spending(withheld_until=NOW + 90 * SECOND, withheld_reason="breaker_open")
    caution = Note("caution", "no calls for another 1 min 30 s: too many calls failed in a row")
    assert caution in told(state(spending=held))
    over = spending(withheld_until=NOW, withheld_reason="breaker_open")
    assert told(state(spending=over)) == told(state(spending=spending()))


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (None, None),
        (timedelta(), None),
        (2 * SECOND, None),
        (-2 * SECOND, None),
        (3 * SECOND, "the cloud's clock is 3 s ahead of ours"),
        (-14 * MINUTE, "the cloud's clock is 14 min behind ours"),
    ],
)
def test_an_offset_of_the_clock_is_told_over_two_seconds(
    offset: timedelta | None, words: str | None
) -> None:
    expected = [Note("caution", words)] if words else []
    assert told(state(clock_offset=offset)) == expected


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (DAY + SECOND, []),
        (DAY, [Note("faint", "keys (cvm-role) expire in 1 d")]),
        (3 * HOUR, [Note("faint", "keys (cvm-role) expire in 3 h")]),
        (timedelta(), [Note("error", "keys (cvm-role) expired 0 s ago")]),
        (-5 * MINUTE, [Note("error", "keys (cvm-role) expired 5 min ago")]),
    ],
)
def test_keys_are_told_on_the_day_before_they_expire(left: timedelta, expected: list[Note]) -> None:
    assert told(state(keys=SourceKeys(kind="cvm-role", expires_at=NOW + left))) == expected


def test_keys_without_an_end_are_not_told() -> None:
    assert told(state(keys=SourceKeys(kind="environment"))) == []


def test_keys_expire_by_the_clock_of_the_cloud() -> None:
    keys = SourceKeys(kind="tke-oidc", expires_at=NOW + MINUTE)
    ahead = state(keys=keys, clock_offset=2 * MINUTE)
    assert Note("error", "keys (tke-oidc) expired 1 min ago") in told(ahead)


def test_a_full_sweep_under_way_says_how_far_it_is() -> None:
    walk = WalkState(started_at=NOW - 4 * MINUTE, token="t", pages=57, listed=57_000)
    known = state(walk=walk, asked_at=NOW - 3 * SECOND)
    assert told(known) == [
        Note("faint", "a full sweep was asked for 3 s ago"),
        Note("faint", "full sweep under way for 4 min: 57 pages, 57,000 jobs so far"),
    ]


def test_a_suspect_source_says_what_is_held_back() -> None:
    (note,) = told(state(suspect_since=NOW - 12 * MINUTE))
    assert note.tone == "error"
    assert note.words.startswith("suspect for 12 min: most of its unfinished jobs")
    assert "not called vanished" in note.words


def test_jobs_in_trouble_are_counted_by_condition() -> None:
    view = source_view(conditions=(("stalled", 2), ("waiting", 1)))
    assert notes(view, NOW) == [Note("caution", "jobs in trouble: 2 stalled, 1 waiting")]


def test_trouble_is_told_before_everything_else() -> None:
    known = state(
        last_sweep=last_sweep(),
        spending=spending(rate=1.0),
        clock_offset=MINUTE,
        suspect_since=NOW,
        keys=SourceKeys(kind="profile", expires_at=NOW),
        walk=WalkState(started_at=NOW, token="", pages=0, listed=0),
    )
    tones = [note.tone for note in told(known)]
    assert tones == ["error", "caution", "caution", "error", "faint", "faint", "faint"]
