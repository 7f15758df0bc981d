"""What only a job of a CAS vault has: pure.

Field by field the page "Describe Job" of CAS; what a job does not have is None.
"""

from dataclasses import dataclass

VAULT_STATUSES = ("InProgress", "Succeeded", "Failed")
VAULT_ENDED = frozenset({"Succeeded", "Failed"})
ACTIONS = ("ArchiveRetrieval", "InventoryRetrieval", "PushToCOS", "PullFromCOS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Which part of a vault's inventory was asked for, verbatim."""

    format: str = "JSON"
    start_date: str | None = None
    end_date: str | None = None
    limit: str | None = None
    marker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """On what condition an object is pulled from COS, verbatim."""

    if_modified_since: str | None = None
    if_unmodified_since: str | None = None
    if_match: str | None = None
    if_none_match: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultJob:
    """The fields of one of the four actions; the action and the description stand in the script.

    `byte_range` is the range of the archive, or of the object that is pulled; `range_hash` that of the part asked for.
    """

    callback: str = ""
    archive_id: str | None = None
    archive_size: int | None = None
    archive_hash: str | None = None
    range_hash: str | None = None
    byte_range: str | None = None
    tier: str | None = None
    inventory_size: int | None = None
    inventory: Inventory | None = None
    bucket: str | None = None
    object: str | None = None
    condition: Condition | None = None
    archive_description: str | None = None
    marker: str | None = None
