"""From metric families to the two text formats, and the choice between them.

Written here because prometheus_client's own writers take up to six times as long per series, which
a scrape of 10,000 series would feel; a test holds both against them, byte for byte.
"""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

GZIP_LEVEL = 1
"""Level 6 takes twice the time for a tenth less."""


class Format(StrEnum):
    """The formats, by their content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The answer to a scrape. `encoding` is the content encoding of `body`: gzip or None."""

    body: bytes
    content_type: str
    encoding: str | None


def choose_format(accept: str) -> Format:
    """Read an `Accept` header: OpenMetrics where it is wanted at least as much as plain text."""
    best, chosen = 0.0, Format.TEXT
    for kind, parameters in _weighed(accept):
        offered = _format(kind, parameters)
        quality = _quality(parameters)
        better = quality > best or (quality == best and offered is Format.OPENMETRICS)
        if offered is not None and quality > 0 and better:
            best, chosen = quality, offered
    return chosen


def _format(kind: str, parameters: dict[str, str]) -> Format | None:
    version = parameters.get("version", "")
    if kind == "application/openmetrics-text":
        return Format.OPENMETRICS if version in ("", "1.0.0") else None
    return Format.TEXT if kind in ("text/plain", "text/*", "*/*") else None


def accepts_gzip(accept_encoding: str) -> bool:
    """Read an `Accept-Encoding` header."""
    qualities = {kind: _quality(parameters) for kind, parameters in _weighed(accept_encoding)}
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def _weighed(header: str) -> Iterable[tuple[str, dict[str, str]]]:
    for element in header.lower().split(","):
        kind, *rest = (part.strip() for part in element.split(";"))
        yield kind, dict(part.split("=", 1) for part in rest if "=" in part)


def _quality(parameters: dict[str, str]) -> float:
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 0.0


def render(families: Iterable[Metric], accept: str, accept_encoding: str) -> Rendered:
    """Write the families as the headers of the request ask for them."""
    chosen = choose_format(accept)
    body = write(families, chosen)
    encoding = "gzip" if accepts_gzip(accept_encoding) else None
    if encoding:
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
    return Rendered(body=body, content_type=chosen.value, encoding=encoding)


def write(families: Iterable[Metric], chosen: Format) -> bytes:
    """Write the families in one of the formats."""
    openmetrics = chosen is Format.OPENMETRICS
    lines: list[str] = []
    for family in families:
        lines += _head(family, openmetrics=openmetrics)
        lines += map(_line, family.samples)
    if openmetrics:
        lines.append("# EOF\n")
    return "".join(lines).encode("utf-8", "replace")


def _head(family: Metric, *, openmetrics: bool) -> tuple[str, str]:
    name, text = family.name, family.documentation.replace("\\", "\\\\").replace("\n", "\\n")
    if openmetrics:
        text = text.replace('"', '\\"')
    elif family.type == "counter":
        name += "_total"
    return f"# HELP {name} {text}\n", f"# TYPE {name} {family.type}\n"


def _line(sample: Sample) -> str:
    value = number(sample.value)
    if not sample.labels:
        return f"{sample.name} {value}\n"
    labels = ",".join(
        [f'{name}="{_escaped(text)}"' for name, text in sorted(sample.labels.items())]
    )
    return f"{sample.name}{{{labels}}} {value}\n"


def number(value: float) -> str:
    """Write a value or a bucket's bound as both formats have it: `10.0`, `1e+06`, `+Inf`."""
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # the library's own, untyped


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
