"""Tables: several questions about the same things, a row for each thing, a column for each answer."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tests.deploying.dashboards.colours import Json, Steps, mapping, override, thresholds
from tests.deploying.dashboards.panels import Link, Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table. `field` is a label, or `A` for the value of the first question, and so on."""

    field: str
    title: str = ""
    shows: Json = dataclasses.field(default_factory=dict)

    def name(self, questions: int) -> str:
        """The name of the field as it comes from Prometheus."""
        if not self.field.isupper():
            return self.field
        return "Value" if questions == 1 else f"Value #{self.field}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Panel):
    """What is so now, a row for each. Columns that are not named are left out."""

    kind: ClassVar[str] = "table"
    format: ClassVar[str] = "table"
    instant: ClassVar[bool] = True

    columns: tuple[Column, ...] = ()
    sorted_by: str = ""

    def drawn(self, number: int, place: Json) -> Json:
        return {**Panel.drawn(self, number, place), "transformations": self._transformed()}

    def _transformed(self) -> list[Json]:
        names = {each.name(len(self.asks)): each.title for each in self.columns}
        titles = {name: title for name, title in names.items() if title}
        order = {name: place for place, name in enumerate(names)}
        merge: list[Json] = [{"id": "merge", "options": {}}] if len(self.asks) > 1 else []
        return [
            *merge,
            {"id": "filterFieldsByName", "options": {"include": {"names": [*names]}}},
            {
                "id": "organize",
                "options": {"excludeByName": {}, "indexByName": order, "renameByName": titles},
            },
        ]

    def colour(self) -> Json:
        return {"mode": "thresholds"}

    def custom(self) -> Json:
        return {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}

    def overrides(self) -> list[Json]:
        return [
            override(each.title or each.field, **each.shows) for each in self.columns if each.shows
        ]

    def options(self) -> Json:
        order = [{"displayName": self.sorted_by, "desc": True}] if self.sorted_by else []
        return {"showHeader": True, "cellHeight": "sm", "frameIndex": 0, "sortBy": order}


PROGRESS: Json = {
    "unit": "percentunit",
    "min": 0,
    "max": 1,
    "color": {"mode": "fixed", "fixedColor": "blue"},
    "custom__cellOptions": {"type": "gauge", "mode": "basic"},
}
"""What a column of shares shows: a bar."""


def in_words(*words: str) -> Json:
    """What a column of words shows: each in its colour."""
    return in_words_for({word: word for word in words})


def in_words_for(words: Mapping[str, str]) -> Json:
    """What a column of values shows that stand for words."""
    return {"mappings": mapping(words), "custom__cellOptions": {"type": "color-text"}}


def judged(steps: Steps) -> Json:
    """What a column of numbers shows: the colour that the thresholds give."""
    return {
        "thresholds": thresholds(steps, "green"),
        "custom__cellOptions": {"type": "color-text"},
    }


def leading(*links: Link) -> Json:
    """What a column shows that leads somewhere."""
    return {"links": [link.drawn() for link in links]}
