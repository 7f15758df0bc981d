"""Every fault of detection: how it is provoked, what is said of it, and which sweeps it breaks."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from jobwatch.simulator import faults as f
from jobwatch.simulator.faults import Act, Raw, Say, When
from tests.daemon import free_port
from tests.faults.certificate import self_signed
from tests.faults.trial import RECOVERY, Trial
from tests.raw_server import Peer, Script, serving

MEGABYTE = 1024**2
CALLS = 40
"""What a dead source may cost in twenty minutes: four tries and a cure before the breaker opens, a probe in each of
its 13 openings or so, and as many again for probes that are sent twice."""
UNBROKEN = 90
"""The same for refusals that show the cloud at work, and so open no breaker: one call a sweep, hot and full in turn."""
HEALTHY = 1000


@asynccontextmanager
async def _nothing(_trial: Trial) -> AsyncIterator[None]:
    yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row. `says` is class and code of the error that is kept; None where no sweep breaks.

    `acts` are rules of the simulated cloud, `around` is anything else. `calls` is how many may go out while it lasts,
    `recovery` how long after it everything may take that was missed.
    """

    name: str
    says: tuple[str, str] | None
    acts: tuple[Act, ...] = ()
    when: When = field(default_factory=When)
    around: Callable[[Trial], AbstractAsyncContextManager[None]] = _nothing
    calls: int = CALLS
    recovery: timedelta = RECOVERY

    @asynccontextmanager
    async def on(self, trial: Trial) -> AsyncIterator[None]:
        """Hold inside the block."""
        for act in self.acts:
            trial.one.simulation.faults.add(act, self.when)
        try:
            async with self.around(trial):
                yield
        finally:
            trial.one.simulation.faults.clear()

    def __str__(self) -> str:
        return self.name


# ── refusals in the cloud's words ───────────────────────────────────────────────────


def refusal(
    name: str, status: int, code: str, error_class: str, message: str = "", **headers: str
) -> Fault:
    """A refusal of every call."""
    named = tuple((key.replace("_", "-"), value) for key, value in headers.items())
    say = Say(status=status, code=code, message=message, headers=named)
    return Fault(name=name, acts=(say,), says=(error_class, code))


REFUSALS = [
    refusal("a storm of SlowDown", 503, "SlowDown", "throttled"),
    refusal("SlowDown with 429", 429, "SlowDown", "throttled", Retry_After="2"),
    replace(
        refusal(
            "SlowDown that asks for ten minutes", 503, "SlowDown", "throttled", Retry_After="600"
        ),
        calls=4,
        recovery=timedelta(minutes=11),
    ),
    refusal("InternalError", 500, "InternalError", "server_error"),
    refusal("ServiceUnavailable with 500", 500, "ServiceUnavailable", "server_error"),
    refusal("ServiceUnavailable with 503", 503, "ServiceUnavailable", "server_error"),
    refusal("RequestTimeout with 400", 400, "RequestTimeout", "server_error"),
    refusal("AccessDenied", 403, "AccessDenied", "denied", "Access Denied."),
    refusal("an expired token", 400, "ExpiredToken", "denied"),
    refusal("an unknown key", 403, "InvalidAccessKeyId", "denied"),
    refusal("a wrong signature", 403, "SignatureDoesNotMatch", "denied"),
    refusal("a refused time that nobody can cure", 403, "RequestTimeTooSkewed", "denied"),
    replace(
        refusal("a refusal nobody has heard of", 400, "NeverDocumented", "rejected"), calls=UNBROKEN
    ),
    refusal("an account in arrears", 451, "UnavailableForLegalReasons", "denied"),
    Fault(
        name="403 without a body",
        acts=(Say(status=403, code="AccessDenied", bare=True),),
        says=("denied", "HTTP403"),
    ),
    Fault(
        name="a signature's fault hidden in AccessDenied",
        acts=(Say(status=403, code="AccessDenied", message="InvalidAccessKeyId"),),
        says=("denied", "InvalidAccessKeyId"),
    ),
    Fault(
        name="a job unknown where jobs were listed",
        acts=(f.NO_SUCH_JOB,),
        says=("not_found", "NoSuchJob"),
        calls=UNBROKEN,
    ),
]

# ── answers that are none ───────────────────────────────────────────────────────────


def page(name: str, status: int, body: bytes, says: tuple[str, str]) -> Fault:
    """A page of something that stands between us and the cloud."""
    raw = Raw(status=status, body=body, content_type="text/html", gateway=True)
    return Fault(name=name, acts=(raw,), says=says)


