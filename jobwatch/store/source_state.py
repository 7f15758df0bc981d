"""A row of `sources` as a value, and what a sweep leaves in it as columns."""

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Row

from jobwatch.core.overview import (
    Identity,
    LastError,
    LastSweep,
    SourceKeys,
    SourceState,
    Spending,
    WalkState,
)
from jobwatch.core.watched import Gap, Gaps
from jobwatch.store.columns import EPOCH, MICROSECOND, to_micros
from jobwatch.store.values import Learnt

T = TypeVar("T", LastError, LastSweep, WalkState, Spending, SourceKeys)
_MILLISECOND = timedelta(milliseconds=1)


def state(row: Row[Any]) -> SourceState:
    """A row of `sources`."""
    return SourceState(
        source_id=row.id,
        identity=Identity(name=row.name, kind=row.kind, region=row.region, account=row.account),
        baseline_started_at=row.baseline_started_at,
        baselined_at=row.baselined_at,
        unfinished_data_at=row.unfinished_data_at,
        all_data_at=row.all_data_at,
        watched_until=row.watched_until,
        attempted_at=row.attempted_at,
        next_sweep_at=row.next_sweep_at,
        next_full_at=row.next_full_at,
        asked_at=row.asked_at,
        gaps=_read_gaps(row.gaps),
        walk=_read(WalkState, row.walk_state),
        suspect_since=row.suspect_since,
        clock_offset=None if row.clock_offset_ms is None else row.clock_offset_ms * _MILLISECOND,
        manners=row.budget or {},
        spending=_read(Spending, row.spending),
        keys=_read(SourceKeys, row.keys),
        last_sweep=_read(LastSweep, row.last_sweep),
        failures=row.failures,
        failing_since=row.failing_since,
        last_error=_read(LastError, row.last_error),
        listed=row.listed,
        unfinished=row.unfinished,
        sequence=row.sequence,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
    )


def learnt_columns(learnt: Learnt) -> dict[str, Any]:
    """What a sweep learnt, by column."""
    columns: dict[str, Any] = {
        "budget": dict(learnt.manners),
        "spending": document(learnt.spending),
        "keys": document(learnt.keys),
    }
    if learnt.clock_offset is not None:
        columns["clock_offset_ms"] = round(learnt.clock_offset / _MILLISECOND)
    return columns


def document(value: T | None) -> dict[str, Any] | None:
    """A value as a JSON document: times and durations are microseconds."""
    if value is None:
        return None
    return {name: _written(each) for name, each in asdict(value).items()}


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return to_micros(value)
    return value // MICROSECOND if isinstance(value, timedelta) else value


def gaps_document(gaps: Gaps) -> list[tuple[int | None, int | None]]:
    """Begin and end of each gap in microseconds."""
    return [(to_micros(gap.began_at), to_micros(gap.ended_at)) for gap in gaps.spans]


def _read_gaps(kept: list[tuple[int, int]] | None) -> Gaps:
    return Gaps(tuple(Gap(_moment(began), _moment(ended)) for began, ended in kept or ()))


def _moment(micros: int | None) -> Any:
    return None if micros is None else EPOCH + micros * MICROSECOND


_READERS: dict[str, Callable[[Any], Any]] = {
    "at": _moment,
    "started_at": _moment,
    "expires_at": _moment,
    "withheld_until": _moment,
    "took": lambda micros: micros * MICROSECOND,
    "refused": tuple,
    "missing": tuple,
}
"""How the fields that JSON has no word for are read back, by name."""


def _read(kind: type[T], kept: dict[str, Any] | None) -> T | None:
    """The document as a value. What another version wrote beside it is left out; what lacks something is nothing."""
    if kept is None:
        return None
    known = {each.name for each in fields(kind)}
    found = {
        name: _READERS.get(name, _as_it_is)(each) for name, each in kept.items() if name in known
    }
    try:
        return kind(**found)
    except TypeError:
        return None


def _as_it_is(value: Any) -> Any:
    return value
