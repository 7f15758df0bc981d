"""What no line shows: secrets, and texts without end.

Law: our own lines name no secret in the first place. What is here is the second door, for the words of exceptions and
of libraries, which may repeat whatever they were given.
"""

import re
from collections.abc import Mapping
from itertools import islice

from structlog.types import EventDict, WrappedLogger

TEXT_LIMIT = 2048
ITEMS_LIMIT = 100
DEPTH_LIMIT = 6
OWN_URL = "url"
"""The one key whose value is a URL that is no secret: where we listen."""

_AS_THEY_ARE = frozenset({int, float, bool, type(None)})
_MADE_SAFE = frozenset({OWN_URL, "traceback"})
_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{0,31})://[^\s\"'<>]+")
_HOST = re.compile(r"(connect to host )\S+")
_ASSIGNED = re.compile(
    r"(?i)\b([\w-]{0,40}(?:signature|token|secret|password|passwd|key|key_id|credential|q-ak)s?)(=)[^\s&,;\"')]+"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic) +[\w.~+/=-]{6,}")
_PARAMETERS = re.compile(r"(\[parameters: )[^\n]*")
"""What SQLAlchemy's errors say of a statement: the documents of events are among it."""

_KEYS = re.compile(r"\b(whsec_|AKID)[\w+/=-]+")


def scrubbed(text: str) -> str:
    """Words that are not ours, without what looks like a URL, a password, a key or a token."""
    text = _without_urls(text)
    text = _HOST.sub(r"\1***", text)
    text = _ASSIGNED.sub(r"\1\2***", text)
    text = _PARAMETERS.sub(r"\1***]", text)
    text = _SCHEME.sub(r"\1 ***", text)
    return _KEYS.sub(r"\1***", text)


def _without_urls(text: str) -> str:
    return _URL.sub(r"\1://***", text) if "://" in text else text


def hide_secrets(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Show secret values as ***, however deep; cut texts and lists that are too long."""
    for key, value in event.items():
        kind = type(value)
        if kind is str:
            if key == "error":
                event[key] = scrubbed(_cut(value))
            elif (len(value) > TEXT_LIMIT or "://" in value) and key not in _MADE_SAFE:
                event[key] = _without_urls(_cut(value))
        elif kind not in _AS_THEY_ARE:
            event[key] = _shown(value, DEPTH_LIMIT)
    return event


def _shown(value: object, depth: int) -> object:
    # pydantic's SecretStr and its kin, known by their method: this module knows no settings.
    if hasattr(value, "get_secret_value"):
        return "***"
    if isinstance(value, Mapping | list | tuple | set | frozenset) and not depth:
        return "…"
    if isinstance(value, Mapping):
        return {key: _shown(item, depth - 1) for key, item in islice(value.items(), ITEMS_LIMIT)}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(item, depth - 1) for item in islice(value, ITEMS_LIMIT)]
    return _without_urls(_cut(value)) if type(value) is str else value


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
