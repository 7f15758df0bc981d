"""What a person sees first, as one reading of the store gives it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jobwatch.core.forecast import Sample
from jobwatch.core.muting import Mute
from jobwatch.core.overview import SourceState
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.values import AttemptRow, ChangeRow, ConditionRow, DeliveryRow, JobRow, ToldRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look at: `receivers` by name, jobs of one `source` (None = of all), and how many of each list."""

    receivers: Collection[str] = ()
    source: str | None = None
    unfinished: int = 50
    troubled: int = 20
    endings: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenJob:
    """An unfinished job, the conditions that are open of it, and how far it was when, ascending."""

    row: JobRow
    conditions: tuple[ConditionRow, ...] = ()
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """How many jobs ended within a day before, by outcome. `cut`: more may have, no more were looked at."""

    outcomes: Mapping[str, int] = field(default_factory=dict)
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """Everything at one moment.

    `unfinished` are those whose snapshot is newest, `troubled` those of which a condition is open, what opened last
    first. `unfinished_of` counts all by source, `troubled_of` by source and condition. `endings` are those that ended
    last, and `mutes` what silences something now.
    """

    now: datetime
    sources: tuple[SourceState, ...] = ()
    unfinished: tuple[SeenJob, ...] = ()
    unfinished_of: Mapping[str, int] = field(default_factory=dict)
    troubled: tuple[SeenJob, ...] = ()
    troubled_of: Mapping[tuple[str, str], int] = field(default_factory=dict)
    endings: tuple[JobRow, ...] = ()
    lately: Lately = field(default_factory=Lately)
    mutes: tuple[Mute, ...] = ()
    receivers: tuple[ReceiverRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeStory:
    """What the store kept of one job, the latest of each kind where there is too much (`cut`); oldest first.

    `digests` has the deliveries of digests that tell its events. `receivers` are those that were to be told.
    """

    now: datetime
    row: JobRow
    state: SourceState | None
    samples: tuple[Sample, ...] = ()
    changes: tuple[ChangeRow, ...] = ()
    told: tuple[ToldRow, ...] = ()
    conditions: tuple[ConditionRow, ...] = ()
    deliveries: tuple[tuple[DeliveryRow, tuple[AttemptRow, ...]], ...] = ()
    digests: tuple[DeliveryRow, ...] = ()
    receivers: tuple[ReceiverRow, ...] = ()
    cut: bool = False
