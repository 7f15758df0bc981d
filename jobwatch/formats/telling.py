"""An event's document as a message for people: what happened first, then how much, why, since when, where to look.

1. No document makes it fail: what is missing or odd is left out.
2. Only the document and the style decide what it says: it is the same on every try.
"""

from dataclasses import replace

from jobwatch.formats.account import Account, Event, resolved, titled
from jobwatch.formats.message import Message, Sample, Tone
from jobwatch.formats.reading import NAME, link, number, plain, section, sections, text
from jobwatch.formats.telling_digest import digest_account
from jobwatch.formats.telling_jobs import job_account
from jobwatch.formats.telling_sources import receiver_account, source_account
from jobwatch.formats.values import Document, Style
from jobwatch.formats.voice import voice

PREFIX = 100
SAMPLE_NOTE = 160
"""Characters of a sample beside its headline."""

_TONES: dict[str, Tone] = {"warning": "warning", "critical": "critical"}
_LINKS = ("job", "source", "home")
_REASONS = ("reason", "failure", "suspended_cause", "error")


def message_of(document: Document, style: Style) -> Message:
    """The message that tells an event, in the style's language and zone."""
    event = Event(document=section({"": document}, ""), voice=voice(style))
    account = _account(event)
    where = link(section(event.data, "links"), *_LINKS)
    message = Message(
        title=" ".join(filter(None, (plain(style.title_prefix, PREFIX), account.title))),
        summary=account.summary,
        tone=_tone(event),
        facts=account.facts,
        link=where,
        link_words=event.say("link") if where else "",
        calls=_calls(event, style),
    )
    return _with_samples(message, event) if event.type == "digest" else message


def _account(event: Event) -> Account:
    if event.type == "digest":
        return digest_account(event)
    if event.type.startswith("source."):
        return source_account(event)
    if event.type.startswith("receiver."):
        return receiver_account(event)
    if section(event.data, "job") or event.type.startswith("job."):
        return job_account(event)
    return Account(title=titled(event, text(event.document, "subject", NAME)), summary="")


def _tone(event: Event) -> Tone:
    if event.state == "closed":
        return "good" if resolved(event) else "info"
    if event.type == "job.succeeded":
        return "good"
    return _TONES.get(text(event.data, "severity"), "info")


def _calls(event: Event, style: Style) -> bool:
    """Whether people are called; a digest calls whom its members would have called."""
    if _called(event.type, event.data, style):
        return True
    counts = sections(event.data, "counts") if event.type == "digest" else ()
    return any(_called(text(each, "type", NAME), each, style) for each in counts)


def _called(kind: str, part: Document, style: Style) -> bool:
    return kind in style.mention.types and text(part, "severity") in _TONES


def _with_samples(message: Message, event: Event) -> Message:
    samples = tuple(
        _sample(replace(event, document=each)) for each in sections(event.data, "samples")
    )
    total = number(event.data, "total")
    omitted = number(event.data, "omitted")
    if omitted is None:
        omitted = max(0, (total or 0) - len(samples))
    form = event.voice.phrases["more"]
    return replace(
        message,
        samples=samples,
        omitted=omitted,
        omitted_words=form.replace("{count}", f"{omitted:,}") if omitted else "",
        omitted_form=form,
    )


def _sample(event: Event) -> Sample:
    if event.type == "digest":  # never written by this program: no digest tells another
        return Sample(headline=text(event.document, "subject", NAME))
    account = _account(event)
    labels = {event.say(f"label.{name}") for name in _REASONS}
    reason = next((each.value for each in account.facts if each.label in labels), "")
    note = " ".join(filter(None, (account.summary, reason)))
    return Sample(headline=account.title, note=plain(note, SAMPLE_NOTE))
