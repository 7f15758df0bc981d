"""The simulated cloud behind a real socket, asked by a plain HTTP client."""

import asyncio
import gzip
import logging
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from multidict import CIMultiDictProxy
from yarl import URL

from jobwatch.core.codec import Credentials, Signing
from jobwatch.core.http import HttpRequest
from jobwatch.core.model import FailureReason
from jobwatch.providers.signing import sign
from jobwatch.simulator import faults as f
from jobwatch.simulator.answers import Question
from jobwatch.simulator.quirks import PLAIN, Quirks
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import DEMO_CREDENTIALS, Options, Simulation
from jobwatch.simulator.world import World

Answer = tuple[int, CIMultiDictProxy[str], bytes]
T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class FakeClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now


class Client:
    """Signs and sends; answers with status, headers and the whole body."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: str, clock: FakeClock) -> None:
        self.session, self.endpoint, self.clock = session, endpoint, clock
        self.credentials = DEMO_CREDENTIALS
        self.headers = {"x-cos-appid": "1250000000"}

    def request(self, target: str) -> HttpRequest:
        plain = HttpRequest(method="GET", url=self.endpoint + target, headers=self.headers)
        return sign(plain, Signing(credentials=self.credentials, now=self.clock()))

    async def get(self, target: str = "/jobs", **headers: str) -> Answer:
        url = URL(self.endpoint + target, encoded=True)
        signed = {**self.request(target).headers, **headers}
        async with self.session.get(url, headers=signed) as response:
            return response.status, response.headers, await response.read()

    async def code(self, target: str = "/jobs") -> tuple[int, str, str]:
        status, _, body = await self.get(target)
        error = ET.fromstring(body)
        return status, error.findtext("Code", ""), error.findtext("Message", "")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def simulation(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Simulation]:
    world = World([JobScript(id=name, created_at=T0) for name in ("a", "b", "c")])
    async with Simulation(world, clock=clock, options=Options(quirks=PLAIN)) as running:
        yield running
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


@pytest.fixture
async def client(simulation: Simulation, clock: FakeClock) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, simulation.endpoint, clock)


# ── the control API ──────────────────────────────────────────────────────────────────


async def test_a_signed_listing_is_answered(client: Client) -> None:
    status, headers, body = await client.get("/jobs?maxResults=2")
    assert status == 200
    assert headers["Content-Type"] == "application/xml"
    assert headers["Server"] == "tencent-cos"
    assert headers["Date"] == "Sat, 21 Nov 2026 20:00:00 GMT"
    assert headers["x-cos-request-id"]
    assert "x-cos-trace-id" not in headers
    found = [each.text for each in ET.fromstring(body).iter() if each.tag in ("JobId", "NextToken")]
    assert found == ["a", "b", "b"]


async def test_time_moves_the_jobs(
    simulation: Simulation, client: Client, clock: FakeClock
) -> None:
    steps = (Step("New", SECOND), Step("Active", 10 * SECOND, done=1.0), Step("Complete"))
    simulation.world.add(JobScript(id="d", created_at=T0, steps=steps, total=100))
    words = []
    for _ in range(3):
        job = ET.fromstring((await client.get("/jobs/d"))[2])[0]
        words.append((job.findtext("Status"), job.findtext(".//NumberOfTasksSucceeded")))
        clock.now += 6 * SECOND
    assert words == [("New", "0"), ("Active", "50"), ("Complete", "100")]


async def test_detail_has_every_documented_element(simulation: Simulation, client: Client) -> None:
    reason = FailureReason(code="Boom", message="<all> & sundry")
    simulation.world.set("a", T0, status="Suspended")
    simulation.world.set("a", T0, status="Failed", failures=(reason,), reason="gave up")
    text = (await client.get("/jobs/a"))[2].decode()
    job = ET.fromstring(text)[0]
    assert [each.tag for each in job] == [
        "ConfirmationRequired", "CreationTime", "Description", "FailureReasons", "JobId",
        "Manifest", "Operation", "Priority", "ProgressSummary", "Report", "RoleArn", "Status",
        "StatusUpdateReason", "SuspendedCause", "SuspendedDate", "TerminationDate",
    ]  # fmt: skip
    assert job.findtext("FailureReasons/JobFailure/FailureReason") == "<all> & sundry"
    assert job.find("Operation/COSPutObjectCopy/TargetResource") is not None
    assert "<ETag>&quot;" in text
    succeeded = (await client.get("/jobs/b"))[2]
    assert b"<JobFailure><FailureCode></FailureCode>" in succeeded


async def test_the_answer_is_packed_for_those_who_take_it(
    simulation: Simulation, client: Client
) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        raw = Client(session, simulation.endpoint, client.clock)
        packed = await raw.get("/jobs", **{"Accept-Encoding": "gzip"})
        plain = await raw.get("/jobs", **{"Accept-Encoding": "identity"})
    assert gzip.decompress(packed[2]) == plain[2]


async def test_refusals(simulation: Simulation, client: Client) -> None:
    assert (await client.code("/jobs/nobody"))[:2] == (404, "NoSuchJob")
    assert (await client.code("/jobs?nextToken=nobody"))[:2] == (400, "InvalidArgument")
    assert (await client.code("/buckets"))[:2] == (404, "NoSuchResource")
    client.headers = {}
    assert (await client.code())[:2] == (400, "InvalidArgument")
    client.headers = {"x-cos-appid": "1250000001"}
    assert (await client.code())[:2] == (403, "AccessDenied")
    assert (await client.get())[1]["x-cos-trace-id"]
    assert simulation.cloud.count("/jobs") == 4


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (lambda c: setattr(c, "credentials", key(secret="wrong")), "SignatureDoesNotMatch"),
        (lambda c: setattr(c, "credentials", key(ident="wrong")), "InvalidAccessKeyId"),
        (lambda c: setattr(c.clock, "now", T0 - timedelta(hours=2)), "Request has expired"),
        (lambda c: setattr(c.clock, "now", T0 + timedelta(hours=2)), "RequestTimeTooSkewed"),
    ],
)
@pytest.mark.parametrize("hidden", [True, False])
async def test_signatures_are_verified(
    simulation: Simulation,
    client: Client,
    change: Callable[[Client], None],
    shown: str,
    hidden: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    client.clock = FakeClock()  # the cloud's own clock stays at T0
    simulation.cloud.quirks = Quirks(hidden_code=hidden)
    assert (await client.get())[0] == 200
    change(client)
    status, code, message = await client.code()
    in_message = hidden or shown == "Request has expired"
    assert (status, code) == (403, "AccessDenied" if in_message else shown)
    assert (message == shown) is in_message


def key(*, ident: str | None = None, secret: str | None = None) -> Credentials:
    return Credentials(
        secret_id=ident or DEMO_CREDENTIALS.secret_id,
        secret_key=secret or DEMO_CREDENTIALS.secret_key,
    )


# ── what goes wrong ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("act", "status", "words"),
    [
        (f.SLOW_DOWN, 503, b"<Code>SlowDown</Code>"),
        (f.TOO_MANY, 429, b"<Code>SlowDown</Code>"),
        (f.INTERNAL, 500, b"<Code>InternalError</Code>"),
        (f.UNAVAILABLE, 500, b"<Code>ServiceUnavailable</Code>"),
        (f.TIMEOUT, 400, b"<Code>RequestTimeout</Code>"),
        (f.DENIED, 403, b"<Code>AccessDenied</Code>"),
        (f.EXPIRED_TOKEN, 400, b"<Code>ExpiredToken</Code>"),
        (f.Say(status=503, code="SlowDown", bare=True), 503, b""),
        (f.HTML_200, 200, b"<html>"),
        (f.HTML_502, 502, b"502 Bad Gateway"),
        (f.EMPTY, 200, b""),
        (f.DOCTYPE, 200, b"<!DOCTYPE"),
        (f.ENTITIES, 200, b"&a8;&a8;"),
        (f.Cut(at=30, honest=True), 200, b"<ListJobsResult><Jobs><member>"),
        (f.UnknownStatus(word="Napping"), 200, b"<Status>Napping</Status>"),
        (f.Rewrite(old=b"<Priority>10", new=b"<Priority>ten"), 200, b"<Priority>ten"),
    ],
)
async def test_a_fault_strikes_where_it_is_told_and_nowhere_else(
    simulation: Simulation, client: Client, act: f.Act, status: int, words: bytes
) -> None:
    simulation.faults.add(act, f.When(nth=frozenset({2})))
    answers = [await client.get() for _ in range(3)]
    assert [each[0] for each in answers] == [200, status, 200]
    assert answers[0][2] == answers[2][2] != answers[1][2]
    assert words in answers[1][2]
    gateway = act in (f.HTML_200, f.HTML_502)
    assert ("x-cos-request-id" in answers[1][1]) is not gateway


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (f.Cut(at=50), aiohttp.ClientPayloadError),
        (f.Stall(after=10), TimeoutError),
        (f.Reset(), aiohttp.ClientConnectionError),
        (f.Reset(after_headers=True), aiohttp.ClientError),
    ],
)
async def test_an_answer_that_never_arrives_whole(
    simulation: Simulation, client: Client, act: f.Act, error: type[Exception]
) -> None:
    simulation.faults.add(act)  # for good: aiohttp asks again by itself after a reset
    with pytest.raises(error):
        async with asyncio.timeout(0.5 if error is TimeoutError else 10):
            await client.get()
    simulation.faults.clear()
    assert (await client.get())[0] == 200


async def test_a_gzip_bomb_is_small_on_the_wire(simulation: Simulation, client: Client) -> None:
    simulation.faults.add(f.GzipBomb(size=64 * 1024**2))
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        packed = (await Client(session, simulation.endpoint, client.clock).get())[2]
    assert len(packed) < 128 * 1024
    unpacked = zlib.decompressobj(wbits=31).decompress(packed)
    assert unpacked.startswith(b"<ListJobsResult><Jobs> ")
    assert len(unpacked) >= 64 * 1024**2


async def test_a_client_that_leaves_a_bomb_is_forgotten(
    simulation: Simulation, client: Client
) -> None:
    simulation.faults.add(f.GzipBomb(size=1024**4), f.When(nth=frozenset({1})))
    request = client.request("/jobs")
    async with client.session.get(request.url, headers=request.headers) as response:
        await response.content.read(1000)
        response.close()
    assert (await client.get())[0] == 200


@pytest.mark.parametrize("kind", f.Tokens)
async def test_tokens_that_lead_nowhere(
    simulation: Simulation, client: Client, kind: f.Tokens
) -> None:
    simulation.faults.add(f.BadToken(kind=kind), f.When(call="list"))
    tokens, jobs, target = [], [], "/jobs"
    for _ in range(4):
        page = ET.fromstring((await client.get(target))[2])
        tokens.append(page.findtext("NextToken"))
        jobs.append(len(list(page.iter("member"))))
        target = f"/jobs?nextToken={tokens[-1]}"
    assert len(set(tokens)) == (1 if kind is f.Tokens.REPEATED else 4)
    assert set(jobs) == ({0} if kind is f.Tokens.ENDLESS_EMPTY else {3})


async def test_a_hook_runs_before_the_page_it_is_set_on(
    simulation: Simulation, client: Client
) -> None:
    asked: list[str | None] = []

    async def strike(question: Question) -> None:
        asked.append(question.one("nextToken"))
        simulation.world.remove("c")

    simulation.faults.add(f.Hook(callback=strike), f.When(call="list", nth=frozenset({2})))
    first = (await client.get("/jobs?maxResults=1"))[2]
    second = (await client.get("/jobs?nextToken=a"))[2]
    assert (b"<NextToken>a<" in first, second.count(b"<member>"), asked) == (True, 1, ["a"])


async def test_a_skewed_cloud_shows_its_own_time(simulation: Simulation, client: Client) -> None:
    simulation.faults.add(f.Skew(by=timedelta(hours=1)))
    status, headers, body = await client.get()
    assert (status, b"Request has expired" in body) == (403, True)
    assert headers["Date"] == "Sat, 21 Nov 2026 21:00:00 GMT"
