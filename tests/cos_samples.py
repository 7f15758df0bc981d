"""Recorded answers of COS Batch, and pages made to order."""

import json
from dataclasses import replace
from pathlib import Path

from jobwatch.core.codec import Known, Walk
from jobwatch.core.http import HttpResponse
from jobwatch.core.model import Job, JobDetail, JobKey, JobPage
from jobwatch.providers.cos_batch import CosBatch, CosBatchSettings

SAMPLES = Path(__file__).parent / "samples" / "cos_batch"
SEED = 0x5EED
PROVIDER = CosBatch(
    CosBatchSettings(kind="cos-batch", region="ap-chengdu", uin="100000000001", appid="1250000000")
)


def sample(name: str) -> HttpResponse:
    told = json.loads((SAMPLES / name / "response.json").read_text())
    return HttpResponse(body=(SAMPLES / name / "body.xml").read_bytes(), **told)


def read(body: bytes | str, known: Known | None = None) -> JobPage:
    data = body.encode() if isinstance(body, str) else body
    return PROVIDER.read_page(
        HttpResponse(status=200, body=data), Walk(), known or Known(seed=SEED)
    )


def describe(body: bytes | str, job: str = "j") -> JobDetail:
    data = body.encode() if isinstance(body, str) else body
    return PROVIDER.read_detail(HttpResponse(status=200, body=data), JobKey("", job))


def plain(page: JobPage) -> tuple[Job, ...]:
    """The jobs without their fingerprints."""
    return tuple(replace(job, fingerprint=0) for job in page.jobs)


def page_of(*members: str, token: str = "", head: str = "", between: str = "") -> str:
    inside = between.join(f"<member>{each}</member>" for each in members)
    after = f"<NextToken>{token}</NextToken>" if token else ""
    return f"{head}<ListJobsResult><Jobs>{between}{inside}{between}</Jobs>{after}</ListJobsResult>"


def member(job: str, inside: str = "<Status>Active</Status>") -> str:
    return f"<JobId>{job}</JobId>{inside}"


def knowing(page: JobPage, start: int = 0) -> Known:
    slots = {job.fingerprint: slot for slot, job in enumerate(page.jobs, start)}
    return Known(seed=SEED, slots=slots)
