"""Samples of what is told of the jobs of a vault: each of their four operations, and output that expires.

The fields are those of the cloud's page on DescribeJob: https://cloud.tencent.com/document/product/572/8826
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from jobwatch.core.diff import Change, ChangeKind
from jobwatch.core.documents import detail_document
from jobwatch.core.events import JobEvent
from jobwatch.core.lifecycle import Lifecycle, StatusRow
from jobwatch.core.model import Job, JobDetail, Origin, Outcome, Phase, Snapshot
from jobwatch.core.news import event_for, expiring_event
from jobwatch.core.samples.draft import HOUR, MINUTE, NOW, SECOND, Draft

_VAULT = "backup_1"
_PHASES = {
    "InProgress": Phase.RUNNING,
    "Succeeded": Phase.SUCCEEDED,
    "Failed": Phase.FAILED,
}
_LIFECYCLE = Lifecycle(
    rows=tuple(
        StatusRow(status=status, phase=phase, needs_detail=phase is not Phase.RUNNING)
        for status, phase in _PHASES.items()
    )
)
_ARCHIVE: Mapping[str, object] = {
    "archive_id": "-8Zt4eJ0vS6bLwXkq1nRyU3mPcD7hG9sA2fEoTiKxVjQWlBzN5",
    "archive_size_bytes": 1_610_612_736,
}
_OBJECT: Mapping[str, object] = {
    "bucket": "examplebucket-1250000000.cos.ap-chengdu.myqcloud.com",
    "object": "/archive/2026/list.tar",
}
_HASH = "a3f1c0de" * 8


class _Kind(NamedTuple):
    """One operation: how the samples call it, whether it leaves output, what failed, and the fields of its page."""

    name: str
    operation: str
    kept: bool
    mishap: str
    fields: Mapping[str, object]


_KINDS = (
    _Kind(
        "archive_retrieval",
        "ArchiveRetrieval",
        kept=True,
        mishap="The archive does not exist in this vault",
        fields={
            **_ARCHIVE,
            "archive_sha256_tree_hash": _HASH,
            "sha256_tree_hash": _HASH,
            "retrieval_byte_range": "0-1610612735",
            "tier": "Standard",
        },
    ),
    _Kind(
        "inventory_retrieval",
        "InventoryRetrieval",
        kept=True,
        mishap="The inventory of this vault is not ready yet",
        fields={
            "inventory_size_bytes": 482_113,
            "inventory": {
                "format": "CSV",
                "start_date": "2026-01-01T00:00:00.000Z",
                "end_date": "2026-06-30T00:00:00.000Z",
                "limit": 10_000,
                "marker": "-8Zt4eJ0",
            },
        },
    ),
    _Kind(
        "push_to_cos",
        "PushToCOS",
        kept=False,
        mishap="Access to the target bucket is denied",
        fields={
            **_ARCHIVE,
            **_OBJECT,
            "retrieval_byte_range": "0-1610612735",
            "tier": "Bulk",
            "marker": "next",
        },
    ),
    _Kind(
        "pull_from_cos",
        "PullFromCOS",
        kept=False,
        mishap="The object has changed: If-Match does not hold",
        fields={
            **_ARCHIVE,
            **_OBJECT,
            "range": "0-1610612735",
            "condition": {
                "if_modified_since": "Wed, 01 Jul 2026 00:00:00 GMT",
                "if_unmodified_since": "Thu, 31 Dec 2026 00:00:00 GMT",
                "if_match": '"0123456789abcdef"',
                "if_none_match": '"fedcba9876543210"',
            },
            "archive_description": "list.tar of the first half of 2026",
        },
    ),
)


def of_vaults(origin: Origin) -> Iterator[Draft]:
    """Every sample that is about a job of a vault; `origin` is the source of the other jobs."""
    here = replace(origin, source="vault_jobs", provider="cas", account="1250000000")
    for number, kind in enumerate(_KINDS, start=1):
        job = _job(kind, number, "Succeeded")
        yield Draft(f"job.succeeded.{kind.name}", _ended(here, job), _detail(job, kind))
    for number, kind in enumerate(_KINDS, start=11):
        job = _job(kind, number, "Failed")
        yield Draft(f"job.failed.{kind.name}", _ended(here, job), _detail(job, kind))
    yield Draft("job.vanished.vault", _vanished(here, _job(_KINDS[0], 21, "InProgress")))
    yield Draft("job.output_expiring", _expiring(here))


def _job(kind: _Kind, number: int, status: str) -> Job:
    ended_at = NOW - 40 * SECOND if status in ("Succeeded", "Failed") else None
    keeps = kind.kept and ended_at and status == "Succeeded"
    return Job(
        id=f"-bF9_oCXakLHy2Q7nZ0rVtW4mKpS6dG1hJ3xC5vB8eT_uRiYlOqAzNfMwDgP{number:04d}",
        scope=_VAULT,
        status=status,
        phase=_PHASES[status],
        operation=kind.operation,
        description="list of 2026 for the auditors",
        created_at=NOW - 4 * HOUR,
        ended_at=ended_at,
        output_expires_at=ended_at + 24 * HOUR if keeps and ended_at else None,
    )


def _detail(job: Job, kind: _Kind) -> JobDetail:
    """What DescribeJob says of a job that ended; it calls a failed job completed, too."""
    region = "qcs::cas:ap-chengdu:uid/1250000000"
    fields = {
        "action": kind.operation,
        "vault_qcs": f"{region}:vaults/{_VAULT}",
        "completed": True,
        "callback_url": "https://callback.example.com/cas",
        **kind.fields,
    }
    reason = kind.mishap if job.phase is Phase.FAILED else "Succeeded"
    return JobDetail(job=job, status_reason=reason, fields=fields)


def _snapshot(job: Job) -> Snapshot:
    return Snapshot(
        job=job,
        version=1,
        outcome=job.outcome,
        first_seen_at=NOW - 4 * HOUR,
        observed_at=NOW,
        status_since=NOW,
        started_at=job.created_at,
    )


def _ended(origin: Origin, job: Job) -> JobEvent:
    before = _snapshot(_job(_KINDS[0], 0, "InProgress"))
    return _told(origin, Change(kind=ChangeKind.ENDED, before=before, after=_snapshot(job)))


def _vanished(origin: Origin, job: Job) -> JobEvent:
    before = _snapshot(job)
    gone = replace(
        before,
        version=2,
        outcome=Outcome.VANISHED,
        missing_since=NOW - 11 * MINUTE,
        missing_proved_at=NOW,
    )
    return _told(origin, Change(kind=ChangeKind.VANISHED, before=before, after=gone))


def _expiring(origin: Origin) -> JobEvent:
    """A day later but for two hours: the archive was not fetched yet, as far as anybody knows."""
    kind = _KINDS[0]
    ended_at = NOW - 22 * HOUR
    job = replace(
        _job(kind, 31, "Succeeded"),
        created_at=ended_at - 4 * HOUR,
        ended_at=ended_at,
        output_expires_at=ended_at + 24 * HOUR,
    )
    said = detail_document(_detail(job, kind))
    return expiring_event(_snapshot(job), origin, NOW, said)


def _told(origin: Origin, change: Change) -> JobEvent:
    event = event_for(change, _LIFECYCLE, origin)
    if event is None:
        msg = f"nothing is told of {change.kind}"
        raise ValueError(msg)
    return event
