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
    """Calls a second, at most. The value is jobwatch's own: the cloud publishes no limit. It halves by itself when the
    cloud says that it is too much. Lower it if other programs use the same account.
    """
    burst: int = Field(default=20, ge=1, le=10_000)
    """Calls that may be made at once after a pause."""


class Failing(Part):
    """Tell a running job whose finished tasks fail too often."""

    ratio: float = Field(default=0.05, ge=0, le=1, allow_inf_nan=False)
    """The condition opens when this share of the finished tasks, or more, has failed. It closes at three quarters of
    that, so that a job that hovers around it is told once.
    """
    min_finished: int = Field(default=100, ge=1)
    """Tasks that have to be finished before the rule applies: fewer say little about the rest."""


class Rules(Part):
    """When a job or a source is a problem though nothing ended; None switches a rule off.

    Those of a source override those of the whole, field by field, where the source sets them.
    """

    stalled_after: Annotated[Duration, _RULE] | None = timedelta(minutes=30)
    """`job.stalled`: running, but no task has finished for this long. It does not apply once all tasks are counted, or
    where the cloud counts none, as in CAS.
    """
    stuck_after: Annotated[Duration, _RULE] | None = timedelta(hours=2)
    """`job.stuck`: for this long in a status that ought to pass quickly: New, Preparing, Pausing, Completing,
    Cancelling, Failing.
    """
    waiting_after: Annotated[Duration, _AT_ONCE] | None = timedelta(minutes=15)
    """`job.waiting`: Suspended for this long, which a job is until a person confirms it. `0s` tells it at once; the
    default leaves time to confirm a job that you have just created.
    """
    overdue_after: Annotated[Duration, _RULE] | None = None
    """`job.overdue`: unfinished for this long since its creation. Off by default, because only you know what is
    normal.

    Examples: ["24h"]
    """
    failing: Failing | None = Failing()
    """`job.failing`: too many of the finished tasks of a running job have failed."""
    unreachable_after: Annotated[Duration | Literal["auto"] | None, duration_or("auto"), _RULE] = (
        "auto"
    )
    """`source.unreachable`: the source could not be swept for this long. `auto` is five minutes, or three times
    `every` if that is longer; null switches the rule off.
    """
    expiring_before: Annotated[Duration, _OUTPUT] | None = None
    """`job.output_expiring`: told once when less than this is left until the cloud deletes the output of a CAS job,
    which it keeps for 24 hours. Off by default, because only you know whether anybody means to fetch it.

    Examples: ["6h"]
    """
    remind_every: Annotated[Duration, _REMINDER] | None = timedelta(hours=12)
    """How often an open condition is told again. Twice a day keeps a problem in sight; null never reminds."""


class Source(Part):
    """One watched listing; `provider` is what the provider's own module makes of it."""

    every: Annotated[Duration, _PAUSE] = timedelta(seconds=30)
    """The pause between two sweeps, a tenth more or less. The ending of a known job is noticed within it, and after
    half of it on average. A hot sweep of COS costs ten calls, or one for each 1,000 listed jobs if that is less; one
    of CAS costs a call for each vault.
    """
    full_sweep_every: Annotated[Duration, _FULL] = timedelta(minutes=10)
    """How often every listed job is read, at a call for each 1,000 of them. Hot sweeps read unfinished jobs only, so a
    job that began and ended between two of them may be noticed as late as this, and so may a new vault.
    """
    first_sight: Annotated[
        Duration | FirstSight, duration_or(*(word.value for word in FirstSight)), _HISTORY
    ] = timedelta(hours=1)
    """What is told of the past if the store knows nothing about the source yet: what ended within this time,
    `baseline` for nothing, or `everything`. An hour bridges the gap between two installations without causing a flood.
    """
    vanished_after: Annotated[Duration, _PROOF] = timedelta(minutes=10)
    """The time between two proofs that an unfinished job is gone: the cloud has to answer NoSuchJob twice. It should
    outlast any short disturbance.
    """
    rate_limit: RateLimit = RateLimit()
    """How often the API is called for this source, at most."""
    labels: dict[Line, Line] = Field(default_factory=dict)
    """Words of yours that the source's events and messages carry. They are not labels of metrics.

    Examples: [{"team": "data", "env": "prod"}]
    """
    rules: Rules = Rules()
    """Overrides `rules` for this source, key by key. A key that is left out stays as it is there; null switches a rule
    off for this source.

    Examples: [{"stalled_after": "2h", "overdue_after": null}]
    """
    provider: ProviderSettings
    """What is watched, and with which keys. `kind` decides which other keys there are."""
