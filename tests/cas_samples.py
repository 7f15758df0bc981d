"""Answers of CAS as its pages and its command line show them, and pages made to order."""

import json
from typing import Any

from jobwatch.core.codec import Known, Walk
from jobwatch.core.http import HttpResponse
from jobwatch.core.model import JobDetail, JobKey, JobPage
from jobwatch.providers.cas import Cas, CasSettings

SEED = 0x5EED
VAULT = "backup_1"
PROVIDER = Cas(CasSettings(kind="cas", region="ap-chengdu", uid="1250000000"))
ANSWERED = {"x-cas-requestid": "NjU0", "date": "Sat, 21 Nov 2026 20:00:00 GMT"}
QCS = "qcs::cas:ap-chengdu:uid/1250000000:vaults/backup_1"


def member(job: str = "-Job_1", **fields: Any) -> dict[str, Any]:
    """A job as the command line shows one that runs; a field that is `...` is left out."""
    usual = {
        "Action": "ArchiveRetrieval",
        "JobId": job,
        "JobDescription": "",
        "CreationDate": "2026-11-21T08:29:41.000Z",
        "CompletionDate": None,
        "Completed": False,
        "StatusCode": "InProgress",
        "StatusMessage": "InProgress",
        "VaultQCS": QCS,
    }
    return {name: value for name, value in (usual | fields).items() if value is not ...}


def ended(job: str = "-Job_1", status: str = "Succeeded", **fields: Any) -> dict[str, Any]:
    at = {"CompletionDate": "2026-11-21T12:00:00.500Z", "Completed": True, "StatusCode": status}
    return member(job, **(at | fields))


def page_of(*members: object, **fields: Any) -> bytes:
    return json.dumps({"JobList": members, "Marker": None} | fields).encode()


def read(body: bytes | str, known: Known | None = None, vault: str = VAULT) -> JobPage:
    data = body.encode() if isinstance(body, str) else body
    response = HttpResponse(status=200, headers=ANSWERED, body=data)
    return PROVIDER.read_page(response, Walk(vault), known or Known(seed=SEED))


def describe(body: object, job: str = "-Job_1") -> JobDetail:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = HttpResponse(status=200, headers=ANSWERED, body=data)
    return PROVIDER.read_detail(response, JobKey(VAULT, job))


def knowing(page: JobPage, start: int = 0) -> Known:
    slots = {job.fingerprint: slot for slot, job in enumerate(page.jobs, start)}
    return Known(seed=SEED, slots=slots)
