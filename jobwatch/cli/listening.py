"""Where the daemon of a configuration listens, found without reading the rest of it.

Law of this module: of a configuration it looks at `http.listen` and `http.tls` alone, in the same places and in the same
order as `settings` does, so that a health check costs a fraction of a second and nothing else that is wrong can make it
fail. A test holds the two against each other.
"""

import ipaddress
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

import yaml

from jobwatch.core.errors import ConfigError

Tree: TypeAlias = dict[str, Any]

DEFAULT = "0.0.0.0:19870"
PREFIX = "JOBWATCH_HTTP"
FILE_VARIABLE = "JOBWATCH_CONFIG"
PLACES = (Path("jobwatch.yaml"), Path("/etc/jobwatch/jobwatch.yaml"))
SIZE_LIMIT = 1024 * 1024

_LOOPBACK = {4: "127.0.0.1", 6: "::1"}
_MERGE = "tag:yaml.org,2002:merge"
_NULLS = ("", "~", "null", "Null", "NULL")


class Listening(NamedTuple):
    """Where to ask, from this machine."""

    host: str
    port: int
    tls: bool

    def url(self, path: str) -> str:
        """The URL of a page there."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"


class _Words(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # whichever there is
    """Every plain scalar is text; merge keys work."""

    yaml_implicit_resolvers = {"<": [(_MERGE, re.compile(r"^<<\Z"))]}  # noqa: RUF012  # pyyaml's way


def listening(config: Path | None, environ: Mapping[str, str]) -> Listening:
    """Where the daemon of this configuration is asked.

    An address that means all of the machine's is its loopback. Raises `ConfigError` where the file cannot be read or
    the address is none.
    """
    file = _file(config, environ)
    http = _of_file(file) if file is not None else {}
    _lay_over(http, environ)
    return _address(str(http.get("listen", DEFAULT)), tls=_given(http.get("tls")))


def _file(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    if config is not None:
        return config
    named = (value for name, value in environ.items() if name.upper() == FILE_VARIABLE and value)
    first = next(named, None)
    return Path(first) if first else next((each for each in PLACES if _exists(each)), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # it is there and may not be looked at: reading it says why
        return True


def _of_file(path: Path) -> Tree:
    """The part `http` of a file. Raises `ConfigError` with the reason why there is none to be had."""
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            [f"{path}: cannot be read: {(why or 'no reason given').lower()}"]
        ) from None
    try:
        tree = yaml.load(content[:SIZE_LIMIT].decode("utf-8-sig"), Loader=_Words)  # noqa: S506  # a safe one
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        # What the parser says may quote a secret; `jobwatch check` tells the line.
        raise ConfigError([f"{path}: cannot be read as YAML; `jobwatch check` says why"]) from None
    http = tree.get("http") if isinstance(tree, dict) else None
    return dict(http) if isinstance(http, dict) else {}


def _lay_over(http: Tree, environ: Mapping[str, str]) -> None:
    """Put what the environment says on top, a key of a part after the whole part."""
    named = {name.upper(): value for name, value in environ.items()}
    whole = _json(named.get(PREFIX, ""))
    for key, value in (whole or {}).items():
        below = http.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            value = {**below, **value}  # noqa: PLW2901
        http[key] = value
    for key in ("listen", "tls"):
        text = named.get(f"{PREFIX}__{key.upper()}")
        if text is not None:
            http[key] = text if key == "listen" else _json(text)
    if any(name.startswith(f"{PREFIX}__TLS__") for name in named):
        http["tls"] = {"cert_file": ""}


def _json(text: str) -> Tree | None:
    """A mapping in JSON; None for anything else, which the daemon itself refuses or takes for null."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _given(tls: object) -> bool:
    return tls is not None and tls not in _NULLS


def _address(listen: str, *, tls: bool) -> Listening:
    try:
        parts = urlsplit(f"//{listen}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None or parts.netloc != listen:
        raise ConfigError([f"http.listen: {listen[:100]!r} is not host:port"])
    if not port:
        raise ConfigError(
            ["http.listen: with port 0 the daemon takes any free one, which nobody else knows"]
        )
    return Listening(reached(host), port, tls)


def reached(host: str) -> str:
    """The host to connect to: loopback, where the daemon listens on every address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return _LOOPBACK[address.version] if address.is_unspecified else host
