"""How values are kept in columns: times, hashes and texts, alike on every engine.

- Times are microseconds since the epoch, UTC.
- Unsigned 64 bit hashes are kept as the signed number with the same bits.
- Texts lose what a database refuses: NUL and lone surrogates become U+FFFD.
- Counts are capped at what 64 bits hold.
"""

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LARGEST = 2**63 - 1
UNSIGNED = 2**64 - 1
"""The bits of a hash."""

_SIGN = 2**63
_encoder = json.JSONEncoder(separators=(",", ":"))


def to_micros(moment: datetime | None) -> int | None:
    """Microseconds since the epoch. A naive time raises `TypeError`."""
    if moment is None:
        return None
    return (moment - EPOCH) // MICROSECOND


def from_micros(micros: int | None) -> datetime | None:
    """The moment, in UTC."""
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


def to_signed(number: int) -> int:
    """The signed 64 bit number with the bits of an unsigned one."""
    return (number & UNSIGNED ^ _SIGN) - _SIGN


def to_unsigned(number: int) -> int:
    """The other way round."""
    return number & UNSIGNED


def clamp(number: int | None) -> int | None:
    """A count that fits into 64 bits, whatever the cloud said."""
    if number is None or -LARGEST <= number <= LARGEST:
        return number
    return LARGEST if number > 0 else -LARGEST


def clean(text: str) -> str:
    """The text without what PostgreSQL or UTF-8 refuse; both engines store the same."""
    if text.isascii():
        return text if "\x00" not in text else text.replace("\x00", "\ufffd")
    text = text.replace("\x00", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def to_json(document: object) -> str:
    """The document as text; escaped, so that nothing in it can be refused."""
    return _encoder.encode(document)


class Instant(TypeDecorator[datetime]):
    """An aware time as microseconds since the epoch."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the database."""
        del dialect
        return to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        del dialect
        return from_micros(value)


class Fingerprint(TypeDecorator[int]):
    """An unsigned 64 bit hash."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """To the database."""
        del dialect
        return None if value is None else to_signed(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> int | None:
        """From the database."""
        del dialect
        return None if value is None else to_unsigned(value)


class Word(TypeDecorator[str]):
    """A text from outside."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        del dialect
        return None if value is None else clean(value)


class Document(TypeDecorator[object]):
    """A JSON document as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object | None, dialect: Dialect) -> str | None:
        """To the database."""
        del dialect
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> object | None:
        """From the database."""
        del dialect
        return None if value is None else json.loads(value)
