"""What is told of a source, and of a receiver to the other receivers."""

from collections.abc import Iterator

from jobwatch.formats.account import (
    Account,
    Event,
    condition_words,
    fact,
    labels_words,
    lasted,
    moment_words,
    present,
    resolved,
    since_words,
    source_words,
    titled,
)
from jobwatch.formats.message import Fact
from jobwatch.formats.reading import CODE, NAME, REASON, number, section, text

_CLOSED = "closed"


def source_account(event: Event) -> Account:
    """Tell an event of a source."""
    about = event.source or text(event.document, "subject", NAME)
    summary = (condition_words(event), *_source_summary(event))
    return Account(
        title=titled(event, about),
        summary=event.voice.sentences(summary),
        facts=present(_source_facts(event)),
    )


def receiver_account(event: Event) -> Account:
    """Tell an event of a receiver."""
    about = text(event.data, "receiver", NAME) or text(event.document, "subject", NAME)
    summary = (condition_words(event), _receiver_summary(event))
    return Account(
        title=titled(event, about),
        summary=event.voice.sentences(summary),
        facts=present(_receiver_facts(event)),
    )


def _source_summary(event: Event) -> Iterator[str]:
    closed = event.state == _CLOSED
    match event.type:
        case "source.unreachable":
            yield _readable(event) if closed else _unreachable(event)
        case "source.suspect":
            yield _unsuspected(event) if closed else _suspect(event)
        case "source.baselined":
            yield _baselined(event)
        case _:
            return


def _unreachable(event: Event) -> str:
    span = lasted(event)
    if span is None or event.state == "reminded":
        return event.say("unreachable_untimed")
    return event.say("unreachable", span=event.voice.span(span))


def _readable(event: Event) -> str:
    """A source that is watched no more is not read again, and says what its last sweep met."""
    return event.say("readable" if resolved(event) else "unread")


def _unsuspected(event: Event) -> str:
    return event.say("unsuspected" if resolved(event) else "unread")


def _suspect(event: Event) -> str:
    missing, unfinished = number(event.data, "missing"), number(event.data, "unfinished")
    if missing is None or unfinished is None or missing > unfinished:
        return event.say("suspect_uncounted")
    jobs = event.voice.noun("jobs", unfinished)
    return event.say("suspect", missing=missing, unfinished=unfinished, jobs=jobs)


def _baselined(event: Event) -> str:
    names = ("listed", "unfinished", "waiting")
    counts = {name: number(event.data, name) for name in names}
    listed = counts["listed"]
    if listed is None or None in counts.values():
        return event.say("baselined_uncounted")
    return event.say("baselined", **counts, jobs=event.voice.noun("jobs", listed))


def _source_facts(event: Event) -> Iterator[Fact]:
    error = section(event.data, "error")
    words = (text(error, "class"), text(error, "code"), text(error, "message", REASON))
    yield fact(event, "error", ": ".join(dict.fromkeys(filter(None, words))))
    yield fact(event, "since", since_words(event))
    yield fact(event, "source", source_words(event))
    yield fact(event, "last_sweep", moment_words(event, event.data, "last_sweep_at"))
    yield fact(event, "request_id", text(error, "request_id", CODE), code=True)
    yield fact(event, "labels", labels_words(event))


def _receiver_summary(event: Event) -> str:
    if event.type == "receiver.test":
        return event.say("test")
    if event.type != "receiver.paused":
        return ""
    if event.state == _CLOSED:
        return event.say("resumed")
    pending = number(event.data, "pending")
    return event.say("paused_pending", pending=pending) if pending else event.say("paused")


def _receiver_facts(event: Event) -> Iterator[Fact]:
    reason = text(event.data, "reason")
    known = f"pause:{reason}"
    yield fact(event, "reason", event.say(known) if event.voice.knows(known) else reason)
    yield fact(event, "error", text(event.data, "error", REASON))
    yield fact(event, "since", since_words(event))
    instance = text(event.document, "source", NAME).removeprefix("/jobwatch/")
    yield fact(event, "instance", instance, code=True)
    yield fact(event, "observed", moment_words(event, event.data, "observed_at"))
