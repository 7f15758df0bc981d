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
    """Which addresses nothing is sent to. `no_metadata`: metadata services, which hand out the keys of a machine to
    any program on it, and link-local addresses. `public_only`: private networks as well. `off`: none. With the
    default, chat servers and alert routers in your own network can be reached.
    """
    allow_cidrs: tuple[Annotated[Line, checked(_wrong_cidr)], ...] = ()
    """Networks and single addresses that are allowed whatever `guard` says.

    Examples: [["10.1.0.0/16"]]
    """
    allow_http: bool = False
    """Allow http URLs for receivers and the heartbeat: anybody on the way can then read and change what is sent. On
    loopback, http is always allowed.
    """
    proxy: SecretStr | None = None
    """The proxy for everything that is sent and for calls to the cloud, `http://[user:password@]host:port`. Null
    connects directly: no proxy is taken from the environment.

    Examples: ["http://proxy.example.com:3128"]
    """
    proxy_file: Path | None = None
    """A file that holds the proxy's URL; instead of `proxy`."""
    ca_file: Path | None = None
    """A PEM file of certificate authorities that are trusted in addition to the system's, for receivers, the heartbeat
    and the cloud alike. Verification cannot be switched off.
    """


class Retention(Part):
    """How long ended jobs (from leaving the list), events and dead deliveries are kept."""

    jobs: Annotated[Duration, _KEEP] = timedelta(days=400)
    """How long a job is kept after it has left the cloud's list, where it stays for 90 days: long enough to compare a
    year with the one before. A million jobs take 310 MB, or 680 MB if their end was told with detail.
    """
    events: Annotated[Duration, _KEEP] = timedelta(days=90)
    """How long events and closed conditions are kept, with their deliveries: by default as long as the cloud lists
    jobs. A million events take 1.9 GB. What is not delivered yet is kept longer.
    """
    dead_deliveries: Annotated[Duration, _KEEP] = timedelta(days=30)
    """How long deliveries that were given up can be sent again: time to repair a receiver and run
    `jobwatch redeliver`.
    """


class Tls(Part):
    """The certificate of the HTTP server with its chain, and its key: PEM, read anew when they change."""

    cert_file: Path
    """A PEM file: the certificate, followed by its chain. Read again when it changes."""
    key_file: Path
    """A PEM file: the key of the certificate, without a passphrase. Read again when it changes."""


class Http(Part):
    """The HTTP server. `public_url` is where people reach it; events link there.

    The read token is asked from whoever reads, the operate token from whoever changes something.
    """

    listen: Annotated[Line, checked(_wrong_listen)] = "0.0.0.0:19870"
    """Address and port of the server, an IPv6 address in brackets. Port 0 takes a free one. The default, every IPv4
    address, suits containers: write `127.0.0.1:19870` to keep other machines out.

    Examples: ["127.0.0.1:19870", "[::]:19870"]
    """
    public_url: Annotated[Line, checked(_wrong_public_url)] | None = None
    """Where people reach the server. Messages and events link to it; null leaves the links out. With https, cookies
    are sent encrypted only.

    Examples: ["https://jobwatch.example.com"]
    """
    tls: Tls | None = None
    """Serve https only. Null serves plain HTTP: for loopback, a cluster's network, or behind a proxy that ends TLS."""
    read_token: SecretStr | None = None
    """The token that reading needs: metrics, pages and the API, but not health. Null: anybody who reaches the server
    may read. At least 16 characters; make one with `openssl rand -hex 32`.
    """
    read_token_file: Path | None = None
    """A file that holds the read token; instead of `read_token`."""
    operate_token: SecretStr | None = None
    """The token that changes over HTTP need; it can read as well. Null: only programs on the same machine may change
    something. It has to differ from the read token.
    """
    operate_token_file: Path | None = None
    """A file that holds the operate token; instead of `operate_token`."""

    @property
    def address(self) -> Address:
        """Where to listen."""
        return listen_address(self.listen)


class PerJob(Part):
    """Series of single jobs, at most `limit` of them over all sources: each brings up to five series."""

    enabled: bool = False
    """Show series of single jobs. Off by default, because every job brings up to five series and every day brings new
    jobs: switch it on where jobs are few.
    """
    limit: int = Field(default=1000, ge=1, le=10_000)
    """How many jobs are shown at most, over all sources: unfinished ones first, then those that ended in the last 15
    minutes. Jobs left out are counted in `jobwatch_series_dropped_total`.
    """


class Metrics(Part):
    """What `/metrics` shows besides the bounded series."""

    per_job: PerJob = PerJob()
    """Series of single jobs."""


class Log(Part):
    """What is logged, and how it looks. `auto` is console on a terminal and JSON otherwise."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is logged. `debug` adds every call to the cloud, and tracebacks."""
    format: Literal["auto", "console", "json"] = "auto"
    """`console` is words and colours for people, `json` one document a line. `auto` is `console` on a terminal and
    `json` otherwise.
    """


class Heartbeat(Part):
    """A URL that is called while everything is well, for whoever watches the watcher."""

    url: SecretStr | None = None
    """Called with GET while every loop turns, every source is fresh, and no delivery has waited over 10 minutes for a
    receiver that is not paused. A monitor of yours raises the alarm when the calls stop. Null sends none.

    Examples: ["https://watchdog.example.com/ping/jobwatch"]
    """
    url_file: Path | None = None
    """A file that holds the URL; instead of `url`."""
    every: Annotated[Duration, _BEAT] = timedelta(minutes=1)
    """The pause between two heartbeats. Let the monitor wait for a few of them before it raises the alarm."""


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
    """The name of this installation in events; the ids of events depend on it. Two installations that tell the same
    receivers need different names. A new name applies to events from then on.

    Examples: ["jobwatch_eu"]
    """
    sources: dict[Name, Source] = Field(min_length=1)
    """What is watched. Each source has a name of your choice, which becomes a metric label, a log key and part of
    variable names. There has to be at least one. In the store a source is identified by its kind, region and account,
    not by its name.
    """
    receivers: dict[Name, Receiver] = Field(default_factory=dict)
    """Who is told. Each receiver has a name of your choice. There may be none: metrics and pages work without."""
    rules: Rules = Rules()
    """When an unfinished job or a source counts as a problem. A source may override single keys."""
    egress: Egress = Egress()
    """Where jobwatch may send to, and how it gets there."""
    store: Annotated[StoreSettings, BeforeValidator(_with_kind)] = SqliteSettings()
    """Where everything is kept that has to survive a restart."""
    retention: Retention = Retention()
    """How long things are kept once they are over."""
    http: Http = Http()
    """The server of metrics, health, pages and the API."""
    metrics: Metrics = Metrics()
    """What `/metrics` shows in addition to the series whose number is bounded anyway."""
    log: Log = Log()
    """What is logged to standard error, and how it looks."""
    heartbeat: Heartbeat = Heartbeat()
    """A sign of life for a monitor of yours that watches jobwatch."""

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
