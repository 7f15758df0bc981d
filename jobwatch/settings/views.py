"""What others make of the settings: subscriptions, policies, and the configuration as it may be shown."""

from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, assert_never

from pydantic import BaseModel, SecretStr

from jobwatch.core.addresses import Guard, read_cidr
from jobwatch.core.digest import DigestPolicy
from jobwatch.core.durations import format_duration
from jobwatch.core.events import EventType
from jobwatch.core.routing import Selection, Subscription
from jobwatch.formats import CHATS
from jobwatch.formats.pagerduty import DEFAULT_URL
from jobwatch.settings.model import Settings
from jobwatch.settings.receivers import Exceptions, Receiver
from jobwatch.settings.rules import overridden
from jobwatch.settings.told import default_words, types_of

MASK = "***"
_EVERYTHING = ("*",)


def subscriptions(settings: Settings) -> tuple[Subscription, ...]:
    """What every receiver wants, in the order of the configuration."""
    return tuple(_subscription(name, receiver) for name, receiver in settings.receivers.items())


def _subscription(name: str, receiver: Receiver) -> Subscription:
    wants = receiver.wants
    return Subscription(
        receiver=name,
        wants=Selection(
            types=types_of(wanted_words(receiver)),
            sources=wants.sources,
            operations=wants.operations,
            descriptions=wants.descriptions,
        ),
        exceptions=_exceptions(wants.except_),
        failed_tasks_at_least=wants.failed_tasks_at_least,
        failed_ratio_at_least=wants.failed_ratio_at_least,
        give_up_after=give_up_after(receiver),
    )


def _exceptions(given: Exceptions) -> Selection | None:
    """What is excepted; a key left out matches everything, and no key at all excepts nothing."""
    if given == Exceptions():
        return None
    return Selection(
        types=frozenset(EventType) if given.types is None else types_of(given.types),
        sources=_EVERYTHING if given.sources is None else given.sources,
        operations=_EVERYTHING if given.operations is None else given.operations,
        descriptions=_EVERYTHING if given.descriptions is None else given.descriptions,
    )


def wanted_words(receiver: Receiver) -> tuple[str, ...]:
    """The types and groups that a receiver wants, those of its format where it does not say."""
    return default_words(receiver.format) if receiver.wants.types is None else receiver.wants.types


def give_up_after(receiver: Receiver) -> timedelta:
    """How long a delivery is tried: programs may be down for a weekend, chats are stale then."""
    if receiver.give_up_after is not None:
        return receiver.give_up_after
    match receiver.format:
        case "standard" | "template":
            return timedelta(days=3)
        case "pagerduty":
            return timedelta(hours=24)
        case "slack" | "wecom" | "dingtalk" | "feishu" | "teams":
            return timedelta(hours=6)
        case _:
            assert_never(receiver.format)


def max_age(receiver: Receiver) -> timedelta | None:
    """How old news may be to be sent; None sends any."""
    if receiver.max_age is not None or receiver.format in ("standard", "template"):
        return receiver.max_age
    return timedelta(hours=24)


def digest_policy(receiver: Receiver) -> DigestPolicy | None:
    """How news is told together; None where every event is told by itself."""
    if receiver.digest is None or receiver.format not in CHATS:
        return None
    return DigestPolicy(first=receiver.digest.first, every=receiver.digest.every)


def egress_guard(settings: Settings) -> Guard:
    """Which addresses may be sent to."""
    egress = settings.egress
    return Guard(mode=egress.guard, allow=tuple(read_cidr(each) for each in egress.allow_cidrs))


def redacted(settings: Settings) -> dict[str, Any]:
    """The effective configuration as JSON values: what is secret as ***, files as their paths."""
    shown = _shown(settings)
    for name, receiver in settings.receivers.items():
        shown["receivers"][name].update(_chosen(receiver, shown["receivers"][name]))
    for name in settings.sources:
        shown["sources"][name]["rules"] = _shown(overridden(settings, name))
    return dict(shown)


def _chosen(receiver: Receiver, shown: dict[str, Any]) -> dict[str, Any]:
    """What the format chose where the configuration does not say, or where it has no say."""
    chosen = {
        "give_up_after": _shown(give_up_after(receiver)),
        "max_age": _shown(max_age(receiver)),
        "wants": {**shown["wants"], "types": list(wanted_words(receiver))},
    }
    if digest_policy(receiver) is None:
        chosen["digest"] = None
    if receiver.format == "pagerduty" and not (receiver.url or receiver.url_file):
        chosen["url"] = DEFAULT_URL
    return chosen


def _shown(value: Any) -> Any:  # noqa: PLR0911  # one for each kind of value
    match value:
        case SecretStr():
            return MASK
        case BaseModel():
            fields = type(value).model_fields.items()
            return {field.alias or name: _shown(getattr(value, name)) for name, field in fields}
        case dict():
            return {key: _shown(item) for key, item in value.items()}
        case tuple() | list():
            return [_shown(item) for item in value]
        case timedelta():
            return format_duration(value)
        case Path():
            return str(value)
        case Enum():
            return value.value
        case _:
            return value
