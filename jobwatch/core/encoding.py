"""An event's document as bytes: UTF-8 JSON of a bounded size."""

import json
from collections.abc import Iterator

from jobwatch.core.documents import Document

BODY_LIMIT = 20_000

# Made once: `json.dumps` makes one for every call that asks for anything but its defaults.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

READABLE = 64
"""Characters of a text that still say something: a digest has fewer samples rather than shorter texts."""


def encode(doc: Document) -> bytes:
    """The document as UTF-8 JSON under 20 KB: long texts are cut, never the structure.

    A digest whose texts are short already leaves out samples, the last first, and counts them among the omitted.
    """
    body = _dump(doc)
    smaller = _smaller(doc)
    while len(body) > BODY_LIMIT and (found := next(smaller, None)) is not None:
        body = _dump(found)
    return body


def _smaller(doc: Document) -> Iterator[object]:
    limit = 1024
    while limit >= READABLE:
        yield _cut(doc, limit)
        limit //= 2
    while (fewer := _with_fewer_samples(doc)) is not None:
        doc = fewer
        yield _cut(doc, READABLE)
    while limit >= 1:
        yield _cut(doc, limit)
        limit //= 2


def _with_fewer_samples(doc: Document) -> Document | None:
    data = doc.get("data")
    if not isinstance(data, dict) or not data.get("samples"):
        return None
    samples, omitted = data["samples"][:-1], data["omitted"] + 1
    return {**doc, "data": {**data, "samples": samples, "omitted": omitted}}


def _dump(doc: object) -> bytes:
    return _ENCODER.encode(doc).encode("utf-8", "replace")


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
