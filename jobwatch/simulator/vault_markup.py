"""The JSON of CAS: pure.

Names and their order follow the pages List Vaults, List Jobs and Describe Job; a job is the same in both of the latter.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from jobwatch.simulator.quirks import LastToken, Quirks
from jobwatch.simulator.script import JobState
from jobwatch.simulator.vault_job import Condition, Inventory, VaultJob

Value = str | int | bool | None | dict[str, str]
BORN = "2017-08-29T08:29:41.000Z"  # of every vault
ARCHIVE = (
    "ArchiveId",
    "ArchiveSizeInBytes",
    "ArchiveSHA256TreeHash",
    "RetrievalByteRange",
    "SHA256TreeHash",
    "Tier",
)
FIELDS = {
    "ArchiveRetrieval": ARCHIVE,
    "InventoryRetrieval": ("InventorySizeInBytes", "InventoryRetrievalParameters"),
    "PushToCOS": (
        "Marker",
        "ArchiveId",
        "ArchiveSizeInBytes",
        "RetrievalByteRange",
        "Bucket",
        "Object",
        "Tier",
    ),
    "PullFromCOS": (
        "Marker",
        "ArchiveId",
        "ArchiveSizeInBytes",
        "Bucket",
        "Object",
        "Range",
        "Condition",
        "ArchiveDescription",
    ),
}
# What nobody knows before the job has ended well.
LATE = {
    "ArchiveRetrieval": frozenset({"SHA256TreeHash"}),
    "InventoryRetrieval": frozenset({"InventorySizeInBytes"}),
    "PullFromCOS": frozenset({"ArchiveId"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose vaults are written of, and where."""

    appid: str
    region: str


class VaultWriter:
    """Writes vaults, jobs and pages, with the quirks of this cloud. Ended jobs are written once."""

    def __init__(self, quirks: Quirks) -> None:
        self.quirks = quirks
        self._written: dict[tuple[Place, str, str], tuple[JobState, bytes]] = {}

    def listing(
        self, states: Iterable[JobState], marker: str | None, vault: str, place: Place
    ) -> bytes:
        """One page of List Jobs; `marker` None or "" writes the end as the quirks want it."""
        jobs = b",".join(self.job(state, vault, place) for state in states)
        return b'{"JobList":[%b]%b}' % (jobs, self._marker(marker, vault))

    def vaults(self, names: Iterable[str], marker: str | None, place: Place) -> bytes:
        """One page of List Vaults."""
        vaults = b",".join(self._dump(self._vault(name, place), name) for name in names)
        return b'{"VaultList":[%b]%b}' % (vaults, self._marker(marker, "vaults"))

    def job(self, state: JobState, vault: str, place: Place) -> bytes:
        """One job: a member of a page, or the answer of Describe Job."""
        key = (place, vault, state.id)
        known = self._written.get(key)
        if known is not None and known[0] is state:
            return known[1]
        text = self._dump(self._job(state, vault, place), state.id)
        if state.ended:
            self._written[key] = (state, text)
        return text

    def qcs(self, vault: str, place: Place) -> str:
        """The name of a vault within the whole cloud: the marker of List Vaults."""
        odd = self.quirks.has(self.quirks.odd_qcs, "odd_qcs", place.appid)
        service = "qcs:id/0:cas" if odd else "qcs::cas"
        return f"{service}:{place.region}:uid/{place.appid}:vaults/{vault}"

    def error(self, status: int, code: str, message: str) -> bytes:
        """The body of a refusal."""
        kind = "client" if status < 500 else "server"  # noqa: PLR2004  as the page has them
        return self._dump({"code": code, "message": message, "type": kind}, code)

    def _dump(self, document: Mapping[str, Value], subject: str) -> bytes:
        quirks = self.quirks
        spaced = quirks.has(quirks.spaces, "spaces", subject)
        return json.dumps(
            document,
            ensure_ascii=quirks.has(quirks.escapes, "escapes", subject),
            separators=(", ", ": ") if spaced else (",", ":"),
        ).encode()

    def _marker(self, marker: str | None, subject: str) -> bytes:
        if marker:
            return b',"Marker":%b' % json.dumps(marker).encode()
        quirks = self.quirks
        if quirks.has(quirks.null_marker, "null_marker", subject):
            return b',"Marker":null'
        return b',"Marker":""' if quirks.last_token_of(subject) is LastToken.EMPTY else b""

    def _vault(self, name: str, place: Place) -> dict[str, Value]:
        return {
            "CreationDate": BORN,
            "LastInventoryDate": None,
            "NumberOfArchives": 0,
            "SizeInBytes": 0,
            "VaultQCS": self.qcs(name, place),
            "VaultName": name,
        }

    def _job(self, state: JobState, vault: str, place: Place) -> dict[str, Value]:
        script = state.script
        common: dict[str, Value] = {
            "Action": script.operation,
            "JobId": script.id,
            "JobDescription": script.description,
            "CallBackUrl": (script.vault_job or VaultJob()).callback,
            "CreationDate": _time(script.created_at),
            "CompletionDate": _time(state.ended_at) if state.ended_at else None,
            "Completed": state.ended,
            "StatusCode": state.status,
            "StatusMessage": state.reason or state.status,
            "VaultQCS": self.qcs(vault, place),
        }
        whole = {**common, **self._of_action(state)}
        if self.quirks.has(self.quirks.nulls, "nulls", state.id):
            return whole
        return {name: value for name, value in whole.items() if value is not None}

    def _of_action(self, state: JobState) -> dict[str, Value]:
        script, job = state.script, state.script.vault_job or VaultJob()
        everything = self._fields(job, script.id)
        unknown = LATE.get(script.operation, ()) if state.status != "Succeeded" else ()
        names = FIELDS.get(script.operation, tuple(everything))
        # Marker stands in the tables of two actions and in the sample of none.
        return {
            name: None if name in unknown else everything[name]
            for name in names
            if name != "Marker" or job.marker is not None
        }

    def _fields(self, job: VaultJob, subject: str) -> dict[str, Value]:
        as_text = self.quirks.has(self.quirks.text_sizes, "text_sizes", subject)
        size: Value = job.inventory_size
        return {
            "ArchiveId": job.archive_id,
            "ArchiveSizeInBytes": job.archive_size,
            "ArchiveSHA256TreeHash": job.archive_hash,
            "RetrievalByteRange": job.byte_range,
            "SHA256TreeHash": job.range_hash,
            "Tier": job.tier,
            "InventorySizeInBytes": str(size) if as_text and size is not None else size,
            "InventoryRetrievalParameters": _inventory(job.inventory),
            "Marker": job.marker,
            "Bucket": job.bucket,
            "Object": job.object,
            "Range": job.byte_range,
            "Condition": self._condition(job.condition, subject),
            "ArchiveDescription": job.archive_description,
        }

    def _condition(self, condition: Condition | None, subject: str) -> dict[str, str] | None:
        odd = self.quirks.has(self.quirks.odd_condition, "odd_condition", subject)
        if condition is None:
            return None
        return _given(
            {
                "If-Modified-Since": condition.if_modified_since,
                f"If-U{'' if odd else 'n'}modified-Since": condition.if_unmodified_since,
                "If-Match": condition.if_match,
                "If-None-Match": condition.if_none_match,
            }
        )


def _inventory(inventory: Inventory | None) -> dict[str, str] | None:
    if inventory is None:
        return None
    return _given(
        {
            "Format": inventory.format,
            "StartDate": inventory.start_date,
            "EndDate": inventory.end_date,
            "Limit": inventory.limit,
            "Marker": inventory.marker,
        }
    )


def _given(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
