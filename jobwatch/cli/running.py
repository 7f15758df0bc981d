"""`jobwatch run` and `jobwatch once`: the daemon, and one pass of it."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from jobwatch import logs
from jobwatch.app import daemon, sweeping
from jobwatch.app.reloading import Origin
from jobwatch.app.service import Service
from jobwatch.cli.configuration import load
from jobwatch.cli.ending import Exit
from jobwatch.cli.listening import Listening, reached
from jobwatch.cli.screen import OutputFormat, Screen, complain
from jobwatch.cli.starting import take_time
from jobwatch.cli.text import count, plain
from jobwatch.settings import Loaded, Settings

SIGNALS = (signal.SIGTERM, signal.SIGINT)
MOST_NAMES = 5
KILLED_BY_SIGNAL = 128
"""What shells add to the number of the signal that ended a program."""

log = structlog.get_logger()


def run_daemon(config: Path | None) -> None:
    """Run until SIGTERM or SIGINT. Raises `ConfigError` or `StoreError`."""
    # Until somebody listens to it, SIGHUP would end the process. What changed meanwhile is noticed at the first look.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    loaded = _begin(config)

    def again() -> Loaded:
        return load(config)

    asyncio.run(_run(loaded.settings, Origin(load=again, path=loaded.path)))


async def _run(settings: Settings, origin: Origin) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, origin.bell.ask)
    service = Service.from_environ(os.environ, os.getpid())
    await daemon.run(
        settings,
        stop=stop_on_signals(),
        origin=origin,
        service=service,
        listening=partial(_greet, settings),
    )


def _greet(settings: Settings, url: str) -> None:
    """Tell a person at a terminal where the page is. Logs are for programs, and say where the socket is."""
    if sys.stderr.isatty() and settings.log.format != "json":
        complain(greeting(settings, url))


def greeting(settings: Settings, url: str) -> list[str]:
    """What is watched, who is told, and where a browser on this machine finds the page."""
    parts = urlsplit(url)
    place = Listening(reached(parts.hostname or ""), parts.port or 0, parts.scheme == "https")
    sources, receivers = _named(settings.sources), _named(settings.receivers) or "nobody"
    public = settings.http.public_url
    elsewhere = f" (for others {public})" if public else ""
    return [
        f"watches {sources} and tells {receivers}; Ctrl-C stops it",
        f"the page is {place.url('/')}{elsewhere}",
    ]


def _named(names: Iterable[str]) -> str:
    all_of_them = list(names)
    more = len(all_of_them) - MOST_NAMES
    return ", ".join(all_of_them[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def run_once(config: Path | None, output: OutputFormat) -> None:
    """Sweep every source once and deliver what is due; exit code 3 where one could not be read."""
    settings = _begin(config).settings
    unreadable = asyncio.run(sweeping.once(settings))
    screen = Screen()
    if output is OutputFormat.JSON:
        screen.document({"sources": list(settings.sources), "unreadable": list(unreadable)})
    elif not unreadable:
        screen.words(f"{count(len(settings.sources), 'source')} read")
    if unreadable:
        complain([f"could not read {', '.join(map(plain, unreadable))}; the log says why"])
        raise SystemExit(Exit.UNREADABLE)


def _begin(config: Path | None) -> Loaded:
    take_time()
    loaded = load(config)
    logs.configure(loaded.settings.log.level, loaded.settings.log.format)
    for warning in loaded.warnings:
        log.warning("configuration.doubted", error=warning)
    return loaded


def stop_on_signals() -> asyncio.Event:
    """An event that the first SIGTERM or SIGINT sets; the second ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, _on_signal(stop, number))
    return stop


def _on_signal(stop: asyncio.Event, number: signal.Signals) -> Callable[[], None]:
    def received() -> None:
        if stop.is_set():
            complain([f"ended at once by a second {number.name}"])
            os._exit(KILLED_BY_SIGNAL + number)
        stop.set()

    return received
