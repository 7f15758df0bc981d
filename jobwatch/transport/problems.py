"""What went wrong, in our own words.

Law of this module: aiohttp's texts carry URLs, which are secrets, so nothing of them is kept but hosts and ports.
"""

import os
import ssl

import aiohttp

from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.transport.egress import Trial

_WORDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], TransportKind, str], ...] = (
    (aiohttp.ConnectionTimeoutError, TransportKind.TIMEOUT, "no connection in the time allowed"),
    (TimeoutError, TransportKind.TIMEOUT, "no whole answer in the time allowed"),
    (
        (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError),
        TransportKind.PROTOCOL,
        "the URL or a header cannot be sent",
    ),
    (
        (aiohttp.ClientPayloadError, aiohttp.ClientResponseError),
        TransportKind.PROTOCOL,
        "the answer is not readable HTTP",
    ),
)


def problem(error: Exception, trial: Trial, *, proxied: bool) -> TransportError:
    """Say in our own words what aiohttp says with URLs in it."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return proxy_refused(error.status)
    if isinstance(error, aiohttp.ClientConnectorError):
        return _connect_problem(error, trial, proxied=proxied)
    if isinstance(error, aiohttp.ClientPayloadError) and "not completed" in str(error):
        return TransportError(TransportKind.RESET, "the answer broke off")
    for types, kind, words in _WORDS:
        if isinstance(error, types):
            return TransportError(kind, words)
    return TransportError(TransportKind.RESET, "the connection was lost")


def proxy_refused(status: int) -> TransportError:
    """The proxy answered in the receiver's place."""
    return TransportError(TransportKind.CONNECT, f"the proxy refused: HTTP {status}")


def _connect_problem(
    error: aiohttp.ClientConnectorError, trial: Trial, *, proxied: bool
) -> TransportError:
    if trial.blocked:
        return blocked(error.host, trial)
    # Through a proxy, the only name that is looked up here is the proxy's own.
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        host = f"the proxy {error.host}" if proxied else error.host
        return TransportError(TransportKind.DNS, f"{host}: the name has no address")
    place = f"{error.host}:{error.port}"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        place = f"the proxy {place}"
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TransportError(TransportKind.TLS, f"{place}: {cause.verify_message}")
    if isinstance(cause, ssl.SSLError | ssl.CertificateError):
        return TransportError(TransportKind.TLS, f"{place}: {cause.reason or 'no TLS'}")
    # An errno is missing where several addresses were tried and failed in different ways.
    why = os.strerror(error.errno).lower() if error.errno else "no address could be reached"
    return TransportError(TransportKind.CONNECT, "; ".join((f"{place}: {why}", *trial.refused)))


def blocked(host: str, trial: Trial) -> TransportError:
    """The guard let no address of the host through."""
    return TransportError(TransportKind.BLOCKED, f"{host}: {'; '.join(trial.refused)}")
