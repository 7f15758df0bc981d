"""Durations as people write them: one whole number and one unit, `500ms 30s 5m 2h 90d`."""

import re
from datetime import timedelta

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
PATTERN = r"^[0-9]{1,13}(ms|s|m|h|d)$"
"""What `parse_duration` reads, for a JSON Schema."""
LONGEST = timedelta(days=36_500)
_WRITTEN = re.compile(r"([0-9]{1,13})(ms|s|m|h|d)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,13}(\.[0-9]{1,6})?", re.ASCII)
_EXAMPLES = "500ms, 30s, 5m, 2h or 90d"


def parse_duration(text: str) -> timedelta:
    """Read a duration. Raises `ValueError` with a sentence that says what to write instead."""
    written = _WRITTEN.fullmatch(text.strip())
    if written is None:
        raise ValueError(_what_to_write(text.strip()))
    number, unit = written.groups()
    try:
        duration = int(number) * _UNITS[unit]
    except OverflowError:
        duration = timedelta.max
    if duration > LONGEST:
        raise ValueError(
            f"is longer than {format_duration(LONGEST)}, the longest duration there is"
        )
    return duration


def format_duration(duration: timedelta) -> str:
    """Write a duration in its largest exact unit; less than a millisecond is dropped."""
    milliseconds = duration // _UNITS["ms"]
    for unit in ("d", "h", "m", "s"):
        length = _UNITS[unit] // _UNITS["ms"]
        if milliseconds and milliseconds % length == 0:
            return f"{milliseconds // length}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def _what_to_write(text: str) -> str:
    if _NUMBER.fullmatch(text):
        whole = text.partition(".")[0]
        return f'is a number without a unit; write it with one, such as "{whole}s"'
    if text.startswith("-"):
        return f"is negative; a duration is written as {_EXAMPLES}"
    return f"is not a duration; write one whole number and one unit: {_EXAMPLES}"
