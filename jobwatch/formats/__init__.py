"""One module per payload format: a request out, a verdict on its answer in.

Law of this package: values in, values out. No await, clock, chance, logging or I/O. A format knows
how its receivers speak and nothing else: not when to try again, not what is worth telling.

To add a format, write a module here and list it below: in the `Literal`, in `_MODULES` and in each `match`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeAlias, assert_never, get_args

from jobwatch.core.errors import TransportError
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.outbox import CHAT_WAITS, PAGING_WAITS, STANDARD_WAITS
from jobwatch.formats import dingtalk, feishu, pagerduty, slack, standard, teams, wecom
from jobwatch.formats.values import Limits, Recipient, Told, Verdict

__all__ = [
    "CHATS",
    "FORMATS",
    "FormatName",
    "Limits",
    "Recipient",
    "Told",
    "Verdict",
    "build",
    "check_secret",
    "classify",
    "limits",
    "waits",
]

FormatName: TypeAlias = Literal[
    "standard", "slack", "wecom", "dingtalk", "feishu", "teams", "pagerduty", "template"
]
FORMATS: tuple[FormatName, ...] = get_args(FormatName)
CHATS: frozenset[FormatName] = frozenset({"slack", "wecom", "dingtalk", "feishu", "teams"})
"""Formats that people read in a chat: they get digests, and old news is not sent to them."""


class _Format(Protocol):
    """What the module of every format has."""

    @property
    def LIMITS(self) -> Limits: ...  # noqa: N802  a constant of the module

    def build(self, told: Told, recipient: Recipient, now: datetime) -> HttpRequest: ...

    def classify(
        self, answer: HttpResponse | TransportError, recipient: Recipient, now: datetime
    ) -> Verdict: ...


# A dict, not a `match`: eight exceed what a function may branch, and mypy checks this one's values.
_MODULES: dict[FormatName, _Format] = {
    "standard": standard,
    "slack": slack,
    "wecom": wecom,
    "dingtalk": dingtalk,
    "feishu": feishu,
    "teams": teams,
    "pagerduty": pagerduty,
}


def build(name: FormatName, told: Told, recipient: Recipient, now: datetime) -> HttpRequest:
    """Build the request that tells this event, `now` being the time of this attempt.

    Raises `ConfigError` where the recipient's secrets cannot sign, or a key or template is missing; `RenderError`
    where its template cannot be rendered.
    """
    return _format(name).build(told, recipient, now)


def classify(
    name: FormatName, answer: HttpResponse | TransportError, recipient: Recipient, now: datetime
) -> Verdict:
    """Say what the answer to such a request means."""
    return _format(name).classify(answer, recipient, now)


def limits(name: FormatName) -> Limits:
    """How large a request may be, and how often one may go to the same URL."""
    return _format(name).LIMITS


def check_secret(name: FormatName) -> Callable[[str], str | None] | None:
    """What says what is wrong with a secret, without showing it. None: this format has no secrets."""
    match name:
        case "standard" | "template":
            return standard.check_secret
        case "dingtalk":
            return dingtalk.check_secret
        case "feishu":
            return feishu.check_secret
        case "slack" | "wecom" | "teams" | "pagerduty":
            return None
        case _:
            assert_never(name)


def waits(name: FormatName) -> tuple[timedelta, ...]:
    """The pauses between the attempts to tell one event."""
    match name:
        case "standard" | "template":
            return STANDARD_WAITS
        case "pagerduty":
            return PAGING_WAITS
        case "slack" | "wecom" | "dingtalk" | "feishu" | "teams":
            return CHAT_WAITS
        case _:
            assert_never(name)


def _format(name: FormatName) -> _Format:
    if name == "template":
        # Jinja2 takes longer to import than all the rest of this package, and few have templates.
        from jobwatch.formats import template  # noqa: PLC0415

        return template
    return _MODULES[name]
