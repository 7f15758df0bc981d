"""The words for what can be told: event types, their groups, what each format wants."""

from difflib import get_close_matches
from typing import Annotated, TypeAlias

from pydantic import Field

from jobwatch.core.events import GROUPS, UNASKED, EventType
from jobwatch.settings.fields import checked

TYPES = tuple(each.value for each in EventType)
EVERYTHING = "*"
WORDS = (*TYPES, *GROUPS, EVERYTHING)
ASKED = tuple(word for word in WORDS if word not in UNASKED)

_WHY_UNASKED = {
    EventType.TEST: "is sent by command to the receiver that is tested, whatever it wants",
    EventType.DIGEST: "tells many events that were wanted, in one message; `digest` sets how",
}


def nearest(word: str, known: tuple[str, ...]) -> str | None:
    """The known word that was most likely meant."""
    found = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return found[0] if found else None


def _wrong_type(word: str) -> str | None:
    return None if word in WORDS else _no_type(word, WORDS)


def _wrong_wanted(word: str) -> str | None:
    if word in UNASKED:
        return f'"{word}" {_WHY_UNASKED[EventType(word)]}; leave it out'
    return None if word in ASKED else _no_type(word, ASKED)


def _no_type(word: str, known: tuple[str, ...]) -> str:
    close = nearest(word, known)
    hint = f'did you mean "{close}"?' if close else ""
    groups = ", ".join((*GROUPS, '"*"'))
    types = ", ".join(each for each in TYPES if each in known)
    return f'"{word[:64]}" is not an event type; {hint or f"the groups are {groups}, the types {types}"}'


TypeWord: TypeAlias = Annotated[
    str, checked(_wrong_type), Field(json_schema_extra={"enum": list(WORDS)})
]
"""An event type, a group of types, or `*`."""

WantedWord: TypeAlias = Annotated[
    str, checked(_wrong_wanted), Field(json_schema_extra={"enum": list(ASKED)})
]
"""The same, less the types that nobody subscribes to."""


def types_of(words: tuple[str, ...]) -> frozenset[EventType]:
    """The types that somebody who wants these words is told."""
    if EVERYTHING in words:
        return frozenset(EventType) - UNASKED
    named = {each for each in EventType if each.value in words}
    return frozenset(named.union(*(GROUPS[word] for word in words if word in GROUPS)))


def calling_types(words: tuple[str, ...]) -> frozenset[EventType]:
    """The types of which a message calls people: `*` is every one that may be sent."""
    return frozenset(EventType) if EVERYTHING in words else types_of(words)


def default_words(payload_format: str) -> tuple[str, ...]:
    """What a format wants where nobody says: programs hear of endings, people of problems."""
    return ("endings", "problems") if payload_format in ("standard", "template") else ("problems",)
