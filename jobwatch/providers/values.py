"""The kinds of values that clouds write down: ids, counts and points in time, read alike whoever wrote them."""

from datetime import UTC, datetime

ID_LIMIT = 256
COUNT_LIMIT = 2**63 - 1
_EPOCH_YEAR = 1970
_AFTER_EPOCH = "1971"
_NEVER = "9000"
"""From this year on a time means that there is none; to correct it by clocks would leave what a datetime holds."""
_DOCUMENTED = len("2019-12-19T11:05:40Z")
_SAFE_DIGITS = 18
_ABSURD_DIGITS = 64
_YEAR_5138 = 1e11
"""As seconds, a year nobody means; as milliseconds, 1973."""


class UnreadableError(ValueError):
    """The document is not well-formed, or is of a kind that no cloud sends."""


def read_id(text: str) -> str:
    """An id, whole: a shortened one would name another job."""
    text = text.strip()
    if not text or len(text) > ID_LIMIT:
        raise UnreadableError(f"a job has no id, or one of more than {ID_LIMIT} characters")
    return text


def read_number(text: str) -> int | None:
    """A count from 0 to 2^63 - 1; None for anything else."""
    if not (text.isdigit() and text.isascii()):
        text = text.strip()
        if not (text.isdigit() and text.isascii()):
            return None
    if len(text) <= _SAFE_DIGITS:
        return int(text)
    value = int(text) if len(text) < _ABSURD_DIGITS else COUNT_LIMIT + 1
    return value if value <= COUNT_LIMIT else None


def read_time(text: str) -> datetime | None:
    """A point in time, in UTC: ISO 8601 with or without fraction and offset, or seconds or milliseconds since 1970.

    None for anything else, and for the first and last times of all by which some servers say that there is none.
    """
    if (
        len(text) == _DOCUMENTED
        and text[19] == "Z"
        and text[4] == "-"
        and _AFTER_EPOCH < text < _NEVER
    ):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None
    return _read_odd_time(text.strip()) if text else None


def _read_odd_time(text: str) -> datetime | None:
    try:
        if text[4:5] == "-":
            value = datetime.fromisoformat(text.upper())
            value = value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
        else:
            seconds = float(text)
            value = datetime.fromtimestamp(seconds / 1000 if seconds > _YEAR_5138 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return value if _EPOCH_YEAR < value.year < int(_NEVER) else None
