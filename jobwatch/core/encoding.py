"""An event's document as bytes: UTF-8 JSON of a bounded size."""

import json

from jobwatch.core.documents import Document

BODY_LIMIT = 20_000


def encode(doc: Document) -> bytes:
    """The document as UTF-8 JSON under 20 KB: long texts are cut, never the structure."""
    limit = 1024
    body = _dump(doc)
    while len(body) > BODY_LIMIT and limit >= 1:
        body = _dump(_cut(doc, limit))
        limit //= 2
    return body


def _dump(doc: object) -> bytes:
    return json.dumps(doc, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


_FREE = frozenset(
    {
        "description",
        "operation",
        "status",
        "previous_status",
        "labels",
        "detail",
        "error",
    }
)
"""Parts of a document that people or the cloud wrote; all others are names, times and numbers."""


def _cut(value: object, limit: int, *, free: bool = False) -> object:
    if isinstance(value, str):
        return value[: limit - 1] + "…" if free and len(value) > limit else value
    if isinstance(value, dict):
        return {key: _cut(item, limit, free=free or key in _FREE) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item, limit, free=free) for item in value]
    return value
