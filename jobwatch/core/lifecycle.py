"""A provider's table of statuses, and the questions asked of it.

Rule 1: everything jobwatch believes about a status stands in the provider's table.
Rule 2: a poller sees samples, not every step. The table therefore never refuses a jump; it only tells which
        jumps are possible, so that an answer that lags behind can be told from one that is ahead.
Rule 3: a status that is not in the table is kept word for word, counted and shown. It is neither running nor ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobwatch.core.model import TERMINAL, Phase

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """One row: the cloud's word, our phase, and the statuses that may follow directly.

    `needs_detail`: DescribeJob knows something about this status that people want to be told with it. `passing`: a
    job only passes through it, so that one that stays is stuck.
    """

    status: str
    phase: Phase
    successors: tuple[str, ...] = ()
    needs_detail: bool = False
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The table, in the order a job passes through it. `spellings` maps other spellings to the table's own."""

    rows: tuple[StatusRow, ...]
    spellings: Mapping[str, str] = field(default_factory=dict)
    _by_word: dict[str, StatusRow] = field(init=False, repr=False)
    _reach: dict[str, frozenset[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        words = {row.status.lower(): row for row in self.rows}
        words |= {other.lower(): words[own.lower()] for other, own in self.spellings.items()}
        object.__setattr__(self, "_by_word", words)
        object.__setattr__(self, "_reach", {row.status: self._walk(row) for row in self.rows})

    def _walk(self, start: StatusRow) -> frozenset[str]:
        found: set[str] = set()
        todo = list(start.successors)
        while todo:
            status = todo.pop()
            if status not in found:
                found.add(status)
                todo.extend(self._by_word[status.lower()].successors)
        return frozenset(found)

    def row(self, word: str) -> StatusRow | None:
        """The row of a status word, whatever its case or spelling; None for an unknown word."""
        return self._by_word.get(word.lower())

    def read(self, word: str) -> tuple[str, Phase]:
        """The table's spelling and phase of a word from the cloud; an unknown word stays as it is."""
        row = self.row(word)
        return (row.status, row.phase) if row else (word, Phase.UNKNOWN)

    def label(self, status: str) -> str:
        """The status as a metric label: a word of the table, or `unknown`."""
        row = self.row(status)
        return row.status if row else UNKNOWN

    def needs_detail(self, status: str) -> bool:
        """Whether the event of this status waits for DescribeJob."""
        row = self.row(status)
        return row is not None and row.needs_detail

    def works(self, status: str) -> bool:
        """Whether a job in this status is at work on its tasks."""
        row = self.row(status)
        return row is not None and row.phase is Phase.RUNNING and not row.passing

    def is_passing(self, status: str) -> bool:
        """Whether a job only passes through this status."""
        row = self.row(status)
        return row is not None and row.passing

    @property
    def passing(self) -> tuple[str, ...]:
        """The statuses that a job only passes through."""
        return tuple(row.status for row in self.rows if row.passing)

    def reachable(self, before: str, after: str) -> bool:
        """Whether a job in status `before` can come to `after`. Unknown words: anything is possible."""
        first, second = self.row(before), self.row(after)
        if first is None or second is None:
            return True
        return second.status in self._reach[first.status]

    def is_behind(self, seen: str, recorded: str) -> bool:
        """Whether `seen` is an earlier stage of a job already recorded in `recorded`: an answer that lags."""
        if self.row(seen) is None or self.row(recorded) is None:
            return False
        return self.reachable(seen, recorded) and not self.reachable(recorded, seen)

    @property
    def statuses(self) -> tuple[str, ...]:
        """Every status, in lifecycle order."""
        return tuple(row.status for row in self.rows)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The statuses of jobs that have not ended, in lifecycle order."""
        return tuple(row.status for row in self.rows if row.phase not in TERMINAL)

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.rows[0].status}"]
        for row in self.rows:
            lines += [f"    {row.status} --> {after}" for after in row.successors]
            if row.phase in TERMINAL:
                lines.append(f"    {row.status} --> [*]")
        return "\n".join(lines)
