"""The small parts that schemas are built of. Every one carries a description; units stand in it.

https://json-schema.org/draft/2020-12/json-schema-validation
"""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import TypeAlias

Schema: TypeAlias = dict[str, object]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
VERSION = "1.0"
NAME = "[a-z][a-z0-9]*(_[a-z0-9]+)*"
"""How sources, receivers and installations are named."""

_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z$"


def urn(name: str) -> str:
    """The name of a schema among all schemas."""
    return f"urn:jobwatch:schema:{name}:{VERSION}"


def text(about: str) -> Schema:
    """Any text, the empty one too."""
    return {"description": about, "type": "string"}


def filled(about: str) -> Schema:
    """A text that is never empty."""
    return {**text(about), "minLength": 1}


def shaped(about: str, pattern: str) -> Schema:
    """A text of a form."""
    return {**text(about), "pattern": f"^{pattern}$"}


def moment(about: str) -> Schema:
    """A time as `core.documents.instant` writes it."""
    return {**text(about), "format": "date-time", "pattern": _MOMENT}


def flag(about: str) -> Schema:
    """True or false."""
    return {"description": about, "type": "boolean"}


def number(about: str) -> Schema:
    """Any number."""
    return {"description": about, "type": "number"}


def ratio(about: str) -> Schema:
    """A number from 0 to 1."""
    return {**number(about), "minimum": 0, "maximum": 1}


def count(about: str, *, least: int = 0) -> Schema:
    """A whole number."""
    return {"description": about, "type": "integer", "minimum": least}


def word(about: str, words: type[StrEnum] | Collection[str]) -> Schema:
    """One of a few words."""
    return {**text(about), "enum": [str(each) for each in words]}


def fixed(value: str) -> Schema:
    """This text and no other."""
    return {"const": value}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    words = schema.get("enum")
    more: Schema = {"enum": [*words, None]} if isinstance(words, list) else {}
    return {**schema, **more, "type": [schema["type"], "null"]}


def table(about: str) -> Schema:
    """Texts by name."""
    return {"description": about, "type": "object", "additionalProperties": {"type": "string"}}


def size(about: str) -> Schema:
    """A whole number of something; the cloud's own text where that is no number."""
    return {"description": about, "type": ["integer", "string"]}


def several(about: str, items: Schema) -> Schema:
    """Any number of the same."""
    return {"description": about, "type": "array", "items": items}


def record(about: str, properties: Schema, *, optional: Iterable[str] = ()) -> Schema:
    """An object that has all of these properties but the optional ones, and perhaps others."""
    return {
        "description": about,
        "type": "object",
        "required": [name for name in properties if name not in set(optional)],
        "properties": properties,
    }
