"""What goes into a format and comes out of it."""

from dataclasses import dataclass, field
from datetime import timedelta

from jobwatch.core.outbox import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event on its way out: the document as stored, whose bytes are never changed."""

    id: str
    type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Where a message goes, as the configuration says now. All but the name are secrets.

    `secrets` sign, newest first. `headers` join every request and override the content type.
    """

    name: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


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
