"""What calls cost lately: a count of calls in the last hour, in few numbers."""

from collections import deque
from dataclasses import dataclass, field

SLOT_SECONDS = 300
SLOTS = 12
"""An hour in slots of five minutes: the answer is right to one slot."""


@dataclass(slots=True)
class Ledger:
    """Counts of calls and of refusals for their number, by slot; times are seconds of a monotonic clock."""

    _slots: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=SLOTS))
    _calls: int = 0
    _throttled: int = 0

    def note(self, seconds: float, *, calls: int, throttled: int) -> None:
        """Take the totals as they are now."""
        slot = int(seconds // SLOT_SECONDS)
        more, refused = calls - self._calls, throttled - self._throttled
        self._calls, self._throttled = calls, throttled
        if self._slots and self._slots[-1][0] == slot:
            _, before, refused_before = self._slots.pop()
            more, refused = more + before, refused + refused_before
        self._slots.append((slot, more, refused))

    def last_hour(self, seconds: float) -> tuple[int, int]:
        """Calls and refusals of the last hour."""
        oldest = int(seconds // SLOT_SECONDS) - SLOTS
        recent = [each for each in self._slots if each[0] > oldest]
        return sum(each[1] for each in recent), sum(each[2] for each in recent)
