"""What an event's document says, in a few words for people. Pure.

Law: a document may have been cut, or come from an older version: what is not as expected is left out, never an error.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeGuard

from jobwatch.core.conditions import ConditionState
from jobwatch.story.phrases import count, instant
from jobwatch.story.words import CONDITIONS, said


def condition_words(condition: Mapping[str, object]) -> str:
    """What an event says of its condition: `stalled: opened, it holds since …`, `stalled: closed`."""
    name, state = condition.get("name"), str(condition.get("state"))
    words = f"{name}: {said(CONDITIONS, state)}"
    if state == ConditionState.OPENED:
        return f"{words}, it holds since {written_moment(condition.get('since'))}"
    times = number(condition, "reminder")
    return f"{words}, {count(times, 'time')} so far" if state == ConditionState.REMINDED else words


def written_moment(written: object) -> str:
    """A time of a document as people read it; as it was written where it is none."""
    try:
        return instant(datetime.fromisoformat(str(written)))
    except ValueError:
        return str(written)


def source_words(data: Mapping[str, object]) -> list[str]:
    """What an event about a source or a receiver says: what went wrong, and what was counted."""
    error = part(data, "error")
    words = [str(data[name]) for name in ("reason", "error") if isinstance(data.get(name), str)]
    if error:
        request = f" (request {error['request_id']})" if error.get("request_id") else ""
        words.append(f"{error.get('code') or error.get('class')}: {error.get('message')}{request}")
    counts = [f"{value:,} {name}" for name, value in data.items() if _is_number(value)]
    return [*words, ", ".join(counts)]


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def part(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    """A mapping within a document, empty where there is none."""
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def task_words(progress: Mapping[str, object]) -> str:
    """Counts of tasks in an event's words: `6 of 10 tasks failed`, or `10 tasks`."""
    total, failed = number(progress, "total"), number(progress, "failed")
    if not total:
        return ""
    return f"{failed:,} of {total:,} tasks failed" if failed else f"{total:,} tasks"


def number(document: Mapping[str, object], key: str) -> int:
    """A whole number within a document, 0 where there is none."""
    found = document.get(key)
    return found if isinstance(found, int) else 0


def failure_reasons(detail: Mapping[str, object]) -> list[str]:
    """Why a job failed, as `code: message`, from an event's detail."""
    failures = detail.get("failures")
    if not isinstance(failures, Sequence) or isinstance(failures, str):
        return []
    pairs = [
        (str(each.get("code") or ""), str(each.get("message") or ""))
        for each in failures
        if isinstance(each, Mapping)
    ]
    return [": ".join(part for part in pair if part) for pair in pairs if any(pair)]
