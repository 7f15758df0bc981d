"""The pages that stand where there is nothing to show: no such job, no such filter, or no store to read. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobwatch.core.links import path_of
from jobwatch.core.model import JobKey
from jobwatch.web.pages.frame import Frame, fill_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A page that is not there: why, and where else to look. `others` are jobs of the same id in several scopes."""

    frame: Frame
    words: str
    source: str = ""
    others: Sequence[JobKey] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unready:
    """Nothing can be read now: what readiness waits for, and which loops hang."""

    frame: Frame
    missing: Sequence[str] = ()
    loops: Sequence[str] = ()


def render_missing(missing: Missing) -> str:
    """Write the page that stands where none is."""
    others = [(key, f"/jobs/{path_of(missing.source, key)}") for key in missing.others]
    return fill_page("missing.html.j2", missing.frame, {"missing": missing, "others": others})


def render_unready(unready: Unready) -> str:
    """Write the page that stands while the store cannot be read."""
    return fill_page("unready.html.j2", unready.frame, {"unready": unready})
