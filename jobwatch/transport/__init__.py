"""The door to the network: the only HTTP client, and what it may reach.

Law of this package: what leaves is what the request says, to nowhere that the guard forbids; what comes back is bounded,
be it an answer or a `TransportError` in our own words.
"""

from jobwatch.transport.certificates import tls_context
from jobwatch.transport.door import Door, Sender
from jobwatch.transport.proxy import read_proxy, wrong_proxy
from jobwatch.transport.sending import CONNECT_TIMEOUT, ERROR_BODY_LIMIT, Transport

__all__ = [
    "CONNECT_TIMEOUT",
    "ERROR_BODY_LIMIT",
    "Door",
    "Sender",
    "Transport",
    "read_proxy",
    "tls_context",
    "wrong_proxy",
]
