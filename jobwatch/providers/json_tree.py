"""JSON documents from a cloud that is not trusted.

Numbers stay the texts that they were written as, so that none is too large, and a size may be a number or a text.
Depth is bounded by the reader itself, which gives up with an error of ours. What cannot stand in XML cannot stand in
our texts: a NUL is refused by databases, half a character by everything.
"""

import json
import re
from collections.abc import Mapping
from typing import Final, NoReturn, TypeAlias

from jobwatch.core.model import TEXT_LIMIT
from jobwatch.providers.values import UnreadableError

SIZE_LIMIT = 4 * 1024 * 1024
JsonObject: TypeAlias = Mapping[str, object]

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse)
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def read_object(document: bytes) -> JsonObject:
    """Read a document that is one object; of a key written twice the last counts. Raises `UnreadableError`."""
    if len(document) > SIZE_LIMIT:
        raise UnreadableError("the document is larger than 4 MiB")
    try:
        root = _DECODER.decode(document.decode("utf-8-sig"))
    except RecursionError:
        raise UnreadableError("nested too deeply") from None
    except ValueError as error:
        raise UnreadableError(f"not well-formed: {error}") from error
    return as_object(root)


def as_object(value: object) -> JsonObject:
    """Take a value for an object. Raises `UnreadableError`."""
    if not isinstance(value, dict):
        raise UnreadableError("a list, a text or a number stands where an object should")
    return value


def canonical(value: object) -> bytes:
    """The one way to write a value, whatever the order of its keys and the blanks between them."""
    try:
        return _ENCODER.encode(value).encode()
    except RecursionError:
        raise UnreadableError("nested too deeply") from None


def text_of(part: JsonObject, name: str, limit: int = TEXT_LIMIT) -> str:
    """A text or number, without blanks round it, cut to `limit`; "" where there is none, or something else."""
    value = part.get(name)
    if not isinstance(value, str):
        return ""
    text = value.strip()[:limit]
    return text if text.isprintable() else _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text)


def whole_text(part: JsonObject, name: str) -> str:
    """A text that has to be right to the last character; "" where there is none. Raises `UnreadableError`."""
    value = part.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or _UNFIT.search(value):
        raise UnreadableError(f"{name} is no text, or holds a character that no text has")
    return value.strip()
