"""One module per payload format: a request out, a verdict on its answer in.

Law of this package: values in, values out. No await, clock, chance, logging or I/O. A format knows
how its receivers speak and nothing else: not when to try again, not what is worth telling.

To add a format, write a module here and list it below: in the `Literal` and in each `match`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias, assert_never

from jobwatch.core.errors import TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.formats import standard
from jobwatch.formats.values import Recipient, Told, Verdict

__all__ = ["FormatName", "Recipient", "Told", "Verdict", "build", "classify"]

FormatName: TypeAlias = Literal["standard"]


def build(
    format_name: FormatName, events: Sequence[Told], recipient: Recipient, now: datetime
) -> HttpRequest:
    """Build the signed request that tells these events, `now` being the time of this attempt.

    Raises `ConfigError` where the recipient's secrets cannot sign.
    """
    match format_name:
        case "standard":
            return standard.build(events, recipient, now)
        case _:
            assert_never(format_name)


def classify(
    format_name: FormatName,
    answer: HttpResponse | TransportError,
    recipient: Recipient,
    now: datetime,
) -> Verdict:
    """Say what the answer to such a request means."""
    match format_name:
        case "standard":
            return standard.classify(answer, recipient, now)
        case _:
            assert_never(format_name)
