"""Which keys may stand where in a configuration, read off the JSON Schema of the model."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DictSchema

from jobwatch.core.durations import format_duration
from jobwatch.settings.model import Settings

Document: TypeAlias = dict[str, Any]
Node: TypeAlias = Mapping[str, Any]


class Generator(GenerateJsonSchema):
    """Writes defaults as a configuration file would."""

    def encode_default(self, dft: Any) -> Any:  # the signature is pydantic's
        """Write one default."""
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True)
        return (
            format_duration(dft) if hasattr(dft, "total_seconds") else super().encode_default(dft)
        )

    def dict_schema(self, schema: DictSchema) -> JsonSchemaValue:
        """Close a mapping whose keys have to match a pattern to all other keys."""
        document = super().dict_schema(schema)
        return (
            {**document, "additionalProperties": False}
            if "patternProperties" in document
            else document
        )


def schema_by(generator: type[Generator]) -> Document:
    """The JSON Schema (draft 2020-12) of a configuration file, as a generator writes it."""
    schema = Settings.model_json_schema(schema_generator=generator)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": "urn:jobwatch:schema:configuration",
        **schema,
        "title": "The configuration of jobwatch",
        "patternProperties": {"^x-": True},
    }


@cache
def _schema() -> Document:
    return schema_by(Generator)


class Shape:
    """What may stand at one place: one alternative, or several where the model has a union."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(alternative for node in nodes for alternative in _alternatives(node))

    @classmethod
    def whole(cls) -> "Shape":
        """The shape of the whole file."""
        return cls([_schema()])

    @property
    def keys(self) -> tuple[str, ...]:
        """The known keys, none where the user names them."""
        return tuple(
            dict.fromkeys(key for node in self.nodes for key in node.get("properties", ()))
        )

    @property
    def named_by_user(self) -> "Shape":
        """What stands below a key that the user names; empty where there are none."""
        below = [
            more
            for node in self.nodes
            for more in (
                node.get("additionalProperties"),
                *node.get("patternProperties", {}).values(),
            )
        ]
        return Shape([more for more in below if isinstance(more, dict)])

    @property
    def types(self) -> frozenset[str]:
        """The JSON types that may stand here."""
        return frozenset(str(node.get("type", "string")) for node in self.nodes)

    @property
    def words(self) -> tuple[str, ...]:
        """The words that may stand here, where they are listed."""
        return tuple(
            str(word)
            for node in self.nodes
            for word in node.get("enum", [node["const"]] if "const" in node else ())
        )

    def below(self, key: str | int) -> "Shape":
        """What may stand below a key, or at an index; falsy where nothing may."""
        if isinstance(key, int):
            return Shape([node["items"] for node in self.nodes if "items" in node])
        known = [
            node["properties"][key] for node in self.nodes if key in node.get("properties", ())
        ]
        return Shape(known) if known else self.named_by_user

    def at(self, path: Sequence[str | int]) -> "Shape":
        """What may stand at a path."""
        shape = self
        for key in path:
            shape = shape.below(key)
        return shape

    def of(self, key: str, word: object) -> "Shape":
        """Those of the alternatives in which a key can only be this word; all where there is none."""
        nodes = [
            node
            for node in self.nodes
            if node.get("properties", {}).get(key, {}).get("const") == word
        ]
        return Shape(nodes or self.nodes)

    def __bool__(self) -> bool:
        return bool(self.nodes)


def _alternatives(node: Node) -> Iterator[Node]:
    if "$ref" in node:
        name = str(node["$ref"]).removeprefix("#/$defs/")
        definitions: Any = _schema()["$defs"]
        yield from _alternatives(definitions[name])
    elif branches := node.get("anyOf") or node.get("oneOf") or node.get("allOf"):
        for branch in branches:
            yield from _alternatives(branch)
    else:
        yield node
