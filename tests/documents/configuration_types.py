"""What a key of the configuration takes, in words: read off the JSON Schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from jobwatch.core.durations import PATTERN
from jobwatch.settings import json_schema
from jobwatch.settings.fields import NAME_PATTERN

SCHEMA: Mapping[str, Any] = json_schema()
PART = "keys"
"""What a part with keys of its own takes."""

PATTERNS = {
    PATTERN: "a duration",
    NAME_PATTERN: "a name",
    "^[0-9]{1,20}$": "up to 20 digits, as text or as a number",
    "^(-|[0-9]{1,20})$": "`-`, or up to 20 digits as text or as a number",
    "^[a-z0-9-]{1,64}$": "small letters, digits and hyphens",
    "^[A-Za-z0-9+=,.@_-]{1,128}$": "up to 128 letters, digits and `+=,.@_-`",
}
MANY_WORDS = 12
"""Longer lists of words are those of event types."""


def takes(node: Mapping[str, Any]) -> str:
    """What a key takes, in words."""
    found = list(dict.fromkeys(alternatives(node)))
    if any("as a number" in each for each in found):
        found = [each for each in found if each != "a whole number"]
    *first, last = found
    return f"{', '.join(first)} or {last}" if first else last


def alternatives(node: Mapping[str, Any]) -> Iterator[str]:
    """What a key takes, each in words."""
    if "$ref" in node:
        yield from alternatives(SCHEMA["$defs"][node["$ref"].removeprefix("#/$defs/")])
    elif branches := node.get("anyOf") or node.get("oneOf"):
        for each in branches:
            yield from alternatives(each)
    elif "const" in node:
        yield f"`{node['const']}`"
    elif "enum" in node:
        few = len(node["enum"]) < MANY_WORDS
        yield from (f"`{each}`" for each in node["enum"]) if few else ["event types and groups"]
    else:
        yield PATTERNS.get(node.get("pattern", "")) or PLAIN[node["type"]](node)


def number(node: Mapping[str, Any]) -> str:
    what = "a whole number" if node["type"] == "integer" else "a number"
    low, high = node.get("minimum"), node.get("maximum")
    if high is None:
        return what if low is None else f"{what}, at least {low:g}"
    return f"{what} from {low:g} to {high:g}"


def text(node: Mapping[str, Any]) -> str:
    known = {"password": "a secret", "path": "the path of a file"}
    return known.get(node.get("format", ""), "a text")


MANY = {
    "a text": "texts",
    "a secret": "secrets",
    "the path of a file": "paths of files",
}
"""What several of a kind are called."""


def several(node: Mapping[str, Any]) -> str:
    what = takes(node["items"])
    return f"a list of {MANY.get(what, what)}"


def mapping(node: Mapping[str, Any]) -> str:
    """A part with keys of its own, or one whose keys the user names."""
    inner = node.get("additionalProperties")
    if not isinstance(inner, dict):
        return PART
    what = takes(inner)
    return f"a mapping of names to {MANY.get(what, what)}"


PLAIN = {
    "null": lambda _: "null",
    "boolean": lambda _: "`true` or `false`",
    "integer": number,
    "number": number,
    "string": text,
    "array": several,
    "object": mapping,
}
