"""`jobwatch run` against `jobwatch simulate`, each a process of its own, judged by a receiver that verifies.

The truth is what the simulated cloud's own DescribeJob says at the end, asked for by the test.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobwatch.app.clock import utc_now
from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.codec import Known, Walk
from jobwatch.core.gate import Bucket
from jobwatch.core.model import Job
from jobwatch.credentials import ConfiguredKeys
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.providers.cos_batch import CosBatch, CosBatchSettings
from jobwatch.simulator.receiver import WebhookSink
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET, Server
from jobwatch.transport import Transport
from tests.daemon import Daemon, free_port, get

SECOND_SECRET = "whsec_c2Vjb25kIHNlY3JldCBvZiB0aGUgZS0yLWUgdGVzdA=="
ENDINGS = {
    "succeeded": "job.succeeded",
    "completed_with_failures": "job.completed_with_failures",
    "failed": "job.failed",
    "cancelled": "job.cancelled",
}

pytestmark = pytest.mark.timeout(240)


@dataclass(slots=True)
class Cloud:
    """`jobwatch simulate` as a child process, and the configuration that it proposes."""

    process: subprocess.Popen[str]
    configuration: dict[str, Any]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    command = ["simulate", "--jobs", "60", "--seed", "7", "--speed", "120", "--output", "json"]
    with subprocess.Popen(
        [sys.executable, "-m", "jobwatch", *command], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Cloud(process, read_document(process)["configuration"])
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def read_document(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """The one JSON document that a command prints before it goes on."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("}"):
            break
    document: dict[str, Any] = json.loads("".join(lines))
    return document


@pytest.fixture
async def sink() -> AsyncIterator[tuple[WebhookSink, str]]:
    sink = WebhookSink([DEMO_WEBHOOK_SECRET, SECOND_SECRET], clock=utc_now)
    server = Server(sink.application())
    await server.start()
    yield sink, server.url
    await server.stop()


@pytest.fixture
def daemon(tmp_path: Path, cloud: Cloud, sink: tuple[WebhookSink, str]) -> Iterator[Daemon]:
    port = free_port()
    config = cloud.configuration
    config["sources"]["simulated"]["every"] = "1s"
    config["receivers"] = {
        "ops": {
            "url": sink[1] + "/ops",
            "secrets": [SECOND_SECRET, DEMO_WEBHOOK_SECRET],
            "wants": {"types": ["endings"]},
        }
    }
    config["http"] = {"listen": f"127.0.0.1:{port}"}
    config["log"] = {"format": "json"}
    daemon = Daemon(folder=tmp_path, config=config, port=port)
    yield daemon
    if daemon.running:
        daemon.kill()


async def listed(cloud: Cloud) -> dict[str, Job]:
    """Every job of the simulated cloud, read by the test itself."""
    settings = CosBatchSettings.model_validate(
        cloud.configuration["sources"]["simulated"]["provider"]
    )
    shape = SourceShape(
        name="truth", provider="", region="", operations=(), statuses=(),
        every=timedelta(1), full_every=timedelta(1),
    )  # fmt: skip
    async with Transport() as transport:
        client = ApiClient(
            provider=CosBatch(settings),
            transport=transport,
            credentials=ConfiguredKeys(settings.credentials),
            bucket=Bucket(rate=1000, burst=1000),
            observer=Metrics([shape], []).for_source("truth"),
            around=Surroundings(
                now=utc_now, monotonic=asyncio.get_running_loop().time, chance=lambda: 0.5
            ),
        )
        return {job.id: job async for page in client.pages(Walk(), Known()) for job in page.jobs}


def must_be_told(job: Job, started_at: datetime) -> bool:
    """Whether the end of a job is news for a watcher that first looked at `started_at`."""
    return job.outcome is not None and job.ended_at is not None and job.ended_at >= started_at


async def settled(daemon: Daemon, sink: WebhookSink) -> None:
    """Wait until nothing is open, so that told and truth can be compared."""
    where = "SELECT count(*) FROM deliveries WHERE state IN ('pending', 'claimed')"
    while daemon.query(where)[0][0] or not sink.accepted:
        await asyncio.sleep(0.1)


