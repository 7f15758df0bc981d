"""JSON Schemas (2020-12) of everything that receivers are told.

Law of this package: strict about what is promised, open for what may come: further fields are never refused. A schema
of a type describes the whole event; `job`, `source`, `receiver` and `digest.data` describe the `data` of its family,
which is what `dataschema` is for; `event` is an event of any type. A field more is a new minor version, a breaking change a new type.
"""

from collections.abc import Iterable, Mapping

from jobwatch.core.documents import DIGEST_SCHEMA, JOB_SCHEMA, RECEIVER_SCHEMA, SOURCE_SCHEMA
from jobwatch.core.events import EventType
from jobwatch.core.schemas.families import FAMILIES, family
from jobwatch.core.schemas.parts import (
    DIALECT,
    NAME,
    VERSION,
    Schema,
    filled,
    fixed,
    moment,
    shaped,
    urn,
)
from jobwatch.core.schemas.types import family_of, promised

__all__ = ["DIALECT", "EVENT", "FAMILIES", "VERSION", "Schema", "schemas", "urn"]

EVENT = "event"
"""The name of the schema of an event of any type."""

_ABOUTS = {
    "job": ("the job's id, with its scope before it where there is one", f"{NAME}/{NAME}"),
    "source": ("the name of the source", f"{NAME}/{NAME}"),
    "receiver": ("the name of the receiver", NAME),
    "digest": ("the name of the receiver", NAME),
}
"""What the subject of a family's events is, and what follows `/jobwatch/` in their source."""

_NAMED = {
    "job": JOB_SCHEMA,
    "source": SOURCE_SCHEMA,
    "receiver": RECEIVER_SCHEMA,
    "digest": DIGEST_SCHEMA,
}


def schemas() -> Mapping[str, Schema]:
    """Every schema by name, each complete in itself: one for each type of event, one for each family, and `event`."""
    made: dict[str, Schema] = {EVENT: _any_event()}
    made |= _parts(FAMILIES)
    made |= {each.value: _with_parts(_of_type(each), [family_of(each)]) for each in EventType}
    return made


def _any_event() -> Schema:
    kinds = {each.value: _of_type(each) for each in EventType}
    schema: Schema = {
        "$schema": DIALECT,
        "$id": urn(EVENT),
        "title": "any event",
        "description": "An event of a type that this version tells. Others may come: ignore them.",
        "anyOf": [{"$ref": urn(name)} for name in kinds],
    }
    return {**schema, "$defs": {**_parts(FAMILIES), **kinds}}


def _with_parts(schema: Schema, families: Iterable[str]) -> Schema:
    """A schema that needs no other file: what it refers to stands in it under its own `$id`."""
    return {**schema, "$defs": _parts(families)}


def _parts(families: Iterable[str]) -> dict[str, Schema]:
    return {FAMILIES[name]: family(name) for name in families}


def _of_type(type_: EventType) -> Schema:
    name = family_of(type_)
    properties = _envelope(name, type_)
    data: Schema = {"description": "What happened.", "$ref": urn(FAMILIES[name]), **promised(type_)}
    return {
        "$schema": DIALECT,
        "$id": urn(type_.value),
        "title": type_.value,
        "description": f"A CloudEvents 1.0 event of type {type_.value}.",
        "type": "object",
        "required": [*properties, "data"],
        "properties": {**properties, "data": data},
    }


def _envelope(family_name: str, type_: EventType) -> Schema:
    about, place = _ABOUTS[family_name]
    return {
        "specversion": {"description": "The version of CloudEvents.", **fixed("1.0")},
        "id": shaped("The event's id: the same on every try.", "evt_[a-z2-7]{26}"),
        "source": shaped("Who tells it, and of which source.", f"/jobwatch/{place}"),
        "type": {"description": "What it tells.", **fixed(type_)},
        "subject": filled(f"What it is about: {about}."),
        "sequence": shaped("Orders the events of one `source`; gaps are normal.", "[0-9]{20}"),
        "time": moment("When jobwatch saw it: UTC, RFC 3339."),
        "timestamp": moment("The same as `time`, for Standard Webhooks."),
        "datacontenttype": {"description": "What `data` is.", **fixed("application/json")},
        "dataschema": {"description": "The schema of `data`.", **fixed(_NAMED[family_name])},
    }
