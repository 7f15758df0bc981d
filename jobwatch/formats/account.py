"""The parts that what is told of jobs, sources and receivers has in common: title, time, condition."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobwatch.formats.message import Fact
from jobwatch.formats.reading import CODE, NAME, instant, number, section, text
from jobwatch.formats.values import Document
from jobwatch.formats.voice import Voice

_BAD_OUTCOMES = frozenset({"completed_with_failures", "failed", "vanished"})
_UNRESOLVED = {"closed": "unresolved"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is told of one event, in words."""

    title: str
    summary: str
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A document that is about to be told, with the parts that every type has."""

    document: Document
    voice: Voice

    @property
    def data(self) -> Document:
        """The event's own part of the document."""
        return section(self.document, "data")

    @property
    def type(self) -> str:
        """The type, "" where there is none."""
        return text(self.document, "type", NAME)

    @property
    def state(self) -> str:
        """What is told of a condition: opened, reminded or closed; "" where it is about none."""
        return text(section(self.data, "condition"), "state")

    @property
    def observed_at(self) -> datetime | None:
        """When what is told was seen."""
        return instant(self.data, "observed_at") or instant(self.document, "time")

    @property
    def source(self) -> str:
        """The name of the source."""
        return text(self.data, "source")

    def say(self, key: str, **values: object) -> str:
        """A phrase in the reader's language."""
        return self.voice.say(key, **values)


def titled(event: Event, what: str) -> str:
    """What happened to what; the type itself where this version has no words for it."""
    words = named(event, event.type, event.state)
    if not words or not what:
        return words or what
    return event.say("titled", title=words, what=what)


def named(event: Event, kind: str, state: str) -> str:
    """What happened, as a title."""
    state = state if resolved(event) else _UNRESOLVED.get(state, state)
    job = event.voice.noun("job_of_a_vault" if _of_a_vault(event) else "job_of_a_list", 1)
    for key in (f"title:{kind}:{state}", f"title:{kind}:{event.state}", f"title:{kind}"):
        if event.voice.knows(key):
            return event.say(key, job=job)
    return kind


def _of_a_vault(event: Event) -> bool:
    return bool(text(section(event.data, "job"), "scope"))


def resolved(event: Event) -> bool:
    """Whether all is well where something closed: its job did not end badly, and its source could be read."""
    outcome = text(section(event.data, "job"), "outcome")
    return outcome not in _BAD_OUTCOMES and not section(event.data, "error")


def since(event: Event) -> datetime | None:
    """Since when the condition has held."""
    return instant(section(event.data, "condition"), "since") or instant(event.data, "since")


def lasted(event: Event) -> timedelta | None:
    """For how long the condition had held when it was told."""
    began, until = since(event), event.observed_at
    return until - began if began and until else None


def condition_words(event: Event) -> str:
    """Which reminder it is, or that it is over, and for how long it has held."""
    span = lasted(event)
    if span is None:
        return ""
    if event.state == "closed":
        return event.say("lasted", span=event.voice.span(span))
    count = number(section(event.data, "condition"), "reminder")
    if event.state == "reminded" and count:
        return event.say("reminder", number=count, span=event.voice.span(span))
    return ""


def since_words(event: Event) -> str:
    """Since when, and how long that is."""
    began, span = since(event), lasted(event)
    if began is None or not (moment := event.voice.moment(began)):
        return ""
    if span is None:
        return moment
    return event.say("lasting", moment=moment, span=event.voice.span(span))


def moment_words(event: Event, part: Document, name: str) -> str:
    """A time of an object, in the reader's zone; "" where there is none."""
    moment = instant(part, name)
    return event.voice.moment(moment) if moment else ""


def source_words(event: Event) -> str:
    """The source and where it is."""
    return " · ".join(filter(None, (event.source, text(event.data, "region", CODE))))


def labels_words(event: Event) -> str:
    """The labels of the source."""
    labels = section(event.data, "labels")
    return ", ".join(f"{name}={text(labels, name)}" for name in list(labels)[:8])


def fact(event: Event, label: str, value: str, *, code: bool = False) -> Fact:
    """One line under a label."""
    return Fact(label=event.say(f"label.{label}"), value=value, code=code)


def present(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts that have something to say."""
    return tuple(each for each in facts if each.value)
