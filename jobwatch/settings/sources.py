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
    """Calls a second, at most. Ours: the cloud publishes no limit. It halves by itself when the cloud says that it is
    too much. Lower it where other programs use the same account.
    """
    burst: int = Field(default=20, ge=1, le=10_000)
    """Calls that may go out at once after a pause."""


class Failing(Part):
    """Tell a running job whose finished tasks fail too often."""

    ratio: float = Field(default=0.05, ge=0, le=1, allow_inf_nan=False)
    """Told when this share of the finished tasks failed, or more; over when it is down at three quarters of that, so
    that a job that hovers there is told once.
    """
    min_finished: int = Field(default=100, ge=1)
    """Tasks that have to be finished before the rule speaks: fewer say nothing about the rest."""


class Rules(Part):
    """When a job or a source is a problem though nothing ended; None switches a rule off.

    Those of a source override those of the whole, field by field, where the source sets them.
    """

    stalled_after: Annotated[Duration, _RULE] | None = timedelta(minutes=30)
    """`job.stalled`: running, and no task finished for so long. Not for jobs whose tasks nobody counts, as in CAS, or
    are all counted.
    """
    stuck_after: Annotated[Duration, _RULE] | None = timedelta(hours=2)
    """`job.stuck`: for so long in a status that ought to pass quickly: New, Preparing, Pausing, Completing,
    Cancelling, Failing.
    """
    waiting_after: Annotated[Duration, _AT_ONCE] | None = timedelta(minutes=15)
    """`job.waiting`: Suspended for so long, which is until a person confirms the job. `0s` tells it at once; the
    default leaves time to confirm what one has just created.
    """
    overdue_after: Annotated[Duration, _RULE] | None = None
    """`job.overdue`: unfinished for so long since its creation. Off, because only you know what is normal.

    Examples: ["24h"]
    """
    failing: Failing | None = Failing()
    """`job.failing`: too many of the finished tasks of a job that still runs have failed."""
    unreachable_after: Annotated[Duration | Literal["auto"] | None, duration_or("auto"), _RULE] = (
        "auto"
    )
    """`source.unreachable`: the source could not be swept for so long. `auto` is five minutes, or three times `every`
    where that is longer; null switches the rule off.
    """
    expiring_before: Annotated[Duration, _OUTPUT] | None = None
    """`job.output_expiring`: told once when less time is left of what a CAS job fetched, which the cloud keeps for 24
    hours. Off, because only you know whether anybody is to fetch it.

    Examples: ["6h"]
    """
    remind_every: Annotated[Duration, _REMINDER] | None = timedelta(hours=12)
    """How often an open condition is told again. Twice a day keeps a problem in sight; null never reminds."""


class Source(Part):
    """One watched listing; `provider` is what the provider's own module makes of it."""

    every: Annotated[Duration, _PAUSE] = timedelta(seconds=30)
    """The pause between two sweeps, a tenth more or less. The ending of a known job is told within it, half of it in
    the mean. A hot sweep of COS costs ten calls, or one for each 1,000 listed jobs where that is less; one of CAS a
    call for each vault.
    """
    full_sweep_every: Annotated[Duration, _FULL] = timedelta(minutes=10)
    """How often every listed job is read, at a call for each 1,000 of them. A hot sweep reads unfinished jobs only,
    so this bounds how late a job that began and ended between two of them is noticed, and how late a new vault is.
    """
    first_sight: Annotated[
        Duration | FirstSight, duration_or(*(word.value for word in FirstSight)), _HISTORY
    ] = timedelta(hours=1)
    """What is told of the past where the store knows nothing of the source: what ended within this time, `baseline`
    for nothing, or `everything`. An hour lets nothing fall between two installations, and is no flood.
    """
    vanished_after: Annotated[Duration, _PROOF] = timedelta(minutes=10)
    """The time between two proofs that an unfinished job is gone: the cloud has to say NoSuchJob twice. Longer than
    any hiccup.
    """
    rate_limit: RateLimit = RateLimit()
    """How often the API is called at most, for this source."""
    labels: dict[Line, Line] = Field(default_factory=dict)
    """Words of yours that its events and messages carry. They are not labels of metrics.

    Examples: [{"team": "data", "env": "prod"}]
    """
    rules: Rules = Rules()
    """Overrides `rules` for this source, key by key. What is left out stays as it is there; null switches a rule off
    here.

    Examples: [{"stalled_after": "2h", "overdue_after": null}]
    """
    provider: ProviderSettings
    """What is watched, and with which keys: `kind` says which other keys there are."""
