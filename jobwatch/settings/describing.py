"""What each key of the configuration is for: the docstring below its field, read from the source when somebody asks.

Law: a key is described where it is written, once, for the schema that editors show and for the page alike. A daemon
that starts reads none of it.
"""

import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from jobwatch.settings.fields import Bounds
from jobwatch.settings.shape import Document, Generator, schema_by

_EXAMPLES = "\n\nExamples: "
"""After it, a list in JSON of values that the key takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is said of one key. `bounds` are those of a duration; None where it has none, or is no duration."""

    text: str
    examples: tuple[object, ...] = ()
    bounds: Bounds | None = None

    @property
    def whole(self) -> str:
        """The text, with what a JSON Schema cannot say of a duration."""
        if self.bounds is None:
            return self.text
        shortest, longest = self.bounds.shortest, self.bounds.longest
        return f"{self.text} From {shortest} to {longest}: {self.bounds.because}."


def descriptions(model: type[BaseModel]) -> Mapping[str, Description]:
    """What is said of each field of a model. A field of which nothing is said is left out."""
    said = _docstrings(model.__module__).get(model.__name__, {})
    return {
        name: _description(said[name], field)
        for name, field in model.model_fields.items()
        if name in said
    }


def json_schema() -> Document:
    """The JSON Schema (draft 2020-12) of a configuration file, with a description of every key."""
    return schema_by(_Describing)


class _Describing(Generator):
    """Adds to every key what it is for."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """Write one model."""
        document = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        for name, said in descriptions(model).items():
            key = model.model_fields[name].alias or name
            node: dict[str, Any] = document["properties"][key]
            node["description"] = said.whole
            if said.examples:
                node["examples"] = list(said.examples)
        return document


@cache
def _docstrings(module: str) -> Mapping[str, Mapping[str, str]]:
    """The docstrings below the fields of every class in a module."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return {each.name: dict(_below_fields(each)) for each in classes}


def _below_fields(of: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in zip(of.body, of.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
            case _:
                continue


def _description(docstring: str, field: FieldInfo) -> Description:
    text, _, examples = docstring.partition(_EXAMPLES)
    return Description(
        text=" ".join(text.split()),
        examples=tuple(json.loads(examples or "[]")),
        bounds=next(_bounds(field), None),
    )


def _bounds(field: FieldInfo) -> Iterator[Bounds]:
    """The bounds of a field, or of one of the alternatives that it takes."""
    below = (getattr(each, "__metadata__", ()) for each in get_args(field.annotation))
    for each in (*field.metadata, *(item for items in below for item in items)):
        if isinstance(each, AfterValidator) and isinstance(each.func, Bounds):
            yield each.func
