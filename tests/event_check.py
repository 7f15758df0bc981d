"""Whatever a test's receivers accept is held against the schema of its type.

Validating is slow and tests receive thousands, so an event like one that was found good is not read again. Two events
are alike when no schema can tell them apart: texts are compared by the words and the patterns that the schemas know,
numbers by their bounds.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator

from jobwatch.core.events import EventType
from jobwatch.core.schemas import schemas
from jobwatch.simulator.receiver import Received

CONTENT_TYPE = "application/cloudevents+json"
LENGTH_TOLD = 12
"""No schema counts further than this in a list."""

Sketch: TypeAlias = tuple[object, ...] | bool | None


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schemas()[name])


def problems(event: Mapping[str, Any]) -> list[str]:
    """What is wrong with an event, by the schema of its type."""
    known = {each.value for each in EventType}
    if event.get("type") not in known:
        return [f"no type is called {event.get('type')}"]
    found = validator(event["type"]).iter_errors(event)
    return [f"{each.json_path}: {each.message[:200]}" for each in found]


@cache
def vocabulary() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Every word and every pattern of the schemas."""
    words: set[str] = set()
    patterns: set[str] = set()
    for keyword, value in _keywords(dict(schemas())):
        if keyword == "const" and isinstance(value, str):
            words.add(value)
        elif keyword == "enum" and isinstance(value, list):
            words |= {each for each in value if isinstance(each, str)}
        elif keyword == "pattern" and isinstance(value, str):
            patterns.add(value)
    return frozenset(words), tuple(re.compile(each) for each in sorted(patterns))


def _keywords(schema: object) -> Iterator[tuple[str, object]]:
    if isinstance(schema, dict):
        yield from schema.items()
    for part in schema.values() if isinstance(schema, dict) else []:
        yield from _keywords(part)
    for part in schema if isinstance(schema, list) else []:
        yield from _keywords(part)


def sketch(value: object) -> Sketch:
    """All of a document that a schema can tell from another."""
    match value:
        case dict():
            return (dict, *((name, sketch(part)) for name, part in sorted(value.items())))
        case list():
            return (list, min(len(value), LENGTH_TOLD), frozenset(map(sketch, value)))
        case str():
            return _sketch_of_text(value)
        case bool() | None:
            return value
        case int() | float():
            return (type(value), value < 0, value > 0, value >= 1, value > 1)
        case _:
            raise TypeError(f"no part of a JSON document: {type(value)}")


@lru_cache(maxsize=10_000)
def _sketch_of_text(text: str) -> tuple[object, ...]:
    words, patterns = vocabulary()
    if text in words:
        return (text,)
    return (bool(text), *(each.search(text) is not None for each in patterns))


@dataclass
class EventCheck:
    """What receivers accepted since the last look, and what was ever found good."""

    heard: list[Received] = field(default_factory=list)
    good: set[Sketch] = field(default_factory=set)
    read: int = 0

    def listen(self, record: Callable[..., Received]) -> Callable[..., Received]:
        """The same way of recording, overheard."""

        def overheard(*args: Any, **kwargs: Any) -> Received:
            received = record(*args, **kwargs)
            self.heard.append(received)
            return received

        return overheard

    def take(self) -> list[str]:
        """What is wrong with the events that were accepted, each kind once; they are forgotten then."""
        heard, self.heard = self.heard, []
        bodies = {
            each.body
            for each in heard
            if each.accepted and each.headers.get("content-type") == CONTENT_TYPE
        }
        return [problem for body in bodies for problem in self._judge(body)]

    def _judge(self, body: bytes) -> list[str]:
        event = json.loads(body)
        if not isinstance(event, dict):
            return ["an event is no object"]
        likeness = sketch(event)
        if likeness in self.good:
            return []
        self.read += 1
        wrong = problems(event)
        if not wrong:
            self.good.add(likeness)
        return [f"{event.get('type')} {each}" for each in wrong]
