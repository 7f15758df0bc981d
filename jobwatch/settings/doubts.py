"""What is allowed and likely not meant: keys that change nothing, a URL that belongs to another format."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from jobwatch.core.addresses import literal, refusal
from jobwatch.core.durations import format_duration
from jobwatch.core.events import PROBLEMS, EventType
from jobwatch.formats import CHATS
from jobwatch.providers.cas import CasSettings
from jobwatch.settings.looking import text_of
from jobwatch.settings.model import Heartbeat, Settings
from jobwatch.settings.problems import Mistake
from jobwatch.settings.receivers import Mention, Receiver
from jobwatch.settings.rules import rules_for
from jobwatch.settings.told import calling_types
from jobwatch.settings.views import digest_policy, egress_guard, max_age
from jobwatch.settings.yaml_tree import KeyPath

CALLS_MOBILES = frozenset({"wecom", "dingtalk"})
CALLS_EVERYBODY = frozenset({"slack", "wecom", "dingtalk", "feishu"})
ONE_SECRET = frozenset({"dingtalk", "feishu"})
"""Formats whose robot has a single secret, and whose request carries a single signature."""

_NO_PROBLEMS = frozenset(EventType) - PROBLEMS - {EventType.DIGEST}
"""News that is good to know: no message that tells it calls anybody, whatever `mention` says."""

HOSTS = {
    "hooks.slack.com": "slack",
    "hooks.slack-gov.com": "slack",
    "qyapi.weixin.qq.com": "wecom",
    "oapi.dingtalk.com": "dingtalk",
    "open.feishu.cn": "feishu",
    "open.larksuite.com": "feishu",
    "*.logic.azure.com": "teams",
    "*.api.powerplatform.com": "teams",
    "*.webhook.office.com": "teams",
    "events.pagerduty.com": "pagerduty",
    "events.eu.pagerduty.com": "pagerduty",
}
"""Hosts that speak one format alone, as globs."""


def doubts(settings: Settings, receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    """Look at one receiver whose keys are all right by themselves."""
    yield from _unread(receiver, path)
    yield from _mention(receiver, (*path, "mention"))
    yield from _digest(receiver, path)
    if receiver.format in ONE_SECRET and len(receiver.secrets) + len(receiver.secret_files) > 1:
        yield Mistake(
            (*path, "secrets"), "has several: a robot has one secret, and only the first signs"
        )
    yield from _other_format(receiver, path)
    yield from unreached(settings, receiver, path)


def nothing_expires(settings: Settings) -> Iterator[Mistake]:
    """Doubt a rule on output that expires where no output does."""
    sources = settings.sources.items()
    cos = {name: each for name, each in sources if not isinstance(each.provider, CasSettings)}
    paths: list[KeyPath] = [
        ("sources", name, "rules") for name, each in cos.items() if each.rules.expiring_before
    ]
    if settings.rules.expiring_before and len(cos) == len(sources):
        paths.append(("rules",))
    for path in paths:
        yield Mistake((*path, "expiring_before"), "never speaks: only jobs of kind cas have output")


def expires_between_sweeps(settings: Settings) -> Iterator[Mistake]:
    """Doubt a reminder that a sweep may come too late for."""
    for name, source in settings.sources.items():
        before = rules_for(settings, name).expiring_before
        if isinstance(source.provider, CasSettings) and before and before < source.every:
            told = format_duration(source.every)
            yield Mistake(
                ("sources", name, "rules", "expiring_before"),
                f"is shorter than `every` ({told}): output may expire before anybody looks",
            )


def unreached(settings: Settings, part: Receiver | Heartbeat, path: KeyPath) -> Iterator[Mistake]:
    """Doubt an address in a URL to which the guard lets nothing out."""
    key, host = _place(part)
    address = literal(host)
    refused = address and refusal(egress_guard(settings), address)
    if refused:
        yield Mistake((*path, key), f"nothing will be sent there: {refused}")


def _unread(receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    """Words for messages to people, given to a receiver that gets the event itself."""
    if receiver.format != "standard":
        return
    for key in ("language", "timezone", "title_prefix"):
        if getattr(receiver, key) != type(receiver).model_fields[key].default:
            yield Mistake((*path, key), "changes nothing: format standard sends the event itself")


def _mention(receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    mention, format_ = receiver.mention, receiver.format
    if mention == Mention():
        return
    if format_ not in CALLS_EVERYBODY:
        yield Mistake(path, f"calls nobody: format {format_} cannot")
        return
    if mention.mobiles and format_ not in CALLS_MOBILES:
        yield Mistake((*path, "mobiles"), f"calls nobody: format {format_} knows no mobile numbers")
    if not mention.types:
        yield Mistake(
            (*path, "types"), "is empty, so nobody is called; write for example [problems]"
        )
    elif not (mention.mobiles or mention.all):
        yield Mistake(path, "calls nobody: it has types, but neither mobiles nor all: true")
    elif not calling_types(mention.types) - _NO_PROBLEMS:
        yield Mistake(
            (*path, "types"),
            "calls nobody: none of these is a problem; write for example [problems]",
        )


def _digest(receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    written = "digest" in receiver.model_fields_set and receiver.digest is not None
    if written and receiver.format not in CHATS:
        yield Mistake(
            (*path, "digest"),
            f"changes nothing: format {receiver.format} tells each event by itself",
        )
    policy, oldest = digest_policy(receiver), max_age(receiver)
    if policy is not None and oldest is not None and oldest <= policy.every:
        yield Mistake(
            (*path, "max_age"),
            "is no longer than digest.every: what waits for a digest is too old then",
        )


def _other_format(receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    key, host = _place(receiver)
    meant = next((name for glob, name in HOSTS.items() if fnmatchcase(host, glob)), None)
    if meant is not None and receiver.format not in (meant, "template"):
        yield Mistake((*path, key), f"looks like a URL of {meant}; is format: {meant} meant?")


def _place(part: Receiver | Heartbeat) -> tuple[str, str]:
    """The key that holds a URL, and the URL's host; "" where none can be read."""
    try:
        host = urlsplit(text_of(part.url, part.url_file) or "").hostname
    except ValueError:
        host = None
    return "url_file" if part.url is None else "url", host or ""
