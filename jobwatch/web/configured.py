"""What the pages say of the configuration: a value, taken anew for every page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from jobwatch.metrics import SourceShape
from jobwatch.story.explaining import Terms


def _no_terms(_source: str) -> Terms | None:
    """Nothing is known of how a source is watched."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What the configuration of this moment says, as far as the pages show it.

    `receivers` are names with their format, `gathering` within how long those tell a flood in digests that do,
    `give_up_after` for how long a delivery is tried. `terms` gives by which terms a source is watched. What was told is forgotten after `events_kept`.
    """

    instance: str
    sources: Sequence[SourceShape] = ()
    receivers: Mapping[str, str] = field(default_factory=dict)
    gathering: Mapping[str, timedelta] = field(default_factory=dict)
    give_up_after: Mapping[str, timedelta] = field(default_factory=dict)
    terms: Callable[[str], Terms | None] = _no_terms
    events_kept: timedelta = timedelta(days=90)
