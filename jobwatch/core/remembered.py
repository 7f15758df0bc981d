"""What an earlier process remembered of its manners, read with suspicion: what cannot be read is left out."""

import math
from collections.abc import Mapping

NEVER = float("-inf")
MARKS = 1 << 16
"""A mark tells other keys from those before, and is too short to tell anything of them."""

_SENSIBLE = 1e12


class Reading:
    """A remembered document."""

    def __init__(self, document: object, wall: float, monotonic: float) -> None:
        self._fields = document if isinstance(document, Mapping) else {}
        self._wall = wall
        self._monotonic = monotonic

    def number(self, name: str, otherwise: float, most: float = math.inf) -> float:
        """A number that is not negative, cut at `most`."""
        value = self._fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return otherwise
        # Compared before anything else: an integer may be too large to become a float; NaN is in no range.
        return float(min(value, most)) if 0 <= value < _SENSIBLE else otherwise

    def time(self, name: str, longest: float) -> float:
        """A wall-clock time on the monotonic clock; long ago where it is not within `longest` seconds."""
        ahead = self.number(name, 0.0) - self._wall
        # What was rounded to milliseconds may lie that much beyond the longest.
        return self._monotonic + ahead if 0 < ahead <= longest + 0.001 else NEVER

    def marks(self, name: str, most: int) -> tuple[int, ...]:
        """Marks of keys, the latest `most` of them."""
        found = self._fields.get(name)
        marks = found if isinstance(found, list) else []
        sound = [each for each in marks if type(each) is int and 0 <= each < MARKS]
        return tuple(dict.fromkeys(sound))[-most:]
