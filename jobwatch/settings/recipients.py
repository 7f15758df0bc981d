"""Where a receiver's messages go at this moment: URL, keys, headers, written or in files."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from jobwatch.core.errors import ConfigError
from jobwatch.formats import FormatName
from jobwatch.formats.values import Recipient
from jobwatch.secret_files import Check, FileSecret, FixedSecret, Secret
from jobwatch.settings.model import Settings
from jobwatch.settings.receivers import Receiver, wrong_header_value, wrong_secret

_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f]")


def wrong_url(text: str, *, allow_http: bool) -> str | None:
    """Say what is wrong with the URL of a receiver, without showing it."""
    if _NOT_IN_URLS.search(text):
        return "contains a blank, a line break or another control character"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is not a URL; its host or its port cannot be read"
    plain_http = parts.scheme == "http" and not allow_http and not _is_loopback(host)
    wrong = {
        "is not a URL; write https://, a host and a path": (
            parts.scheme not in ("http", "https") or not host or port == 0
        ),
        "has a user or a password in it; send them as a header instead": "@" in parts.netloc,
        "has a fragment (#…), which is never sent; leave it out": "#" in text,
        "is http; write https, or set egress.allow_http: true to send in the clear": plain_http,
    }
    return next((what for what, holds in wrong.items() if holds), None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def secret_check(receiver: Receiver) -> Check | None:
    """What a format demands of a secret, where it demands anything."""
    return wrong_secret if receiver.format == "standard" else None


def format_name(receiver: Receiver) -> FormatName:
    """The format as one that this version has. Raises `ConfigError`: never, once loaded."""
    if receiver.format == "standard":
        return receiver.format
    raise ConfigError([f"the format {receiver.format} is not yet active in this version"])


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRecipient:
    """A receiver whose URL, keys and headers are read anew whenever they are asked for."""

    name: str
    url: Secret
    secrets: tuple[Secret, ...] = ()
    headers: Mapping[str, Secret]

    def current(self) -> Recipient:
        """What holds now; at most a `stat` for each file that did not change."""
        return Recipient(
            name=self.name,
            url=self.url.current(),
            secrets=tuple(each.current() for each in self.secrets),
            headers=tuple((name, each.current()) for name, each in self.headers.items()),
        )

    def take_problems(self) -> list[str]:
        """What went wrong with files since the last call; the values before are still used."""
        sources = (self.url, *self.secrets, *self.headers.values())
        return [problem for each in sources if (problem := each.take_problem()) is not None]


def live_recipient(settings: Settings, name: str) -> LiveRecipient:
    """The receiver of that name. Raises `KeyError` for any other."""
    receiver = settings.receivers[name]
    url_check = partial(wrong_url, allow_http=settings.egress.allow_http)
    header_files = {
        header: FileSecret(path, check=wrong_header_value)
        for header, path in receiver.header_files.items()
    }
    return LiveRecipient(
        name=name,
        url=_either(receiver.url, receiver.url_file, url_check),
        secrets=(
            *(FixedSecret(each.get_secret_value()) for each in receiver.secrets),
            *(FileSecret(path, check=secret_check(receiver)) for path in receiver.secret_files),
        ),
        headers={
            **{
                header: FixedSecret(value.get_secret_value())
                for header, value in receiver.headers.items()
            },
            **header_files,
        },
    )


def _either(value: SecretStr | None, path: Path | None, check: Check) -> Secret:
    if value is not None:
        return FixedSecret(value.get_secret_value())
    if path is None:
        raise ConfigError(["a receiver has neither url nor url_file"])
    return FileSecret(path, check=check)
