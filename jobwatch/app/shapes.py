"""What bounds the series of metrics, as the configuration says."""

from jobwatch.core.codec import Provider
from jobwatch.core.overview import NO_SINGLE_JOBS, SingleJobs
from jobwatch.metrics import SourceShape
from jobwatch.providers import open_provider
from jobwatch.settings import Settings, rules_for


def open_providers(settings: Settings) -> dict[str, Provider]:
    """The codec of every source."""
    return {name: open_provider(source.provider) for name, source in settings.sources.items()}


def single_jobs(settings: Settings) -> SingleJobs:
    """The jobs that metrics show one by one; none unless somebody asked for them."""
    asked = settings.metrics.per_job
    return SingleJobs(asked.limit, tuple(settings.sources)) if asked.enabled else NO_SINGLE_JOBS


def shapes(settings: Settings) -> list[SourceShape]:
    """What bounds the labels of every source, and how often it is swept."""
    return [shape(settings, name) for name in settings.sources]


def shape(settings: Settings, name: str) -> SourceShape:
    """The same of one source. Raises `KeyError` for one that is not configured."""
    source = settings.sources[name]
    provider = open_provider(source.provider)
    return SourceShape(
        name=name,
        provider=provider.kind,
        region=provider.region,
        operations=provider.operations,
        statuses=provider.lifecycle.statuses,
        unfinished=provider.lifecycle.unfinished,
        calls=provider.calls,
        every=source.every,
        full_every=source.full_sweep_every,
        unreachable_after=rules_for(settings, name).unreachable_after,
    )
