"""The guard where a connection is made.

Law of this module: an address is judged where a socket for it is made, after every name lookup and for every
connection. What a name said earlier, and whether it was a name at all, changes nothing; a connection that is kept was
judged when it was made, by the same guard.
"""

import socket
from contextvars import ContextVar
from dataclasses import dataclass, field

from aiohttp import AddrInfoType

from jobwatch.core.addresses import Guard, literal, refusal


@dataclass(slots=True, kw_only=True)
class Trial:
    """What one request met while it was looking for a connection."""

    refused: dict[str, None] = field(default_factory=dict)
    tried: bool = False

    @property
    def blocked(self) -> bool:
        """Whether the guard alone is why there is no connection."""
        return bool(self.refused) and not self.tried


TRIAL: ContextVar[Trial] = ContextVar("trial")
"""A name may have several addresses that fail in different ways, of which aiohttp shows the last. The sockets of one
request are made in its task or in tasks that it starts, so this reaches them."""


class JudgedSockets:
    """What makes sockets: one for each address that the guard lets through."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def __call__(self, info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = info
        trial = TRIAL.get()
        if reason := reason_against(self._guard, str(place[0])):
            trial.refused[reason] = None
            raise PermissionError(reason)
        trial.tried = True
        return socket.socket(family=family, type=kind, proto=protocol)


def reason_against(guard: Guard, host: str) -> str | None:
    """Judge an address in text. What is no address is refused, because nothing can be said of it."""
    if (address := literal(host)) is None:
        return "its address cannot be read (egress.guard)"
    return refusal(guard, address)
