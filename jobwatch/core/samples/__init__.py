"""One event of every kind, made as real ones are: for `check`, for tests of receivers, for schemas and documentation.

Every call makes the same, to the byte: no clock and no chance is in them.
"""

from dataclasses import dataclass

from jobwatch.core.documents import Document, document, released
from jobwatch.core.encoding import encode
from jobwatch.core.events import Event
from jobwatch.core.model import Origin
from jobwatch.core.samples.draft import Draft
from jobwatch.core.samples.jobs import failed, of_jobs, partly_failed
from jobwatch.core.samples.others import digest, of_receivers, of_sources
from jobwatch.core.samples.vaults import of_vaults

__all__ = ["Sample", "samples"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An event, its document and the bytes of it. `name` is its type, then what is special: `job.stalled.closed`."""

    name: str
    event: Event
    document: Document
    body: bytes

    @property
    def id(self) -> str:
        """The event's id."""
        return str(self.document["id"])


def samples(
    instance: str = "jobwatch", public_url: str | None = "https://jobwatch.example.com"
) -> tuple[Sample, ...]:
    """Every sample, in one order. `public_url` None: an installation that has none, so no links."""
    origin = Origin(
        instance=instance,
        source="prod",
        provider="cos-batch",
        region="ap-chengdu",
        account="100000000001",
        labels={"team": "data"},
        public_url=public_url,
    )
    drafts = [*of_jobs(origin), *of_sources(origin), *of_receivers(origin)]
    inside = [_sample(failed(origin), 1), _sample(partly_failed(origin), 2)]
    drafts.append(digest(origin, [each.document for each in inside]))
    drafts.extend(of_vaults(origin))
    return tuple(_sample(draft, number) for number, draft in enumerate(drafts, start=1))


def _sample(draft: Draft, sequence: int) -> Sample:
    told = document(draft.event, sequence)
    if draft.detail is not None or draft.detail_error is not None:
        told = released(told, draft.detail, draft.detail_error)
    return Sample(name=draft.name, event=draft.event, document=told, body=encode(told))
