"""The whole configuration as one frozen value: contract section 1, word for word."""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from jobwatch.core.addresses import read_cidr
from jobwatch.settings.fields import Duration, Line, Name, Part, between, checked
from jobwatch.settings.receivers import Receiver
from jobwatch.settings.sources import Rules, Source
from jobwatch.store.settings import SqliteSettings, StoreSettings

_KEEP = between("1d", "3650d", "the store forgets what is older")
_BEAT = between("10s", "1d", "a heartbeat more often is load, less often is no heartbeat")


def _with_kind(value: object) -> object:
    """Let `store: {path: …}` and JOBWATCH_STORE__PATH do without a kind: sqlite."""
    return {"kind": "sqlite", **value} if isinstance(value, dict) else value


class Address(NamedTuple):
    """Where to listen; port 0 takes any free one."""

    host: str
    port: int


def listen_address(text: str) -> Address:
    """Read `host:port`, an IPv6 host in brackets. Raises `ValueError` with a sentence."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})", text)
    if found is None:
        raise ValueError(
            'is not host:port to listen on; write for example "0.0.0.0:19870" or "[::1]:19870"'
        )
    host, port = found[1] or found[2], int(found[3])
    if found[1]:
        _check_ipv6(host)
    if port > 65_535:  # noqa: PLR2004  # the last port
        raise ValueError("has a port above 65535")
    return Address(host, port)


def _check_ipv6(host: str) -> None:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError("has no IPv6 address between its brackets") from None


def _wrong_listen(text: str) -> str | None:
    try:
        listen_address(text)
    except ValueError as error:
        return str(error)
    return None


def _wrong_public_url(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        plain = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        plain = False
    if not plain or "@" in parts.netloc or parts.query or parts.fragment:
        return 'is not the address of a site; write one such as "https://jobwatch.example.com"'
    return None


def _wrong_cidr(text: str) -> str | None:
    try:
        read_cidr(text)
    except ValueError as error:
        return str(error)
    return None


class Egress(Part):
    """Where jobwatch may send to. Loopback may always be http. A proxy may carry a user and a password."""

    guard: Literal["no_metadata", "public_only", "off"] = "no_metadata"
    allow_cidrs: tuple[Annotated[Line, checked(_wrong_cidr)], ...] = ()
    allow_http: bool = False
    proxy: SecretStr | None = None
    proxy_file: Path | None = None
    ca_file: Path | None = None


class Retention(Part):
    """How long ended jobs (from leaving the list), events and dead deliveries are kept."""

    jobs: Annotated[Duration, _KEEP] = timedelta(days=400)
    events: Annotated[Duration, _KEEP] = timedelta(days=90)
    dead_deliveries: Annotated[Duration, _KEEP] = timedelta(days=30)


class Tls(Part):
    """The certificate of the HTTP server with its chain, and its key: PEM, read anew when they change."""

    cert_file: Path
    key_file: Path


class Http(Part):
    """The HTTP server. `public_url` is where people reach it; events link there.

    The read token is asked from whoever reads, the operate token from whoever changes something.
    """

    listen: Annotated[Line, checked(_wrong_listen)] = "0.0.0.0:19870"
    public_url: Annotated[Line, checked(_wrong_public_url)] | None = None
    tls: Tls | None = None
    read_token: SecretStr | None = None
    read_token_file: Path | None = None
    operate_token: SecretStr | None = None
    operate_token_file: Path | None = None

    @property
    def address(self) -> Address:
        """Where to listen."""
        return listen_address(self.listen)


class PerJob(Part):
    """Series of single jobs, at most `limit` of them over all sources: each brings up to five series."""

    enabled: bool = False
    limit: int = Field(default=1000, ge=1, le=10_000)


class Metrics(Part):
    """What `/metrics` shows besides the bounded series."""

    per_job: PerJob = PerJob()


class Log(Part):
    """What is logged, and how it looks. `auto` is console on a terminal and JSON otherwise."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


class Heartbeat(Part):
    """A URL that is called while everything is well, for whoever watches the watcher."""

    url: SecretStr | None = None
    url_file: Path | None = None
    every: Annotated[Duration, _BEAT] = timedelta(minutes=1)


class Settings(BaseSettings):
    """Everything a user can set.

    `load_settings` makes one; made directly, it reads neither file nor environment.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
    )

    instance: Name = "jobwatch"
    sources: dict[Name, Source] = Field(min_length=1)
    receivers: dict[Name, Receiver] = Field(default_factory=dict)
    rules: Rules = Rules()
    egress: Egress = Egress()
    store: Annotated[StoreSettings, BeforeValidator(_with_kind)] = SqliteSettings()
    retention: Retention = Retention()
    http: Http = Http()
    metrics: Metrics = Metrics()
    log: Log = Log()
    heartbeat: Heartbeat = Heartbeat()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `settings.reading` merged: it knows lines and refuses unknown variables."""
        return (init_settings,)
