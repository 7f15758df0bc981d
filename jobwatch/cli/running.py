"""`jobwatch run` and `jobwatch once`: the daemon, and one pass of it."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import structlog

from jobwatch import logs
from jobwatch.app import daemon, sweeping
from jobwatch.cli.configuration import load
from jobwatch.cli.ending import Exit
from jobwatch.cli.screen import OutputFormat, Screen, complain
from jobwatch.cli.text import count, plain
from jobwatch.settings import Settings

SIGNALS = (signal.SIGTERM, signal.SIGINT)
KILLED_BY_SIGNAL = 128
"""What shells add to the number of the signal that ended a program."""

log = structlog.get_logger()


def run_daemon(config: Path | None) -> None:
    """Run until SIGTERM or SIGINT. Raises `ConfigError` or `StoreError`."""
    settings = _begin(config)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    await daemon.run(settings, stop=stop_on_signals())


def run_once(config: Path | None, output: OutputFormat) -> None:
    """Sweep every source once and deliver what is due; exit code 3 where one could not be read."""
    settings = _begin(config)
    unreadable = asyncio.run(sweeping.once(settings))
    screen = Screen()
    if output is OutputFormat.JSON:
        screen.document({"sources": list(settings.sources), "unreadable": list(unreadable)})
    elif not unreadable:
        screen.words(f"{count(len(settings.sources), 'source')} read")
    if unreadable:
        complain([f"could not read {', '.join(map(plain, unreadable))}; the log says why"])
        raise SystemExit(Exit.UNREADABLE)


def _begin(config: Path | None) -> Settings:
    loaded = load(config)
    logs.configure(loaded.settings.log.level, loaded.settings.log.format)
    for warning in loaded.warnings:
        log.warning("configuration.doubted", reason=warning)
    return loaded.settings


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
