"""What Describe Job of CAS says besides what every job has, under our names.

https://cloud.tencent.com/document/product/572, page "Describe Job": one table for each of the four kinds of jobs. Only
what the cloud gave is there, nothing null and nothing invented. Its misspellings are read as well as what they mean,
and where a table and its sample differ in what stands inside what, both are read.
"""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from jobwatch.core.model import TEXT_LIMIT
from jobwatch.providers.json_tree import JsonObject, text_of
from jobwatch.providers.values import read_number


def _text(page: JsonObject, name: str) -> str | None:
    return text_of(page, name) or None


def _size(page: JsonObject, name: str) -> int | str | None:
    """Bytes as a number where they can be read as such, else the words of the cloud."""
    text = text_of(page, name)
    number = read_number(text)
    return (text or None) if number is None else number


def _flag(page: JsonObject, name: str) -> bool | None:
    value = page.get(name)
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(text_of(page, name).lower())


def _url(page: JsonObject, name: str) -> str | None:
    """A URL less user, query and fragment, which may hold a token; None for what is no such URL."""
    value = page.get(name)
    try:
        parts = urlsplit(value.strip() if isinstance(value, str) else "")
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    # An `@` further on shows that a password was not written as a URL would have it.
    if parts.scheme not in ("http", "https") or not host or "@" in parts.path + parts.fragment:
        return None
    url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return url[:TEXT_LIMIT] if url.isprintable() else None


def _inventory(page: JsonObject, name: str) -> dict[str, str] | None:
    return (
        _texts((_part(page, name), page), _INVENTORY)
        | _texts((_part(page, name),), {"marker": ("Marker",)})
        or None
    )


def _condition(page: JsonObject, name: str) -> dict[str, str] | None:
    return _texts((_part(page, name), page), _CONDITION) or None


def _part(page: JsonObject, name: str) -> JsonObject:
    """An object inside an object; the table calls one of them an array, whose objects are then one."""
    value = page.get(name)
    parts = value if isinstance(value, list) else [value]
    return {key: text for each in parts if isinstance(each, dict) for key, text in each.items()}


def _texts(places: tuple[JsonObject, ...], names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The first text there is for each of our names."""
    found = {
        ours: next(
            (text for part in places for each in theirs if (text := text_of(part, each))), ""
        )
        for ours, theirs in names.items()
    }
    return {ours: text for ours, text in found.items() if text}


_INVENTORY: Final = {
    "format": ("Format",),
    "start_date": ("StartDate", "StatDate"),
    "end_date": ("EndDate",),
    "limit": ("Limit",),
}
_CONDITION: Final = {
    "if_modified_since": ("If-Modified-Since",),
    "if_unmodified_since": ("If-Unmodified-Since", "If-Umodified-Since"),
    "if_match": ("If-Match",),
    "if_none_match": ("If-None-Match",),
}
_FIELDS: Final[tuple[tuple[str, str, Callable[[JsonObject, str], object]], ...]] = (
    ("action", "Action", _text),
    ("vault_qcs", "VaultQCS", _text),
    ("completed", "Completed", _flag),
    ("callback_url", "CallBackUrl", _url),
    ("archive_id", "ArchiveId", _text),
    ("archive_size_bytes", "ArchiveSizeInBytes", _size),
    ("archive_sha256_tree_hash", "ArchiveSHA256TreeHash", _text),
    ("sha256_tree_hash", "SHA256TreeHash", _text),
    ("retrieval_byte_range", "RetrievalByteRange", _text),
    ("tier", "Tier", _text),
    ("inventory_size_bytes", "InventorySizeInBytes", _size),
    ("inventory", "InventoryRetrievalParameters", _inventory),
    ("bucket", "Bucket", _text),
    ("object", "Object", _text),
    ("range", "Range", _text),
    ("condition", "Condition", _condition),
    ("archive_description", "ArchiveDescription", _text),
    ("marker", "Marker", _text),
)


def read_fields(page: JsonObject) -> dict[str, object]:
    """The fields that the cloud gave, by our names, as JSON values."""
    found = {ours: read(page, theirs) for ours, theirs, read in _FIELDS}
    return {ours: value for ours, value in found.items() if value is not None}
