"""What a configuration opens to others, and which of its files are watched, a sentence each. Pure."""

from pathlib import Path

from jobwatch.cli.text import count
from jobwatch.core.addresses import is_loopback
from jobwatch.core.documents import Document
from jobwatch.settings import Settings, files_read

EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  these are told, not listened on

RESTART = "a change of the environment needs a restart"


def exposure_words(settings: Settings) -> str:
    """Where the daemon listens, whether that is encrypted, who may read, and who may change something."""
    http = settings.http
    speaks = "https" if http.tls is not None else "http"
    exposed = exposure(settings)
    readers = {
        "everybody": "whoever reaches it may read",
        "this_machine": "programs on this machine may read",
        "read_token": "the read token is asked from whoever reads",
    }
    operators = {
        "this_machine": "only this machine may change something",
        "operate_token": "the operate token is asked from whoever changes something",
    }
    reading, operating = readers[str(exposed["readers"])], operators[str(exposed["operators"])]
    return f"{speaks} on {http.listen} ({_from_where(settings)}); {reading}, {operating}"


def exposure(settings: Settings) -> Document:
    """The same in single words."""
    http = settings.http
    read = http.read_token is not None or http.read_token_file is not None
    operate = http.operate_token is not None or http.operate_token_file is not None
    anybody = "this_machine" if is_loopback(http.address.host) else "everybody"
    return {
        "listen": http.listen,
        "tls": http.tls is not None,
        "readers": "read_token" if read else anybody,
        "operators": "operate_token" if operate else "this_machine",
    }


def watched_words(settings: Settings, file: Path | None) -> str:
    """Which files a running daemon looks at, so that nobody wonders whether to restart it."""
    named = len(files_read(settings, None))
    others = [count(named, "file named here", "files named here")] if named else []
    watched = ([] if file is None else [str(file)]) + others
    if not watched:
        return f"nothing to watch: {RESTART}"
    are = "is" if len(watched) == 1 and named <= 1 else "are"
    alone = f"; {RESTART}" if file is None else ""
    words = " and ".join(watched)
    return f"{words} {are} watched: what changes is taken up while jobwatch runs{alone}"


def _from_where(settings: Settings) -> str:
    host = settings.http.address.host
    if is_loopback(host):
        return "this machine alone"
    return "all addresses" if host in EVERYWHERE else "that address"