MALFORMED = ("malformed", "Malformed")
LOGIN = b"<html><body><form action='/login'><input name='user'></form></body></html>"
ANSWERS = [
    Fault(name="a gateway's page with 200", acts=(f.HTML_200,), says=MALFORMED),
    Fault(name="a gateway's page with 502", acts=(f.HTML_502,), says=("server_error", "HTTP502")),
    page("a gateway's page with 404", 404, LOGIN, ("malformed", "HTTP404")),
    replace(page("a gateway's page with 407", 407, LOGIN, ("rejected", "HTTP407")), calls=UNBROKEN),
    page("a redirection", 302, LOGIN, ("malformed", "HTTP302")),
    page("204 without a body", 204, b"", ("malformed", "HTTP204")),
    page("a gateway's own JSON", 200, b'{"Jobs": []}', MALFORMED),
    page("an error with 200", 200, b"<Error><Code>SlowDown</Code></Error>", MALFORMED),
    page("another listing", 200, b"<ListBucketResult/>", MALFORMED),
    page("bytes that are no text", 200, bytes(range(256)) * 8, MALFORMED),
    Fault(name="an empty body", acts=(f.EMPTY,), says=MALFORMED),
    Fault(name="a body cut short", acts=(f.Cut(at=40),), says=("network", "reset")),
    Fault(name="half a body as a whole", acts=(f.Cut(at=40, honest=True),), says=MALFORMED),
    Fault(name="a stalled body", acts=(f.Stall(after=40),), says=("network", "timeout")),
    Fault(name="no answer", acts=(f.Stall(after=0),), says=("network", "timeout")),
    Fault(name="an entity bomb", acts=(f.ENTITIES,), says=MALFORMED),
    Fault(name="an outside entity", acts=(f.DOCTYPE,), says=MALFORMED),
    Fault(
        name="a gzip bomb",
        acts=(f.GzipBomb(size=64 * MEGABYTE),),
        says=("network", "too_large"),
    ),
    Fault(name="a reset", acts=(f.Reset(),), says=("network", "reset")),
    Fault(
        name="a reset behind the headers",
        acts=(f.Reset(after_headers=True),),
        says=("network", "reset"),
    ),
    Fault(name="a wrong content type", acts=(f.ContentType(),), says=None, calls=HEALTHY),
    Fault(
        name="a status that is no filter",
        acts=(f.STATUS_REJECTED,),
        when=When(status="Pausing"),
        says=None,
        calls=HEALTHY,
    ),
]

# ── no cloud at all ─────────────────────────────────────────────────────────────────


def elsewhere(**settings: str) -> Callable[[Trial], AbstractAsyncContextManager[None]]:
    """Call another address, account or region."""

    @asynccontextmanager
    async def around(trial: Trial) -> AsyncIterator[None]:
        trial.reach(**settings)
        try:
            yield
        finally:
            trial.reach()

    return around


def instead(script: Script) -> Callable[[Trial], AbstractAsyncContextManager[None]]:
    """Call a server that does what no server should."""

    @asynccontextmanager
    async def around(trial: Trial) -> AsyncIterator[None]:
        async with serving(script) as server, elsewhere(endpoint=server.url(""))(trial):
            yield

    return around


@asynccontextmanager
async def _vouched_for_by_nobody(trial: Trial) -> AsyncIterator[None]:
    with TemporaryDirectory() as folder:
        tls = self_signed(Path(folder))
    async with serving(_hangs_up, tls) as server, elsewhere(endpoint=server.url(""))(trial):
        yield
        assert server.requests == [], "a request went to a server that nobody vouches for"


async def _hangs_up(peer: Peer) -> None:
    await peer.request()


async def _refuses_tls(peer: Peer) -> None:
    await peer.reader.read(100)
    await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await peer.until_closed()


@asynccontextmanager
async def _without_tls(trial: Trial) -> AsyncIterator[None]:
    async with serving(_refuses_tls) as server:
        address = server.url("").replace("http:", "https:")
        async with elsewhere(endpoint=address)(trial):
            yield


async def _half_closes(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<ListJobsResult>")
    peer.writer.write_eof()
    await peer.until_closed()


async def _resets(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def _babbles(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


async def _never_ends(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await peer.send(b"10000\r\n" + b" " * 65536 + b"\r\n")


async def _drips(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<ListJobsResult>")
    while not peer.reader.at_eof():
        await peer.send(b" ")
        try:
            await peer.reader.readexactly(1)
        except EOFError:
            return


async def _says_nothing(peer: Peer) -> None:
    await peer.until_closed()


ADDRESSES: Mapping[str, tuple[Callable[[Trial], AbstractAsyncContextManager[None]], str]] = {
    "a name without an address": (elsewhere(endpoint="https://jobs.invalid"), "dns"),
    "a closed port": (elsewhere(endpoint=f"http://127.0.0.1:{free_port()}"), "connect"),
    "a certificate of its own making": (_vouched_for_by_nobody, "tls"),
    "a server without TLS": (_without_tls, "tls"),
    "a server that hangs up": (instead(_hangs_up), "reset"),
    "a server that closes half way": (instead(_half_closes), "reset"),
    "a server that resets": (instead(_resets), "reset"),
    "a server that speaks something else": (instead(_babbles), "protocol"),
    "a body without an end": (instead(_never_ends), "too_large"),
    "a body that drips": (instead(_drips), "timeout"),
    "a server that only accepts": (instead(_says_nothing), "timeout"),
}
CONNECTIONS = [
    Fault(name=name, around=around, says=("network", code))
    for name, (around, code) in ADDRESSES.items()
] + [
    Fault(
        name="a wrong account",
        around=elsewhere(uin="100000000009", appid="1250000009"),
        says=("denied", "AccessDenied"),
    )
]

FAULTS = [*REFUSALS, *ANSWERS, *CONNECTIONS]
