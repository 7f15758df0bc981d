"""What goes into a format and comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta, tzinfo
from typing import Literal, TypeAlias

from jobwatch.core.outbox import Result
from jobwatch.core.rate_gate import Rate

Language: TypeAlias = Literal["en", "zh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event on its way out: the document as stored, whose bytes are never changed."""

    id: str
    type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Whom a chat message calls, and for which event types. `everybody` is the whole chat."""

    types: frozenset[str] = frozenset()
    mobiles: tuple[str, ...] = ()
    everybody: bool = False


NOBODY = Mention()


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a message for people is written. `timezone_name` is shown beside times."""

    language: Language = "en"
    timezone: tzinfo = UTC
    timezone_name: str = "UTC"
    title_prefix: str = ""
    mention: Mention = NOBODY


PLAIN = Style()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Where a message goes, as the configuration says now. All but the name and the style are secrets.

    `secrets` sign, newest first. `headers` join every request and override the content type. `routing_key` belongs to
    `pagerduty`, `template` (Jinja2 text) to `template`.
    """

    name: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    routing_key: str | None = field(default=None, repr=False)
    template: str | None = field(default=None, repr=False)
    style: Style = PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a receiver of a format takes: bytes of a request's body at most, and how often.

    `rates` all hold at once, for every URL by itself; none where nobody publishes one.
    """

    max_bytes: int
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an answer means. `answer` is its scrubbed beginning, or the words of the error.

    `status` is None where no answer came. `retry_after` is how long the receiver asked to be left
    alone, bounded.
    """

    result: Result
    status: int | None = None
    retry_after: timedelta | None = None
    answer: str = ""


Document: TypeAlias = Mapping[str, object]
"""An event's body, parsed."""
