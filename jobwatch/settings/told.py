"""The words for what can be told: event types, their groups, what each format wants."""

from difflib import get_close_matches
from typing import Annotated, TypeAlias

from pydantic import Field

from jobwatch.core.events import GROUPS, EventType
from jobwatch.settings.fields import checked

LATER_TYPES = (
    "job.vanished",
    "job.stalled",
    "job.stuck",
    "job.waiting",
    "job.overdue",
    "job.failing",
    "job.output_expiring",
    "source.unreachable",
    "source.suspect",
    "source.baselined",
    "receiver.paused",
    "receiver.test",
    "digest",
)
"""Types that are promised and that this version does not tell: a receiver may want them already."""

TYPES = (
    *(each.value for each in EventType),
    *(word for word in LATER_TYPES if word not in set(EventType)),
)
EVERYTHING = "*"
WORDS = (*TYPES, *GROUPS, EVERYTHING)


def nearest(word: str, known: tuple[str, ...]) -> str | None:
    """The known word that was most likely meant."""
    found = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return found[0] if found else None


def _wrong_type(word: str) -> str | None:
    if word in WORDS:
        return None
    close = nearest(word, WORDS)
    hint = f'did you mean "{close}"?' if close else ""
    groups = ", ".join((*GROUPS, '"*"'))
    known = f"the groups are {groups}, the types {', '.join(TYPES)}"
    return f'"{word[:64]}" is not an event type; {hint or known}'


TypeWord: TypeAlias = Annotated[
    str, checked(_wrong_type), Field(json_schema_extra={"enum": list(WORDS)})
]
"""An event type, a group of types, or `*`."""


def types_of(words: tuple[str, ...]) -> frozenset[EventType]:
    """The types of this version that these words name."""
    if EVERYTHING in words:
        return frozenset(EventType)
    named = {each for each in EventType if each.value in words}
    return frozenset(named.union(*(GROUPS[word] for word in words if word in GROUPS)))


def default_words(payload_format: str) -> tuple[str, ...]:
    """What a format wants where nobody says: programs hear of endings, people of problems."""
    return ("endings", "problems") if payload_format in ("standard", "template") else ("problems",)
