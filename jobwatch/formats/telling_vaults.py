"""What is told of a job of a vault: what it does in words, about which archive or object, and until when its output stays.

There is nothing to count in it: no task, no ratio. What the job gave is deleted a day after its end
(https://cloud.tencent.com/document/product/572/8827), so a message says how long is left.
"""

from collections.abc import Iterator
from datetime import timedelta

from jobwatch.formats.account import Event, fact, moment_words
from jobwatch.formats.message import Fact
from jobwatch.formats.reading import CODE, DESCRIPTION, NAME, instant, number, section, text
from jobwatch.formats.values import Document

EXPIRING = "job.output_expiring"

_SIZES = ("archive_size_bytes", "inventory_size_bytes")
_RANGES = ("retrieval_byte_range", "range")


def vault(event: Event) -> str:
    """The vault of the job, "" where it belongs to none."""
    return text(section(event.data, "job"), "scope", NAME)


def operation_words(event: Event) -> str:
    """What the job does, in words, and in which vault; "" for a job of no vault."""
    where = vault(event)
    if not where:
        return ""
    word = text(section(event.data, "job"), "operation", CODE)
    known = f"operation:{word.lower()}"
    what = event.say(known) if event.voice.knows(known) else word
    if not what:
        return event.say("in_vault_unsaid", vault=where)
    return event.say("in_vault", operation=what, vault=where)


def output_words(event: Event) -> str:
    """Until when what the job gave can be fetched, and how long that is; "" where there is nothing to fetch."""
    job = section(event.data, "job")
    until = instant(job, "output_expires_at")
    moment = moment_words(event, job, "output_expires_at")
    if until is None or not moment:
        return event.say("output_expiring") if event.type == EXPIRING else ""
    left = until - event.observed_at if event.observed_at else None
    if left is None:
        return event.say("output_until_untimed", moment=moment)
    if left <= timedelta():
        return event.say("output_gone", moment=moment)
    form = "output_left" if event.type == EXPIRING else "output_until"
    return event.say(form, moment=moment, span=event.voice.hours(left))


def vault_facts(event: Event) -> Iterator[Fact]:
    """Where the job is, and what it is about, as far as the cloud says."""
    fields = section(event.data, "detail", "fields")
    yield fact(event, "vault", vault(event), code=True)
    yield fact(event, "archive", text(fields, "archive_id", DESCRIPTION), code=True)
    yield fact(event, "object", _place(fields), code=True)
    yield fact(
        event, "size", next(filter(None, (_size(event, fields, each) for each in _SIZES)), "")
    )
    yield fact(event, "range", next(filter(None, (text(fields, each) for each in _RANGES)), ""))


def lesser_facts(event: Event) -> Iterator[Fact]:
    """What matters less than the rest."""
    fields = section(event.data, "detail", "fields")
    yield fact(event, "archive_description", text(fields, "archive_description", DESCRIPTION))
    yield fact(event, "tier", text(fields, "tier", CODE), code=True)
    inventory = section(fields, "inventory")
    dates = " → ".join(filter(None, (text(inventory, "start_date"), text(inventory, "end_date"))))
    words = (text(inventory, "format"), dates)
    yield fact(event, "inventory", ", ".join(filter(None, words)))


def _place(fields: Document) -> str:
    """Bucket and object as one path; an object's own name begins with a slash or not."""
    bucket, name = text(fields, "bucket", DESCRIPTION), text(fields, "object", DESCRIPTION)
    return "/".join(filter(None, (bucket.rstrip("/"), name.lstrip("/"))))


def _size(event: Event, fields: Document, name: str) -> str:
    """A size as people read it; the cloud's own text where that is no number."""
    size = number(fields, name)
    return text(fields, name) if size is None else event.voice.size(size)
