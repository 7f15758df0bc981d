"""Where people find what is told on jobwatch's own pages."""

from urllib.parse import quote

from jobwatch.core.model import JobKey, Origin


def path_of(source: str, key: JobKey) -> str:
    """Where a job has its page, below `/jobs/` and below `/api/v1/jobs/`. Slashes in names are no slashes of the path."""
    names = (source, key.scope, key.id) if key.scope else (source, key.id)
    return "/".join(quote(name, safe="", errors="replace") for name in names)


def job_link(origin: Origin, key: JobKey) -> dict[str, str]:
    """The `data.links` part of what is told of a job; empty where nobody said how people reach jobwatch."""
    if origin.public_url is None:
        return {}
    return {"job": f"{origin.public_url.rstrip('/')}/jobs/{path_of(origin.source, key)}"}


def home_link(origin: Origin) -> dict[str, str]:
    """The same of what is told of anything else."""
    return {"home": origin.public_url} if origin.public_url else {}
