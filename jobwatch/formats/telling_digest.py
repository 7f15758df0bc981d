"""What is told of many events at once: how many of which kind, from which source, with how many tasks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from jobwatch.core.events import ENDINGS
from jobwatch.formats.account import Account, Event, fact, moment_words, present
from jobwatch.formats.message import Fact
from jobwatch.formats.reading import CODE, NAME, instant, number, sections, text

KINDS = 3
"""Kinds that a title names."""
SOURCES = 8
"""Sources that a summary names, and kinds of each."""

_MOMENT = timedelta(seconds=1)
_INFO = "info"
_ORDER = {"critical": 0, "warning": 1, _INFO: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """How many of one kind. `key` is the kind: a type, or its closing."""

    source: str
    key: str
    severity: str
    count: int
    tasks: int
    failed: int

    @property
    def weight(self) -> tuple[int, int, str]:
        """What sorts kinds: the most severe first, then the most frequent."""
        return _ORDER.get(self.severity, len(_ORDER)), -self.count, self.key


def digest_account(event: Event) -> Account:
    """Tell a digest."""
    counts = sorted(_counts(event), key=lambda each: each.weight)
    return Account(
        title=_title(event, counts),
        summary=_summary(event, counts),
        facts=present(_facts(event)),
    )


def _counts(event: Event) -> Iterator[_Count]:
    for each in sections(event.data, "counts"):
        kind, severity = text(each, "type", NAME), text(each, "severity")
        closed = f"{kind}:closed"
        # A closing has the type of its opening, and is told by its severity alone.
        over = severity == _INFO and event.voice.knows(f"count:{closed}")
        yield _Count(
            source=text(each, "source"),
            key=closed if over else kind,
            severity=severity,
            count=number(each, "count") or 0,
            tasks=number(each, "tasks") or 0,
            failed=number(each, "tasks_failed") or 0,
        )


def _title(event: Event, counts: Iterable[_Count]) -> str:
    began, ended = instant(event.data, "began_at"), instant(event.data, "ended_at")
    kinds = _kinds(counts)
    total = number(event.data, "total")
    if total is None:
        total = sum(each.count for each in kinds)
    if began and ended and ended - began >= _MOMENT:
        title = event.say("digest", total=total, span=event.voice.span(ended - began))
    else:
        title = event.say("digest_short", total=total)
    words = [_kind_words(event, each) for each in kinds[:KINDS]]
    words += ["…"] if len(kinds) > KINDS else []
    what = event.voice.phrases["list"].join(words)
    return event.say("titled", title=title, what=what) if what else title


def _kinds(counts: Iterable[_Count]) -> list[_Count]:
    """The counts of all sources together, in the order given."""
    found: dict[str, _Count] = {}
    for each in counts:
        before = found.get(each.key)
        found[each.key] = (
            replace(before, count=before.count + each.count) if before else replace(each, source="")
        )
    return list(found.values())


def _kind_words(event: Event, each: _Count) -> str:
    key = f"count:{each.key}"
    if not event.voice.knows(key):
        return event.say("digest_other", count=each.count, type=each.key[:CODE])
    return event.say(key, count=each.count, jobs=event.voice.noun("jobs", each.count))


def _summary(event: Event, counts: Iterable[_Count]) -> str:
    of_sources: dict[str, list[_Count]] = {}
    for each in counts:
        of_sources.setdefault(each.source, []).append(each)
    words = [_source_words(event, name, of) for name, of in list(of_sources.items())[:SOURCES]]
    if len(of_sources) > SOURCES:
        words.append(event.say("more", count=len(of_sources) - SOURCES))
    return event.voice.phrases["groups"].join(words)


def _source_words(event: Event, source: str, counts: list[_Count]) -> str:
    words = [_with_tasks(event, each) for each in counts[:SOURCES]]
    words += ["…"] if len(counts) > SOURCES else []
    listed = event.voice.phrases["list"].join(words)
    return event.say("digest_of", source=source, counts=listed) if source else listed


def _with_tasks(event: Event, each: _Count) -> str:
    """Tasks of what ended: other news may tell of one job again and again, and so would count its tasks."""
    what = _kind_words(event, each)
    if not each.tasks or each.key not in ENDINGS:
        return what
    tasks = event.voice.noun("tasks", each.tasks)
    key = "digest_failed" if each.failed else "digest_tasks"
    return event.say(key, what=what, total=each.tasks, failed=each.failed, tasks=tasks)


def _facts(event: Event) -> Iterator[Fact]:
    moments = (moment_words(event, event.data, name) for name in ("began_at", "ended_at"))
    yield fact(event, "window", " → ".join(filter(None, moments)))