async def test_every_ending_is_told_once_signed_and_right_across_a_kill(
    cloud: Cloud, sink: tuple[WebhookSink, str], daemon: Daemon
) -> None:
    receiver, _ = sink
    started_at = utc_now()
    daemon.start()
    await asyncio.to_thread(daemon.wait_ready)
    await receiver.wait_for(8, within=60)
    await asyncio.to_thread(daemon.kill)
    in_flight = daemon.in_flight()
    killed_at = utc_now()
    await asyncio.sleep(8)  # a real gap, in which jobs end and nobody watches
    restarted_at = utc_now()
    daemon.start()
    await asyncio.to_thread(daemon.wait_ready)
    await receiver.wait_for(len(receiver.accepted) + 6, within=60)

    truth = {
        name: job for name, job in (await listed(cloud)).items() if must_be_told(job, started_at)
    }
    async with asyncio.timeout(30):
        while not set(truth) <= {event["subject"] for event in receiver.events}:
            await asyncio.sleep(0.1)
        await settled(daemon, receiver)
    assert await asyncio.to_thread(daemon.stop) == 0

    told: defaultdict[str, set[str]] = defaultdict(set)
    times: defaultdict[str, int] = defaultdict(int)
    for received in receiver.received:
        assert received.valid
        assert len(received.headers["webhook-signature"].split()) == 2  # both secrets sign
        told[received.event["subject"]].add(received.id)
        times[received.id] += 1
    assert all(len(ids) == 1 for ids in told.values())
    assert {event_id for event_id, number in times.items() if number > 1} <= in_flight
    by_job = {event["subject"]: event for event in receiver.events}
    gap = 0
    for name, job in truth.items():
        event = by_job[name]
        assert job.outcome is not None
        assert job.ended_at is not None
        assert event["type"] == ENDINGS[job.outcome.value]
        if event["type"] == "job.failed":
            assert event["data"]["detail"]["failures"][0]["code"]
        if killed_at < job.ended_at < restarted_at - timedelta(seconds=4):
            gap += 1
            assert event["data"]["late"] is True, name
        elif job.ended_at > restarted_at:
            assert event["data"]["late"] is False, name
    assert gap, "no job ended while the daemon was dead"
    assert daemon.counter("jobwatch_jobs_finished_total") == len(told)
    assert daemon.counter("jobwatch_deliveries_total") == len(told)


async def test_the_pages_of_a_running_daemon_tell_the_truth(
    sink: tuple[WebhookSink, str], daemon: Daemon
) -> None:
    receiver, _ = sink
    daemon.start()
    await asyncio.to_thread(daemon.wait_ready)
    await receiver.wait_for(3, within=60)
    base = f"http://127.0.0.1:{daemon.port}"
    async with asyncio.timeout(20):
        while '\njobwatch_source_up{source="simulated"} 1' not in (
            page := (await asyncio.to_thread(get, f"{base}/metrics"))[1]
        ):
            await asyncio.sleep(0.2)
    samples = parse(page)
    assert samples["jobwatch_deliveries_total", "delivered"] >= 3
    assert samples["jobwatch_api_requests_total", "ListJobs"] >= 3
    assert samples["jobwatch_jobs_finished_total", ""] >= 3
    assert (await asyncio.to_thread(get, f"{base}/healthz"))[0] == 200
    status, html = await asyncio.to_thread(get, f"{base}/")
    assert status == 200
    assert "simulated" in html
    assert await asyncio.to_thread(daemon.stop) == 0
    assert "Traceback" not in daemon.tail()


def parse(page: str) -> dict[tuple[str, str], float]:
    """Sums of samples by name, and by the label that the test asks for."""
    sums: defaultdict[tuple[str, str], float] = defaultdict(float)
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            word = sample.labels.get("state") or sample.labels.get("call") or ""
            sums[sample.name, word] += sample.value
    return sums


async def test_a_second_daemon_waits_unready_and_names_the_holder(
    tmp_path: Path, daemon: Daemon
) -> None:
    daemon.start()
    await asyncio.to_thread(daemon.wait_ready)
    port = free_port()
    config = daemon.config | {"http": {"listen": f"127.0.0.1:{port}"}}
    other = Daemon(folder=tmp_path, config=config, port=port)
    other.start()
    try:
        async with asyncio.timeout(20):
            while (
                "held by"
                not in (answer := await asyncio.to_thread(get, f"http://127.0.0.1:{port}/readyz"))[
                    1
                ]
            ):
                await asyncio.sleep(0.1)
        assert answer[0] == 503
        assert daemon.process is not None
        assert str(daemon.process.pid) in answer[1]
        assert (await asyncio.to_thread(get, f"http://127.0.0.1:{port}/healthz"))[0] == 200
        await asyncio.to_thread(daemon.kill)
        await asyncio.to_thread(other.wait_ready)  # the kernel frees the lock of the dead
    finally:
        other.kill()


async def test_once_beside_a_running_daemon_exits_1_and_alone_exits_0(
    tmp_path: Path, daemon: Daemon
) -> None:
    def once() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "jobwatch", "once", "--config", str(tmp_path / "jobwatch.yaml")],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    daemon.start()
    await asyncio.to_thread(daemon.wait_ready)
    beside = await asyncio.to_thread(once)
    assert beside.returncode == 1
    assert daemon.process is not None
    assert str(daemon.process.pid) in beside.stderr
    assert await asyncio.to_thread(daemon.stop) == 0
    alone = await asyncio.to_thread(once)
    assert (alone.returncode, "Traceback" in alone.stderr) == (0, False)
