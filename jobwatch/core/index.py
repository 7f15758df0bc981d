"""What a source's jobs looked like last time, by the hash of their bytes, and which were seen this time.

A million listed jobs must cost little memory and no time, so the index holds numbers alone and is changed in
place: fingerprint to slot, slot to row (ascending, as the store numbers rows), and a byte per slot for `seen`.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from jobwatch.core.codec import Known

NONE = 0
"""The fingerprint of a job whose bytes are not known."""


class JobIndex:
    """The jobs of one source that the store knows. Belongs to one lease: forget it when the lease is lost.

    Rows are the store's numbers, given in ascending order. A job that left the listing stays as a slot that is
    not looked for any more, until it is seen again.
    """

    def __init__(self, seed: int) -> None:
        self._slots: dict[int, int] = {}
        self._rows = array("q")
        self._prints = array("Q")
        self._left = bytearray()
        self._seen = bytearray()
        self._hot: set[int] | None = None
        self.known = Known(seed=seed, slots=self._slots)

    def __len__(self) -> int:
        return len(self._rows)

    def load(self, rows: Iterable[tuple[int, int, bool]]) -> None:
        """Add (row, fingerprint, left) triples, rows ascending and above all rows there are."""
        for row, fingerprint, left in rows:
            self._append(row)
            self._left[-1] = left
            if fingerprint != NONE and not left:
                self._remember(len(self._rows) - 1, fingerprint)

    def begin(self) -> None:
        """Start a full sweep: nothing was seen yet, and nobody looks for what left."""
        self._seen = bytearray(self._left)

    def begin_hot(self) -> None:
        """Start a hot sweep, perhaps between two pages of a full one: what it sees counts for both."""
        self._hot = set()

    def end_hot(self) -> None:
        """End a hot sweep."""
        self._hot = None

    def see_slots(self, slots: Sequence[int]) -> None:
        """Mark the members that a page showed unchanged."""
        seen = self._seen
        for slot in slots:
            seen[slot] = 1
        if self._hot is not None:
            self._hot.update(slots)

    def see(self, row: int) -> None:
        """Mark a job as seen."""
        slot = self._slot(row)
        self._seen[slot], self._left[slot] = 1, 0
        if self._hot is not None:
            self._hot.add(slot)

    def learn(self, row: int, fingerprint: int) -> None:
        """Mark a job as seen and remember the hash of its bytes; `NONE` forgets them, to parse it next time."""
        self.see(row)
        self._remember(self._slot(row), fingerprint)

    def leave(self, rows: Iterable[int]) -> None:
        """Stop looking for ended jobs that a complete full walk did not show."""
        for row in rows:
            slot = self._slot(row)
            self._left[slot] = 1
            self._remember(slot, NONE)

    def unseen_rows(self) -> Iterator[int]:
        """The rows that the present sweep did not see and that had not left before, ascending."""
        slot = self._seen.find(0)
        while slot != -1:
            yield self._rows[slot]
            slot = self._seen.find(0, slot + 1)

    def unseen_of(self, rows: Iterable[int]) -> list[int]:
        """Those of these rows that the present hot sweep did not see."""
        hot = self._hot or set[int]()
        return [row for row in rows if self._slot(row) not in hot]

    def _remember(self, slot: int, fingerprint: int) -> None:
        old = self._prints[slot]
        if old == fingerprint:
            return
        # Another job's slot may have taken over the old hash only if two jobs had equal bytes, which ids forbid.
        self._slots.pop(old, None)
        self._prints[slot] = fingerprint
        if fingerprint != NONE:
            self._slots[fingerprint] = slot

    def _slot(self, row: int) -> int:
        slot = bisect_left(self._rows, row)
        if slot == len(self._rows):
            self._append(row)
        elif self._rows[slot] != row:
            raise LookupError(f"row {row} is not in the index")
        return slot

    def _append(self, row: int) -> None:
        self._rows.append(row)
        self._prints.append(NONE)
        self._left.append(0)
        self._seen.append(0)
