"""Watched time and its gaps, against an oracle that counts minute by minute."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.first_sight import is_late
from jobwatch.core.watched import DAWN, GAPS_KEPT, NO_GAPS, Gap, Gaps, open_gap
from tests.factories import DAY, EVERY, HOUR, MINUTE, NOW, SECOND, job, watch

MINUTES = st.integers(0, 400)


def at(minute: int) -> datetime:
    return NOW + minute * MINUTE


def gap(began: int, ended: int) -> Gap:
    return Gap(at(began), at(ended))


def gaps_of(*each: Gap) -> Gaps:
    found = NO_GAPS
    for one in each:
        found = found.added(one)
    return found


GAP = st.builds(
    lambda began, lasted: gap(began, began + lasted),
    MINUTES,
    st.integers(min_value=0, max_value=30),
)
FEW_GAPS = st.lists(GAP, max_size=GAPS_KEPT)
APART = st.lists(st.integers(0, 300), min_size=GAPS_KEPT + 1, max_size=80, unique=True).map(
    lambda starts: [gap(2 * each, 2 * each + 1) for each in starts]
)
"""More gaps than are kept, none of which touches another."""


@given(found=FEW_GAPS, since=MINUTES, lasted=MINUTES)
def test_every_minute_was_either_watched_or_missed(
    found: list[Gap], since: int, lasted: int
) -> None:
    gaps = gaps_of(*found)
    missed = sum(1 for minute in range(since, since + lasted) if gaps.covers(at(minute)))
    watched = gaps.watched(at(since), at(since + lasted))
    assert watched + missed * MINUTE == lasted * MINUTE


@given(found=FEW_GAPS, minute=MINUTES)
def test_a_moment_is_covered_where_any_gap_covers_it_its_start_and_not_its_end(
    found: list[Gap], minute: int
) -> None:
    covered = any(each.began_at <= at(minute) < each.ended_at for each in found)
    assert gaps_of(*found).covers(at(minute)) is covered


@given(found=FEW_GAPS, data=st.data())
def test_gaps_are_the_same_in_whatever_order_they_came(
    found: list[Gap], data: st.DataObject
) -> None:
    assert gaps_of(*data.draw(st.permutations(found))) == gaps_of(*found)


@given(found=APART, data=st.data())
def test_more_gaps_than_are_kept_melt_alike_in_whatever_order_they_came(
    found: list[Gap], data: st.DataObject
) -> None:
    gaps = gaps_of(*data.draw(st.permutations(found)))
    assert gaps == gaps_of(*sorted(found))
    assert len(gaps.spans) == GAPS_KEPT


@given(found=st.lists(GAP, max_size=150))
def test_gaps_stay_few_in_order_and_apart_and_none_is_ever_forgotten(found: list[Gap]) -> None:
    gaps = gaps_of(*found)
    assert len(gaps.spans) <= GAPS_KEPT
    assert all(first.ended_at < second.began_at for first, second in pairwise(gaps.spans))
    for each in found:
        assert any(
            kept.began_at <= each.began_at and each.ended_at <= kept.ended_at for kept in gaps.spans
        )


@given(found=st.lists(GAP, max_size=150), more=st.lists(GAP, max_size=30))
def test_two_sets_of_gaps_are_put_together_as_if_they_were_one(
    found: list[Gap], more: list[Gap]
) -> None:
    both = gaps_of(*found).merged(gaps_of(*more))
    assert len(both.spans) <= GAPS_KEPT
    assert both.merged(both) == both
    if len(found) + len(more) <= GAPS_KEPT:
        assert both == gaps_of(*found, *more)
    for each in [*found, *more]:
        assert not both.watched(each.began_at, each.ended_at)


@given(found=APART)
def test_the_newest_gaps_are_kept_as_they_were(found: list[Gap]) -> None:
    gaps, newest = gaps_of(*found), sorted(found)[-GAPS_KEPT + 1 :]
    oldest = sorted(found)[: -GAPS_KEPT + 1]
    assert list(gaps.spans[1:]) == newest
    assert gaps.spans[0] == Gap(oldest[0].began_at, oldest[-1].ended_at)


@given(found=st.lists(GAP, max_size=150), since=MINUTES, lasted=MINUTES)
def test_melting_never_invents_watched_time(found: list[Gap], since: int, lasted: int) -> None:
    covered = set(range(since, since + lasted)) - {
        minute
        for each in found
        for minute in range(
            int((each.began_at - NOW) / MINUTE), int((each.ended_at - NOW) / MINUTE)
        )
    }
    watched = gaps_of(*found).watched(at(since), at(since + lasted))
    assert timedelta() <= watched <= len(covered) * MINUTE


def test_time_in_the_wrong_order_was_never_watched() -> None:
    assert NO_GAPS.watched(NOW, NOW - HOUR) == timedelta()
    assert gaps_of(gap(0, 10)).watched(at(5), at(2)) == timedelta()


def test_no_gap_adds_nothing() -> None:
    some = gaps_of(gap(0, 10))
    assert some.added(None) is some


def test_gaps_that_touch_are_one() -> None:
    assert gaps_of(gap(10, 20), gap(0, 10)).spans == (gap(0, 20),)
    assert gaps_of(gap(0, 9), gap(10, 20), gap(5, 15)).spans == (gap(0, 20),)
    assert gaps_of(gap(0, 30), gap(5, 6)).spans == (gap(0, 30),)


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(), None),
        (EVERY, None),
        (3 * EVERY, None),
        (3 * EVERY + SECOND, Gap(NOW - 3 * EVERY - 11 * SECOND, NOW)),
        (DAY, Gap(NOW - DAY - 10 * SECOND, NOW)),
        (-HOUR, None),
    ],
)
def test_nobody_watched_when_the_last_complete_sweep_ended_over_three_intervals_ago(
    ago: timedelta, expected: Gap | None
) -> None:
    ended_at = NOW - ago
    found = open_gap(
        watched_from=ended_at - 10 * SECOND, watched_until=ended_at, now=NOW, every=EVERY
    )
    assert found == expected


def test_before_the_first_complete_sweep_nobody_ever_watched() -> None:
    assert open_gap(watched_from=None, watched_until=None, now=NOW, every=EVERY) == Gap(DAWN, NOW)


def test_without_a_start_the_gap_begins_at_the_end_of_the_last_sweep() -> None:
    found = open_gap(watched_from=None, watched_until=NOW - HOUR, now=NOW, every=EVERY)
    assert found == Gap(NOW - HOUR, NOW)


def test_a_clock_that_stepped_back_during_the_last_sweep_leaves_no_gap_inside_out() -> None:
    found = open_gap(watched_from=NOW + HOUR, watched_until=NOW - HOUR, now=NOW, every=EVERY)
    assert found == Gap(NOW - HOUR, NOW), "the time since its end was missed"


SWEEPS = st.lists(
    st.tuples(st.integers(1, 300), st.integers(1, 40), st.booleans()), min_size=1, max_size=12
)
"""Seconds of rest before a sweep, seconds it took, and whether it was complete."""


@given(sweeps=SWEEPS, ended=st.integers(0, 4000))
def test_an_end_is_late_where_complete_sweeps_were_too_far_apart_however_many_broke_between(
    sweeps: list[tuple[int, int, bool]], ended: int
) -> None:
    now, gaps = NOW, NO_GAPS
    complete: list[tuple[datetime, datetime]] = []
    for rest, took, whole in sweeps:
        started_at = now + rest * SECOND
        now = started_at + took * SECOND
        last = complete[-1] if complete else (None, None)
        found = gaps.added(
            open_gap(watched_from=last[0], watched_until=last[1], now=started_at, every=EVERY)
        )
        if whole:  # a sweep that broke leaves the gap open for the next
            gaps = found
            complete.append((started_at, now))

    moment = NOW + ended * SECOND
    spans = [(DAWN, complete[0][0])] if complete else []
    spans += [
        (before[0], after[0])
        for before, after in pairwise(complete)
        if after[0] - before[1] > 3 * EVERY
    ]
    unwatched = any(began <= moment < over for began, over in spans)
    seen_at = moment + 3 * EVERY + SECOND
    seen = watch(observed_at=seen_at, gaps=gaps)
    assert is_late(job("Failed", ended_at=moment), seen) is unwatched
    assert not is_late(job("Failed", ended_at=moment), watch(observed_at=moment, gaps=gaps))
