"""From the words of CAS to ours: pages of jobs and of vaults, one job, and the detail of one job.

Fields: the pages "Describe Job", "List Jobs" and "List Vaults" of https://cloud.tencent.com/document/product/572. Every
field may be absent, null, or a text where the page has a number; fields that are not named here are ignored. A page is
always read whole: JSON has no marks by which bytes alone tell where a member ends. Members that are known are left out
after that, so that the store is not asked about them.
"""

from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from xxhash import xxh3_64_intdigest

from jobwatch.core.codec import Known, ScopePage
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import DESCRIPTION_LIMIT, Job, JobDetail, JobPage, Phase
from jobwatch.providers.cas_fields import read_fields
from jobwatch.providers.json_tree import (
    JsonObject,
    as_object,
    canonical,
    read_object,
    text_of,
    whole_text,
)
from jobwatch.providers.values import UnreadableError, read_id, read_time

TOKEN_LIMIT = 1024
VAULT_NAME_LIMIT = 255
RETRIEVALS: Final = ("ArchiveRetrieval", "InventoryRetrieval")
"""The operations whose output is to be fetched."""
OUTPUT_LIVES: Final = timedelta(hours=24)
"""From the end of the job: page "Get Job Output" of https://cloud.tencent.com/document/product/572."""


def read_page(document: bytes, lifecycle: Lifecycle, scope: str, known: Known) -> JobPage:
    """Read a page of ListJobs. Raises `UnreadableError`."""
    root = read_object(document)
    before = f"{scope}\0".encode()
    jobs: list[Job] = []
    unchanged: list[int] = []
    for member in _members(root, "JobList"):
        fingerprint = xxh3_64_intdigest(before + canonical(member), known.seed)
        slot = known.slots.get(fingerprint)
        if slot is None:
            jobs.append(_read_job(as_object(member), lifecycle, scope, fingerprint))
        else:
            unchanged.append(slot)
    return JobPage(jobs=tuple(jobs), unchanged=tuple(unchanged), next_token=_read_marker(root))


def read_detail(document: bytes, lifecycle: Lifecycle, scope: str) -> JobDetail:
    """Read an answer of DescribeJob. Raises `UnreadableError`."""
    root = read_object(document)
    return JobDetail(
        job=_read_job(root, lifecycle, scope),
        status_reason=text_of(root, "StatusMessage") or None,
        fields=read_fields(root),
    )


def read_vaults(document: bytes, wanted: tuple[str, ...]) -> ScopePage:
    """Read a page of ListVaults: those that one of the globs wants. Raises `UnreadableError`."""
    root = read_object(document)
    vaults = _members(root, "VaultList")
    names = dict.fromkeys(_vault_name(each) for each in vaults)
    return ScopePage(
        scopes=tuple(
            name for name in names if name and any(fnmatchcase(name, glob) for glob in wanted)
        ),
        listed=len(vaults),
        next_token=_read_marker(root),
    )


def _members(root: JsonObject, name: str) -> list[object]:
    """The members of a page. Null may be an empty list; where the name is missing, the page is something else."""
    members = root.get(name, "")
    if members is None:
        return []
    if not isinstance(members, list):
        raise UnreadableError(f"there is no list {name}")
    return members


def _read_job(part: JsonObject, lifecycle: Lifecycle, scope: str, fingerprint: int = 0) -> Job:
    """Read the fields that a listing has as well. Without an id a job cannot be watched: raises `UnreadableError`."""
    status, phase = lifecycle.read(_status(part))
    operation = text_of(part, "Action")
    ended_at = read_time(text_of(part, "CompletionDate"))
    return Job(
        id=read_id(whole_text(part, "JobId")),
        scope=scope,
        status=status,
        phase=phase,
        operation=operation,
        description=text_of(part, "JobDescription", DESCRIPTION_LIMIT),
        created_at=read_time(text_of(part, "CreationDate")),
        ended_at=ended_at,
        output_expires_at=_expiry(operation, phase, ended_at),
        fingerprint=fingerprint,
    )


def _status(part: JsonObject) -> str:
    """StatusCode alone: Completed is true of a job that failed, too."""
    if isinstance(part.get("StatusCode"), str | None):
        return text_of(part, "StatusCode")
    raise UnreadableError("the StatusCode of a job is no text")


def _expiry(operation: str, phase: Phase, ended_at: datetime | None) -> datetime | None:
    gives = phase is Phase.SUCCEEDED and operation in RETRIEVALS
    return ended_at + OUTPUT_LIVES if gives and ended_at is not None else None


def _vault_name(vault: object) -> str:
    """The name of a vault, "" for one that cannot be asked for."""
    if not isinstance(vault, dict):
        return ""
    name = vault.get("VaultName") or str(vault.get("VaultQCS") or "").rpartition("/")[2]
    fit = isinstance(name, str) and len(name) <= VAULT_NAME_LIMIT and name.isprintable()
    return name if fit else ""


def _read_marker(root: JsonObject) -> str | None:
    """Where the next page begins; null, empty, false or missing at the end."""
    if root.get("Marker") is False:
        return None
    marker = whole_text(root, "Marker")
    if len(marker) > TOKEN_LIMIT:
        raise UnreadableError(f"the marker has more than {TOKEN_LIMIT} characters")
    return marker or None
