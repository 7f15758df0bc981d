"""Sources, and the rules that watch their jobs."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from jobwatch.core.first_sight import FirstSight
from jobwatch.providers import ProviderSettings
from jobwatch.settings.fields import Duration, Line, Part, between, duration_or

_PAUSE = between("1s", "1d", "sweeping more often only buys throttling, less often is not watching")
_FULL = between("10s", "7d", "a full sweep reads every listed job")
_PROOF = between("1s", "7d", "one NoSuchJob alone proves nothing")
_RULE = between("1s", "365d", "shorter than a sweep says nothing, longer never speaks")
_AT_ONCE = between("0s", "365d", "0s tells at once, longer than a year never speaks")
_OUTPUT = between("1s", "1d", "the output of a vault job is kept for a day")
_HISTORY = between("0s", "90d", "jobs older than 90 days are not listed")
_REMINDER = between("1m", "30d", "a reminder more often than that is noise")


class RateLimit(Part):
    """How often the API of a source is called at most."""

    requests_per_second: float = Field(default=10, ge=0.01, le=1000, allow_inf_nan=False)
    burst: int = Field(default=20, ge=1, le=10_000)


class Failing(Part):
    """Tell a running job whose finished tasks fail too often."""

    ratio: float = Field(default=0.05, ge=0, le=1, allow_inf_nan=False)
    min_finished: int = Field(default=100, ge=1)


class Rules(Part):
    """When a job or a source is a problem though nothing ended; None switches a rule off.

    Those of a source override those of the whole, field by field, where the source sets them.
    """

    stalled_after: Annotated[Duration, _RULE] | None = timedelta(minutes=30)
    stuck_after: Annotated[Duration, _RULE] | None = timedelta(hours=2)
    waiting_after: Annotated[Duration, _AT_ONCE] | None = timedelta(minutes=15)
    overdue_after: Annotated[Duration, _RULE] | None = None
    failing: Failing | None = Failing()
    unreachable_after: Annotated[Duration | Literal["auto"] | None, duration_or("auto"), _RULE] = (
        "auto"
    )
    expiring_before: Annotated[Duration, _OUTPUT] | None = None
    remind_every: Annotated[Duration, _REMINDER] | None = timedelta(hours=12)


class Source(Part):
    """One watched listing; `provider` is what the provider's own module makes of it."""

    every: Annotated[Duration, _PAUSE] = timedelta(seconds=30)
    full_sweep_every: Annotated[Duration, _FULL] = timedelta(minutes=10)
    first_sight: Annotated[
        Duration | FirstSight, duration_or(*(word.value for word in FirstSight)), _HISTORY
    ] = timedelta(hours=1)
    vanished_after: Annotated[Duration, _PROOF] = timedelta(minutes=10)
    rate_limit: RateLimit = RateLimit()
    labels: dict[Line, Line] = Field(default_factory=dict)
    rules: Rules = Rules()
    provider: ProviderSettings
