"""Absence: what it takes to call a job gone.

1. Only DescribeJob's own NoSuchJob counts, twice, some time apart, with no other answer between: a proof.
2. Where the cloud does not know most of a source's unfinished jobs, proved or not, it is the source that is doubted:
   they are held back until fewer are missing.
3. A job is called gone once. Should it come back, that is news like any other change.
"""

from dataclasses import replace
from datetime import timedelta

from jobwatch.core.diff import Authority, Change, ChangeKind
from jobwatch.core.first_sight import Watch
from jobwatch.core.model import Outcome, Snapshot


def missing(before: Snapshot, watch: Watch, *, vanished_after: timedelta) -> Change | None:
    """Note DescribeJob's NoSuchJob about an unfinished job.

    The first one begins a proof; one at least `vanished_after` later, with no other answer between, completes
    it. None where there is nothing new to note.
    """
    since, now = before.missing_since, watch.observed_at
    if before.missing_proved_at is not None:
        return None
    if since is None or since > now:
        after = replace(before, missing_since=now)
    elif now - since >= vanished_after:
        after = replace(before, missing_proved_at=now)
    else:
        return None
    after = replace(
        after,
        # Forgetting the bytes makes the next sighting be compared, so that it ends the proof.
        job=replace(before.job, fingerprint=0),
        refused=0,
        version=before.version + 1,
        observed_at=watch.observed_at,
    )
    return Change(kind=ChangeKind.MISSING, before=before, after=after, authority=Authority.DESCRIBE)


def vanish(before: Snapshot, watch: Watch) -> Change:
    """Call an unfinished job gone, on the strength of a proof that `missing` completed."""
    after = replace(
        before,
        outcome=Outcome.VANISHED,
        version=before.version + 1,
        observed_at=watch.observed_at,
        counted=True,
    )
    return Change(
        kind=ChangeKind.VANISHED, before=before, after=after, authority=Authority.DESCRIBE
    )


SUSPECT_AT_LEAST = 10
"""So few jobs may be gone without anybody asking whether something is wrong with the listing."""


def is_suspect(*, missed: int, unfinished: int) -> bool:
    """Whether the cloud does not know so many unfinished jobs at once that it is rather the source that is wrong."""
    return missed >= SUSPECT_AT_LEAST and 2 * missed > unfinished
