"""Builds what tells one receiver: its notifier, and what the store has to know of it."""

import asyncio
import hashlib
import hmac
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from jobwatch.app.clock import utc_now
from jobwatch.app.rereading import reread
from jobwatch.attendant import Attendant, attend
from jobwatch.core.errors import ConfigError, StoreError
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import Origin
from jobwatch.core.outbox import RetryPolicy, Settlement
from jobwatch.core.overview import Overview
from jobwatch.core.recording import Desk
from jobwatch.core.rules import Rules
from jobwatch.formats import limits, waits
from jobwatch.formats.values import Recipient
from jobwatch.heartbeat import Heart, beat
from jobwatch.loop import Loop, Pulse
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.notifier import Notifier, Post
from jobwatch.settings import (
    Receiver,
    Settings,
    digest_policy,
    give_up_after,
    heartbeat_url,
    live_recipient,
    max_age,
    subscriptions,
)
from jobwatch.store import Store
from jobwatch.store.outbox_values import Manner
from jobwatch.transport import Sender

RECEIVERS = "receivers"
"""The loop that tells who is paused."""

OVERVIEW_HOLDS = timedelta(seconds=30)
"""The daemon reads the store every five seconds; what is older than this says nothing of now."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """What every receiver shares. `spawn` starts an attempt; `wake_notifiers` says that there is something to deliver."""

    settings: Settings
    store: Store
    metrics: Metrics
    transport: Sender
    pulse: Pulse
    spawn: Callable[[Coroutine[None, None, Settlement]], asyncio.Task[Settlement]]
    wake_notifiers: Callable[[], None]


def post_for(settings: Settings, name: str, store_id: str) -> Post:
    """How a receiver is reached."""
    receiver = settings.receivers[name]
    return Post(
        receiver=name,
        format=receiver.format,
        recipient=_recipient(settings, name),
        manner=_manner(settings, name, store_id),
        policy=RetryPolicy(waits=waits(receiver.format)),
        timeout=receiver.timeout,
        concurrency=receiver.concurrency,
    )


def open_notifier(outlet: Outlet, name: str) -> Notifier:
    """The notifier of one receiver."""
    return Notifier(
        post=post_for(outlet.settings, name, outlet.store.store_id),
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
            log.warning("secret.unread", receiver=name, error=problem)
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
            fingerprint=fingerprint(store_id, recipient, receiver.format),
            gate=gate_key(store_id, recipient.url),
            origin=origin,
            rates=limits(receiver.format).rates,
            digest=digest_policy(receiver),
            give_up_after=give_up_after(receiver),
            max_age=max_age(receiver),
        )

    return manner


def fingerprint(store_id: str, recipient: Recipient, payload_format: str) -> str:
    """What changes with a receiver's format, URL, keys or headers, and tells nothing of them: a keyed hash."""
    parts = [payload_format, recipient.url, recipient.routing_key or "", *recipient.secrets]
    parts += [text for header in recipient.headers for text in header]
    return _keyed(store_id, "\x1f".join(parts))


def fingerprints(settings: Settings, store_id: str) -> dict[str, str]:
    """The same of every receiver of which all files can be read."""
    found = {}
    for name, receiver in settings.receivers.items():
        with suppress(ConfigError):
            recipient = live_recipient(settings, name).current()
            found[name] = fingerprint(store_id, recipient, receiver.format)
    return found


def gate_key(store_id: str, url: str) -> str:
    """The name of a URL in the store: a keyed hash."""
    return _keyed(store_id, url)


def _keyed(store_id: str, text: str) -> str:
    digest = hmac.digest(store_id.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return digest.hex()[:32]


def open_keepers(outlet: Outlet, shapes: Sequence[SourceShape]) -> list[Loop]:
    """The loops around delivery: who tells of paused receivers, and the heartbeat where one is configured."""
    settings = outlet.settings
    attendant = Attendant(
        receivers=tuple(settings.receivers),
        desk=_own_desk(settings),
        store=outlet.store,
        clock=utc_now,
        told=outlet.wake_notifiers,
    )

    async def watch_receivers() -> timedelta:
        return await attend(attendant)

    loops = [Loop(name=RECEIVERS, step=watch_receivers)]
    url = heartbeat_url(settings)
    if url is not None:
        heart = Heart(
            url=reread(url, "heartbeat.url_file"),
            every=settings.heartbeat.every,
            shapes=shapes,
            receivers={name: _digest_every(each) for name, each in settings.receivers.items()},
            overview=partial(_last_overview, outlet.metrics),
            stalled=lambda: outlet.pulse.stalled(time.monotonic()),
            send=outlet.transport.send,
        )

        async def heartbeat() -> timedelta:
            return await beat(heart)

        loops.append(Loop(name="heartbeat", step=heartbeat))
    return loops


async def _last_overview(metrics: Metrics) -> Overview:
    """What the daemon read of the store last. Raises `StoreError` where that is too long ago to say that all is well."""
    overview = metrics.last_shown(OVERVIEW_HOLDS)
    if overview is None:
        raise StoreError("the store was not read lately")
    return overview


def _digest_every(receiver: Receiver) -> timedelta:
    """How long news may wait for a digest; nothing where there is none."""
    policy = digest_policy(receiver)
    return policy.every if policy is not None else timedelta()


def _own_desk(settings: Settings) -> Desk:
    """What events of receivers are made of; they are reminded of as the rules for all sources say."""
    return Desk(
        origin=own_origin(settings),
        lifecycle=Lifecycle(rows=()),
        operations=(),
        subscriptions=subscriptions(settings),
        rules=Rules(remind_every=settings.rules.remind_every),
    )
