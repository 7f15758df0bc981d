"""What the service manager is told: systemd's notification protocol.

Law: what is told is true, and telling costs nothing. Without a socket every call does nothing; with one, no call blocks
or raises. The watchdog is fed only while every loop turns, so a daemon that hangs is started again.

`READY=1` is for when the store is open and the loops turn, not for when the cloud was reached (what `/readyz` says): a
machine that boots without network starts all the same, and the status line says what is still missing.

Protocol: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import socket
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from jobwatch.loop import Step

FRESH = timedelta(seconds=10)
"""How old a status line may be, however patient the manager is."""

NAMED = 3
"""How many names a status line lists: a person reads it in one glance."""

LONGEST_STATUS = 500
"""Characters of a status line. systemd drops a message beyond 4,096 bytes, and a character has at most four."""

_ENDLESS = 2**64 - 1
_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


@dataclass(slots=True, kw_only=True)
class Service:
    """The daemon as its service manager sees it. `address` None: there is no manager.

    `patience` is how long the manager waits for a sign of life; None: it does not ask for any.
    """

    address: str | None = field(default=None, repr=False)
    patience: timedelta | None = None
    _owed: str | None = field(default=None, init=False, repr=False)

    @classmethod
    def from_environ(cls, environ: MutableMapping[str, str], pid: int) -> Self:
        """Read what the manager left in the environment, and take it out: no child is to speak for the daemon.

        Anything odd counts as nothing. `pid` is the process that asks.
        """
        address, usec, watched = (environ.pop(name, "") for name in _VARIABLES)
        known = address.startswith(("/", "@")) and len(address) > 1 and "\0" not in address
        for_us = not watched or watched == str(pid)
        return cls(
            address=address if known else None,
            patience=_patience(usec) if known and for_us else None,
        )

    @property
    def managed(self) -> bool:
        """Whether anybody listens."""
        return self.address is not None

    def ready(self, status: str) -> None:
        """Say that starting, or reloading, is over."""
        self._state("READY=1", _status(status))

    def reloading(self, monotonic_usec: int) -> None:
        """Say that the configuration is being read again, since so many microseconds of the monotonic clock.

        `ready` has to follow, whatever came of it.
        """
        self._state("RELOADING=1", f"MONOTONIC_USEC={monotonic_usec}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._state("STOPPING=1", _status("stopping"))

    def starting(self, status: str, within: timedelta) -> None:
        """Say what the start waits for, and that it is alive for at least so long: a large store may need a while."""
        usec = within // timedelta(microseconds=1)
        self._send("\n".join((f"EXTEND_TIMEOUT_USEC={usec}", _status(status))))

    def status(self, text: str) -> None:
        """Say what is going on, in one line for people."""
        self._send(_status(text))

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def _state(self, *lines: str) -> None:
        message = "\n".join(lines)
        # Unlike a sign of life it is not said again: systemd would wait for it in vain, and end the daemon.
        self._owed = None if self._send(message) else message

    def _send(self, message: str) -> bool:
        if self._owed is not None and self._deliver(self._owed):
            self._owed = None
        return self._deliver(message)

    def _deliver(self, message: str) -> bool:
        """Send one datagram. False where the manager's queue is full or it is not there."""
        if self.address is None:
            return True
        # "@" is how a name that is no file is written down; the kernel wants a zero byte.
        where = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
                door.setblocking(False)  # noqa: FBT003  # the signature is the library's
                door.sendto(
                    message.encode(errors="replace"), where.encode(errors="surrogateescape")
                )
        except (OSError, ValueError):
            return False
        return True


def watchdog(
    service: Service, stalled: Callable[[], Sequence[str]], going_on: Callable[[], str]
) -> Step:
    """A step that tells what is going on, and that the daemon is alive as long as `stalled` names no loop.

    It comes at least twice within the manager's patience, so that one late turn is no death.
    """
    pause = min(service.patience / 2, FRESH) if service.patience else FRESH

    async def feed_watchdog() -> timedelta:
        hanging = stalled()
        if hanging:
            service.status(_stalled(hanging))
        else:
            service.alive()
            service.status(going_on())
        return pause

    return feed_watchdog


def summary(missing: Sequence[str], sources: int) -> str:
    """The status line of a daemon that turns: how much it watches, and what it still waits for."""
    watching = f"watching {sources} source{'' if sources == 1 else 's'}"
    return f"{watching}; waiting: {_some(missing)}" if missing else watching


def _stalled(names: Sequence[str]) -> str:
    return f"loop {names[0]} is stalled" if len(names) == 1 else f"loops {_some(names)} are stalled"


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _status(text: str) -> str:
    """One line: a line break in it would be a message of its own, such as READY=1."""
    line = "".join(each if each.isprintable() else " " for each in text[:LONGEST_STATUS])
    return f"STATUS={line}"


def _patience(text: str) -> timedelta | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_ENDLESS))):
        return None
    usec = int(text)
    return timedelta(microseconds=usec) if 0 < usec < _ENDLESS else None
