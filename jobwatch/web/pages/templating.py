"""Jinja2, which the pages alone need: a daemon whose pages nobody looks at never imports it.

Law of this module: whatever a template is given is made legible and escaped, without the template's doing.
"""

from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from jobwatch.web.pages.status_words import legible


def fill(name: str, values: Mapping[str, object]) -> str:
    """Fill in one of the templates; what it calls is among the values."""
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("jobwatch.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_legible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _legible(value: object) -> object:
    return legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
