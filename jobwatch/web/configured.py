"""What the pages say of the configuration: a value, taken anew for every page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jobwatch.metrics import SourceShape


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What the configuration of this moment says, as far as the pages show it. `receivers` are names with their format."""

    instance: str
    sources: Sequence[SourceShape] = ()
    receivers: Mapping[str, str] = field(default_factory=dict)
