"""The simulated CAS behind a real socket, beside COS Batch, asked by a plain HTTP client."""

import gzip
import json
import logging
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDictProxy
from yarl import URL

from jobwatch.core.codec import Signing
from jobwatch.core.http import HttpRequest
from jobwatch.providers.signing import Canon, sign
from jobwatch.simulator import faults as f
from jobwatch.simulator.quirks import PLAIN
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import DEMO_CREDENTIALS, Options, Simulation
from jobwatch.simulator.vault_job import VaultJob
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World

Answer = tuple[int, CIMultiDictProxy[str], bytes]
T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
LISTING = "/-/vaults/backup/jobs"
IDS = ("-a", "_b", "c")


def job(job_id: str) -> JobScript:
    steps = (Step("InProgress"),)
    return JobScript(
        id=job_id, created_at=T0, steps=steps, operation="PushToCOS", vault_job=VaultJob()
    )


class Client:
    """Signs as CAS wants it and sends."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: str) -> None:
        self.session, self.endpoint = session, endpoint

    async def get(self, target: str = LISTING, **headers: str) -> Answer:
        request = HttpRequest(method="GET", url=self.endpoint + target, headers={})
        signing = Signing(credentials=DEMO_CREDENTIALS, now=T0)
        signed = {**sign(request, signing, canon=Canon.LOWERCASE).headers, **headers}
        async with self.session.get(URL(request.url, encoded=True), headers=signed) as response:
            return response.status, response.headers, await response.read()

    async def document(self, target: str = LISTING) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((await self.get(target))[2])
        return document


@pytest.fixture
async def simulation(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Simulation]:
    vaults = VaultWorld({"backup": World([job(name) for name in IDS]), "old logs/…": World()})
    options = Options(quirks=PLAIN)
    world = World([JobScript(id="batch", created_at=T0)])
    async with Simulation(world, vaults=vaults, clock=lambda: T0, options=options) as running:
        yield running
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


@pytest.fixture
async def client(simulation: Simulation) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, simulation.endpoint)


@pytest.fixture
async def raw_client(simulation: Simulation) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield Client(session, simulation.endpoint)


async def test_one_server_speaks_both_apis(simulation: Simulation, client: Client) -> None:
    status, headers, body = await client.get(f"{LISTING}?statuscode=InProgress&limit=2")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["Date"] == "Sat, 21 Nov 2026 20:00:00 GMT"
    assert headers["x-cas-requestId"]
    assert "x-cos-request-id" not in headers
    page = json.loads(body)
    assert [each["JobId"] for each in page["JobList"]] == ["-a", "_b"]
    assert page["Marker"] == "_b"
    assert (await client.document(f"{LISTING}/-a"))["JobId"] == "-a"
    simulation.vaults["backup"].set("-a", T0, status="Failed", reason="gone")
    assert (await client.document(f"{LISTING}/-a"))["StatusMessage"] == "gone"
    # The headers of COS are missing: its paths are refused, as ever, in XML.
    assert b"<Code>InvalidArgument</Code>" in (await client.get("/jobs"))[2]
    assert simulation.cloud.count(LISTING) == 1
    assert simulation.cloud.count(LISTING, status="InProgress") == 1


async def test_any_name_of_a_vault_is_one_segment(simulation: Simulation, client: Client) -> None:
    assert (await client.document("/-/vaults/old%20logs%2F%E2%80%A6/jobs"))["JobList"] == []
    simulation.vaults.remove("old logs/…")
    gone = await client.document("/-/vaults/old%20logs%2F%E2%80%A6/jobs")
    assert gone["code"] == "ResourceNotFoundException"
    assert [each["VaultName"] for each in (await client.document("/-/vaults"))["VaultList"]] == [
        "backup"
    ]


async def test_refusals_are_signed_with_a_request_id(client: Client) -> None:
    status, headers, body = await client.get("/9/vaults")
    assert (status, json.loads(body)["code"]) == (403, "AccessDeniedException")
    assert headers["x-cas-requestId"]


async def test_the_answer_is_packed_for_those_who_take_it(raw_client: Client) -> None:
    packed = await raw_client.get(**{"Accept-Encoding": "gzip"})
    plain = await raw_client.get(**{"Accept-Encoding": "identity"})
    assert gzip.decompress(packed[2]) == plain[2]


@pytest.mark.parametrize(
    ("act", "status", "words"),
    [
        (f.SLOW_DOWN, 400, b'"ThrottlingException"'),
        (f.INTERNAL, 500, b'"ServiceUnavailableException"'),
        (f.Say(status=503, code="SlowDown", bare=True), 400, b""),
        (f.HTML_200, 200, b"<html>"),
        (f.HTML_502, 502, b"502 Bad Gateway"),
        (f.EMPTY, 200, b""),
        (f.Cut(at=12, honest=True), 200, b'{"JobList":['),
        (f.UnknownStatus(word="Thawing"), 200, b'"StatusCode": "Thawing"'),
        (f.Hidden(job_id="_b"), 200, b'"Marker": null'),
        (f.Rewrite(old=b"PushToCOS", new=b"Levitate"), 200, b'"Levitate"'),
        (f.BadToken(), 200, b'"Marker":"endless-2"'),
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
    assert ("x-cas-requestId" in answers[1][1]) is not gateway
    assert (b"_b" in answers[1][2]) is (isinstance(act, f.UnknownStatus | f.Rewrite | f.BadToken))


@pytest.mark.parametrize("act", [f.Cut(at=50), f.Reset(), f.Reset(after_headers=True)])
async def test_an_answer_that_never_arrives_whole(
    simulation: Simulation, client: Client, act: f.Act
) -> None:
    simulation.faults.add(act)  # for good: aiohttp asks again by itself after a reset
    with pytest.raises(aiohttp.ClientError):
        await client.get()
    simulation.faults.clear()
    assert (await client.get())[0] == 200


async def test_a_gzip_bomb_unpacks_to_a_page_that_begins_well(
    simulation: Simulation, raw_client: Client
) -> None:
    simulation.faults.add(f.GzipBomb(size=4 * 1024**2))
    packed = (await raw_client.get())[2]
    unpacked = zlib.decompressobj(wbits=31).decompress(packed)
    assert unpacked.startswith(b'{"JobList": [ ')
    assert len(unpacked) >= 4 * 1024**2


@pytest.mark.parametrize("kind", f.Tokens)
@pytest.mark.parametrize(("listing", "members"), [(LISTING, "JobList"), ("/-/vaults", "VaultList")])
async def test_markers_that_lead_nowhere(
    simulation: Simulation, client: Client, kind: f.Tokens, listing: str, members: str
) -> None:
    simulation.faults.add(f.BadToken(kind=kind))
    target, markers, counts = listing, [], []
    for _ in range(3):
        page = await client.document(target)
        markers.append(page["Marker"])
        counts.append(len(page[members]))
        target = f"{listing}?marker={markers[-1]}"
    assert len(set(markers)) == (1 if kind is f.Tokens.REPEATED else 3)
    assert set(counts) == ({0} if kind is f.Tokens.ENDLESS_EMPTY else {len(page[members])})
    assert (counts[0] > 0) is (kind is not f.Tokens.ENDLESS_EMPTY)


async def test_a_skewed_cloud_refuses_signatures_by_their_time(
    simulation: Simulation, client: Client
) -> None:
    for hours, words in ((1, "expired"), (-1, "Skewed")):
        simulation.faults.clear()
        simulation.faults.add(f.Skew(by=timedelta(hours=hours)))
        said = await client.document()
        assert said["code"] == "InvalidSignatureException"
        assert words in said["message"]
