"""Jinja2, which the page alone needs: a daemon whose page nobody looks at never imports it."""

from collections.abc import Callable, Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


def fill(
    name: str, filters: Mapping[str, Callable[..., object]], values: Mapping[str, object]
) -> str:
    """Fill in one of the templates; whatever is no markup of ours is escaped."""
    environment = _environment()
    environment.filters.update(filters)
    return environment.get_template(name).render(values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("jobwatch.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
