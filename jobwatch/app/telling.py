"""Builds what tells one receiver: its notifier, and what the store has to know of it."""

import asyncio
import hashlib
import hmac
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import structlog

from jobwatch.app.clock import utc_now
from jobwatch.core.model import Origin
from jobwatch.core.outbox import RetryPolicy, Settlement
from jobwatch.formats import limits, waits
from jobwatch.formats.values import Recipient
from jobwatch.metrics import Metrics
from jobwatch.notifier import Notifier, Post
from jobwatch.settings import (
    Settings,
    digest_policy,
    give_up_after,
    live_recipient,
    max_age,
)
from jobwatch.store import Store
from jobwatch.store.outbox_values import Manner
from jobwatch.transport import Transport

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """What every receiver shares. `spawn` starts an attempt."""

    settings: Settings
    store: Store
    metrics: Metrics
    transport: Transport
    spawn: Callable[[Coroutine[None, None, Settlement]], asyncio.Task[Settlement]]


def open_notifier(outlet: Outlet, name: str) -> Notifier:
    """The notifier of one receiver."""
    receiver = outlet.settings.receivers[name]
    post = Post(
        receiver=name,
        format=receiver.format,
        recipient=_recipient(outlet.settings, name),
        manner=_manner(outlet.settings, name, outlet.store.store_id),
        policy=RetryPolicy(waits=waits(receiver.format)),
        timeout=receiver.timeout,
        concurrency=receiver.concurrency,
    )
    return Notifier(
        post=post,
        store=outlet.store,
        send=outlet.transport.send,
        attempted=outlet.metrics.attempted,
        clock=utc_now,
        chance=random.random,
        spawn=outlet.spawn,
    )


def _recipient(settings: Settings, name: str) -> Callable[[], Recipient]:
    recipient = live_recipient(settings, name)

    def current() -> Recipient:
        now = recipient.current()
        for problem in recipient.take_problems():
            log.warning("secret.unreadable", receiver=name, problem=problem)
        return now

    return current


def own_origin(settings: Settings) -> Origin:
    """What jobwatch says of itself comes from no source."""
    return Origin(
        instance=settings.instance,
        source="",
        provider="",
        region="",
        account="",
        labels={},
        public_url=settings.http.public_url,
    )


def _manner(settings: Settings, name: str, store_id: str) -> Callable[[Recipient], Manner]:
    receiver, origin = settings.receivers[name], own_origin(settings)

    def manner(recipient: Recipient) -> Manner:
        return Manner(
            receiver=name,
            fingerprint=fingerprint(store_id, recipient),
            gate=gate_key(store_id, recipient.url),
            origin=origin,
            rates=limits(receiver.format).rates,
            digest=digest_policy(receiver),
            give_up_after=give_up_after(receiver),
            max_age=max_age(receiver),
        )

    return manner


def fingerprint(store_id: str, recipient: Recipient) -> str:
    """What changes with a receiver's URL, keys or headers, and tells nothing of them: a keyed hash."""
    parts = [recipient.url, recipient.routing_key or "", *recipient.secrets]
    parts += [text for header in recipient.headers for text in header]
    return _keyed(store_id, "\x1f".join(parts))


def gate_key(store_id: str, url: str) -> str:
    """The name of a URL in the store: a keyed hash."""
    return _keyed(store_id, url)


def _keyed(store_id: str, text: str) -> str:
    digest = hmac.digest(store_id.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return digest.hex()[:32]
