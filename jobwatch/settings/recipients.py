"""Where messages go at this moment: URL, keys, headers, written or in files; and how they are worded."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from jobwatch.core.addresses import is_loopback, oddly_spelled
from jobwatch.core.errors import ConfigError
from jobwatch.formats import check_secret
from jobwatch.formats.pagerduty import DEFAULT_URL, check_routing_key
from jobwatch.formats.values import Mention, Recipient, Style
from jobwatch.secret_files import Check, FileSecret, FixedSecret, Secret
from jobwatch.settings.exposure import wrong_token
from jobwatch.settings.model import Settings
from jobwatch.settings.receivers import Receiver, wrong_header_value, zone
from jobwatch.settings.told import calling_types

MAKE_ONE = 'make one with: echo "whsec_$(openssl rand -base64 32)"'
SIGNED = frozenset({"standard", "template"})
"""Formats whose requests Standard Webhooks keys sign."""

_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f]")
_PLACE = re.compile(r"(\[[0-9A-Za-z:.%_-]+\]|[0-9A-Za-z._-]+)(:[0-9]*)?", re.ASCII)
_UNREADABLE = "is not a URL; its host or its port cannot be read"


def wrong_url(text: str, *, allow_http: bool) -> str | None:
    """Say what is wrong with a URL to send to, without showing it."""
    if _NOT_IN_URLS.search(text):
        return "contains a blank, a line break or another control character"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return _UNREADABLE
    plain_http = parts.scheme == "http" and not allow_http and not is_loopback(host)
    wrong = {
        "is not a URL; write https://, a host and a path": (
            parts.scheme not in ("http", "https") or not host or port == 0
        ),
        "has a host that not every program reads alike; write a name in ASCII, or a plain address": (
            oddly_spelled(host)
        ),
        "has a user or a password in it; send them as a header instead": "@" in parts.netloc,
        "has a fragment (#…), which is never sent; leave it out": "#" in text,
        _UNREADABLE: _PLACE.fullmatch(parts.netloc) is None,
        "is http; write https, or set egress.allow_http: true to send in the clear": plain_http,
    }
    return next((what for what, holds in wrong.items() if holds), None)


def secret_check(receiver: Receiver) -> Check | None:
    """What a format demands of a secret; None where it takes none."""
    check = check_secret(receiver.format)
    if check is None or receiver.format not in SIGNED:
        return check

    def explained(text: str) -> str | None:
        wrong = check(text)
        return f"{wrong}; {MAKE_ONE}" if wrong else None

    return explained


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRecipient:
    """A receiver whose URL, keys and headers are read anew whenever they are asked for."""

    name: str
    url: Secret
    secrets: tuple[Secret, ...] = ()
    headers: Mapping[str, Secret]
    routing_key: Secret | None = None
    template: Secret | None = None
    style: Style

    def current(self) -> Recipient:
        """What holds now; at most a `stat` for each file that did not change."""
        return Recipient(
            name=self.name,
            url=self.url.current(),
            secrets=tuple(each.current() for each in self.secrets),
            headers=tuple((name, each.current()) for name, each in self.headers.items()),
            routing_key=self.routing_key.current() if self.routing_key else None,
            template=self.template.current() if self.template else None,
            style=self.style,
        )

    def take_problems(self) -> list[str]:
        """What went wrong with files since the last call; the values before are still used."""
        found = (each.take_problem() for each in self._read_anew())
        return [problem for problem in found if problem is not None]

    def _read_anew(self) -> Iterator[Secret]:
        yield self.url
        yield from self.secrets
        yield from self.headers.values()
        if self.routing_key is not None:
            yield self.routing_key


def live_recipient(settings: Settings, name: str) -> LiveRecipient:
    """The receiver of that name. Raises `KeyError` for any other."""
    receiver = settings.receivers[name]
    check = secret_check(receiver)
    return LiveRecipient(
        name=name,
        url=_url(settings, receiver),
        secrets=(
            *(FixedSecret(each.get_secret_value()) for each in receiver.secrets),
            *(FileSecret(path, check=check) for path in receiver.secret_files),
        ),
        headers={
            **{key: FixedSecret(each.get_secret_value()) for key, each in receiver.headers.items()},
            **{
                key: FileSecret(path, check=wrong_header_value)
                for key, path in receiver.header_files.items()
            },
        },
        routing_key=_either(receiver.routing_key, receiver.routing_key_file, check_routing_key),
        template=_either(receiver.template, None, None),
        style=style_of(receiver),
    )


def style_of(receiver: Receiver) -> Style:
    """How messages for people are written."""
    return Style(
        language=receiver.language,
        timezone=zone(receiver.timezone),
        timezone_name=receiver.timezone,
        title_prefix=receiver.title_prefix,
        mention=Mention(
            types=frozenset(each.value for each in calling_types(receiver.mention.types)),
            mobiles=receiver.mention.mobiles,
            everybody=receiver.mention.all,
        ),
    )


def heartbeat_url(settings: Settings) -> Secret | None:
    """Where the heartbeat goes; None where nobody listens for one."""
    heartbeat = settings.heartbeat
    return _either(heartbeat.url, heartbeat.url_file, url_check(settings))


def read_token(settings: Settings) -> Secret | None:
    """What whoever reads over HTTP has to know; None where everybody may read."""
    http = settings.http
    return _either(http.read_token, http.read_token_file, wrong_token)


def operate_token(settings: Settings) -> Secret | None:
    """What whoever changes something over HTTP has to know; None where that is for this machine alone."""
    http = settings.http
    return _either(http.operate_token, http.operate_token_file, wrong_token)


def egress_proxy(settings: Settings) -> Secret | None:
    """The proxy that requests go through, which may carry a password; None where they go directly."""
    egress = settings.egress
    if egress.proxy is None and egress.proxy_file is None:
        return None
    from jobwatch.transport import wrong_proxy  # noqa: PLC0415  brings the client

    return _either(egress.proxy, egress.proxy_file, wrong_proxy)


def url_check(settings: Settings) -> Check:
    """What is demanded of every URL that is sent to."""
    return partial(wrong_url, allow_http=settings.egress.allow_http)


def _url(settings: Settings, receiver: Receiver) -> Secret:
    url = _either(receiver.url, receiver.url_file, url_check(settings))
    if url is not None:
        return url
    if receiver.format != "pagerduty":
        raise ConfigError(["a receiver has neither url nor url_file"])
    return FixedSecret(DEFAULT_URL)


def _either(value: SecretStr | None, path: Path | None, check: Check | None) -> Secret | None:
    if value is not None:
        return FixedSecret(value.get_secret_value())
    return None if path is None else FileSecret(path, check=check)
