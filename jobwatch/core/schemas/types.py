"""What each type of event promises beyond its family: the one place where that is said."""

from collections.abc import Mapping
from typing import NamedTuple, assert_never

from jobwatch.core.conditions import ConditionName, ConditionState
from jobwatch.core.events import CONDITIONS, EventType, Severity
from jobwatch.core.model import Outcome, Phase
from jobwatch.core.schemas.parts import Schema, count, fixed

_NULL: Schema = {"type": "null"}
_TEXT: Schema = {"type": "string"}


class _End(NamedTuple):
    """How a job ended, and how urgent that is. `phases` are those that it may then show."""

    outcome: Outcome
    severities: tuple[Severity, ...]
    phases: tuple[Phase, ...]


_ENDS = {
    EventType.SUCCEEDED: _End(Outcome.SUCCEEDED, (Severity.INFO,), (Phase.SUCCEEDED,)),
    EventType.COMPLETED_WITH_FAILURES: _End(
        Outcome.COMPLETED_WITH_FAILURES,
        (Severity.WARNING, Severity.CRITICAL),
        (Phase.SUCCEEDED,),
    ),
    EventType.FAILED: _End(Outcome.FAILED, (Severity.CRITICAL,), (Phase.FAILED,)),
    EventType.CANCELLED: _End(Outcome.CANCELLED, (Severity.INFO,), (Phase.CANCELLED,)),
    EventType.VANISHED: _End(Outcome.VANISHED, (Severity.CRITICAL,), tuple(Phase)),
}
_NEWS: Mapping[EventType, Schema] = {
    EventType.DISCOVERED: {"previous_status": _NULL, "job": {"properties": {"outcome": _NULL}}},
    EventType.STATUS_CHANGED: {"previous_status": _TEXT},
    EventType.TEST: {"reason": _NULL, "error": _NULL},
}
_NUMBERS: Mapping[EventType, Schema] = {
    EventType.BASELINED: {"required": ["listed", "unfinished", "waiting"]},
    EventType.SUSPECT: {"required": ["missing", "unfinished"]},
}
_NAMES = {type_: name for name, type_ in CONDITIONS.items()}
_URGENT = frozenset({EventType.UNREACHABLE, EventType.SUSPECT, EventType.PAUSED})


def family_of(type_: EventType) -> str:
    """The first word of a type, which its kin have in common."""
    return type_.value.partition(".")[0]


def promised(type_: EventType) -> Schema:
    """What holds of `data` in events of this type."""
    match type_:
        case (
            EventType.SUCCEEDED
            | EventType.COMPLETED_WITH_FAILURES
            | EventType.FAILED
            | EventType.CANCELLED
            | EventType.VANISHED
        ):
            return _ended(type_)
        case EventType.DISCOVERED | EventType.STATUS_CHANGED | EventType.BASELINED | EventType.TEST:
            return _happened(type_)
        case EventType.OUTPUT_EXPIRING:
            return _expiring()
        case EventType.DIGEST:
            return {}
        case (
            EventType.STALLED
            | EventType.STUCK
            | EventType.WAITING
            | EventType.OVERDUE
            | EventType.FAILING
            | EventType.UNREACHABLE
            | EventType.SUSPECT
            | EventType.PAUSED
        ):
            return _of_condition(type_)
        case _:
            assert_never(type_)


def _happened(type_: EventType) -> Schema:
    """Something that happened once: no condition, nothing to worry about."""
    told: Schema = {"condition": _NULL, "severity": fixed(Severity.INFO), **_NEWS.get(type_, {})}
    return {**_narrowed(told), **_NUMBERS.get(type_, {})}


def _narrowed(properties: Schema) -> Schema:
    return {"properties": properties}


def _expiring() -> Schema:
    """A reminder of a job that has ended already: something of it has an end, too."""
    job = _narrowed({"output_expires_at": _TEXT})
    told: Schema = {"condition": _NULL, "severity": fixed(Severity.WARNING), "job": job}
    return _narrowed(told | {"previous_status": _NULL, "late": {"const": False}})


def _ended(type_: EventType) -> Schema:
    end = _ENDS[type_]
    job: Schema = {
        "outcome": fixed(end.outcome),
        "phase": {"enum": [each.value for each in end.phases]},
    }
    if type_ is EventType.SUCCEEDED:
        job["progress"] = _narrowed({"failed": {"const": 0}})
    if type_ is EventType.COMPLETED_WITH_FAILURES:
        some = _narrowed({"failed": count("Tasks that failed.", least=1)})
        job["progress"] = {"type": "object", **some}
    told: Schema = {
        "condition": _NULL,
        "severity": {"enum": [each.value for each in end.severities]},
        "job": _narrowed(job),
    }
    return {**_narrowed(told), **_detail_or_why(type_)}


def _detail_or_why(type_: EventType) -> Schema:
    """An ending is told once DescribeJob answered, or with the reason why it did not; of a job that is gone it is not asked."""
    if type_ is EventType.VANISHED:
        return {}
    there = _narrowed({"detail": {"type": "object"}})
    return {"if": there, "else": {"required": ["detail_error"]}}


def _of_condition(type_: EventType) -> Schema:
    name: ConditionName = _NAMES[type_]
    severity = Severity.CRITICAL if type_ in _URGENT else Severity.WARNING
    told: Schema = {"condition": {"type": "object", **_narrowed({"name": fixed(name)})}}
    if family_of(type_) == "job":
        told |= {"previous_status": _NULL, "late": {"const": False}}
    holds: Schema = {"severity": fixed(severity)}
    over: Schema = {"severity": fixed(Severity.INFO)}
    if type_ is EventType.PAUSED:
        holds |= {"reason": _TEXT}
        over |= {"reason": _NULL, "error": _NULL}
    state = _narrowed({"state": fixed(ConditionState.CLOSED)})
    closed = _narrowed({"condition": state})
    return {
        **_narrowed(told),
        **_NUMBERS.get(type_, {}),
        "if": closed,
        "then": _narrowed(over),
        "else": _narrowed(holds),
    }
