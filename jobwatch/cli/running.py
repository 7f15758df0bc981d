"""`jobwatch run` and `jobwatch once`: the daemon, and one pass of it."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import structlog

from jobwatch import logs
from jobwatch.app import daemon, sweeping
from jobwatch.app.reloading import Origin
from jobwatch.app.service import Service
from jobwatch.cli.configuration import load
from jobwatch.cli.ending import Exit
from jobwatch.cli.screen import OutputFormat, Screen, complain
from jobwatch.cli.text import count, plain
from jobwatch.settings import Loaded, Settings

SIGNALS = (signal.SIGTERM, signal.SIGINT)
KILLED_BY_SIGNAL = 128
"""What shells add to the number of the signal that ended a program."""

log = structlog.get_logger()


def run_daemon(config: Path | None) -> None:
    """Run until SIGTERM or SIGINT. Raises `ConfigError` or `StoreError`."""
    loaded = _begin(config)

    def again() -> Loaded:
        return load(config)

    asyncio.run(_run(loaded.settings, Origin(load=again, path=loaded.path)))


async def _run(settings: Settings, origin: Origin) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, origin.bell.ask)
    service = Service.from_environ(os.environ, os.getpid())
    await daemon.run(settings, stop=stop_on_signals(), origin=origin, service=service)


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
