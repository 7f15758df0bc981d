"""Panels as Grafana writes them down. What every panel must have is asked for here, so that none goes without.

Law: a panel says what it shows and what is bad (`says`), what it means if there is nothing (`empty`), and its unit.
"""

from dataclasses import dataclass
from typing import ClassVar

from tests.deploying.dashboards.colours import GREY, Json, Steps, coloured, thresholds

SOURCE_OF_DATA: Json = {"type": "prometheus", "uid": "${datasource}"}
QUIET = "nothing in this time"


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to Prometheus, and how its answers are called."""

    expression: str
    legend: str = "__auto"


@dataclass(frozen=True, slots=True)
class Link:
    """Where a value leads: a path of jobwatch's own page."""

    title: str
    path: str

    def drawn(self) -> Json:
        url = "${jobwatch_url:raw}" + self.path
        return {"title": self.title, "url": url, "targetBlank": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What all kinds have."""

    kind: ClassVar[str]
    format: ClassVar[str] = "time_series"
    instant: ClassVar[bool] = False

    title: str
    says: str
    asks: tuple[Ask, ...]
    width: int
    height: int = 8
    unit: str = "short"
    steps: Steps = ()
    first: str = "green"
    empty: str = QUIET
    decimals: int | None = None
    links: tuple[Link, ...] = ()
    words: tuple[str, ...] = ()
    mappings: tuple[Json, ...] = ()
    points: int | None = None

    def drawn(self, number: int, place: Json) -> Json:
        """The panel, at its place."""
        found: Json = {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.says,
            "datasource": SOURCE_OF_DATA,
            "gridPos": place,
            "targets": [self._target(*each) for each in enumerate(self.asks)],
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
            "options": self.options(),
        }
        if self.points:
            found["maxDataPoints"] = self.points
        return found

    def _target(self, number: int, ask: Ask) -> Json:
        return {
            "datasource": SOURCE_OF_DATA,
            "refId": "ABCDEFGHIJ"[number],
            "expr": ask.expression,
            "legendFormat": ask.legend,
            "instant": self.instant,
            "range": not self.instant,
            "format": self.format,
            "editorMode": "code",
        }

    def defaults(self) -> Json:
        found: Json = {
            "unit": self.unit,
            "noValue": self.empty,
            "thresholds": thresholds(self.steps, self.first),
            "color": self.colour(),
            "mappings": list(self.mappings),
            "custom": self.custom(),
        }
        if self.decimals is not None:
            found["decimals"] = self.decimals
        if self.links:
            found["links"] = [link.drawn() for link in self.links]
        return found

    def overrides(self) -> list[Json]:
        return coloured(self.words)

    def colour(self) -> Json:
        return {"mode": "thresholds"}

    def custom(self) -> Json:
        return {}

    def options(self) -> Json:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(Panel):
    """One number. What is not known is not green: `unknown` is its colour where there is no number."""

    kind: ClassVar[str] = "stat"
    instant: ClassVar[bool] = True

    height: int = 4
    unknown: str = GREY

    def defaults(self) -> Json:
        result = {"text": self.empty, "color": self.unknown}
        nothing = {"type": "special", "options": {"match": "null+nan", "result": result}}
        return {**Panel.defaults(self), "mappings": [nothing]}

    def options(self) -> Json:
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "orientation": "auto",
            "colorMode": "background_solid" if self.steps else "value",
            "graphMode": "none",
            "justifyMode": "center",
            "textMode": "auto",
            "wideLayout": True,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines(Panel):
    """Values over time."""

    kind: ClassVar[str] = "timeseries"

    style: str = "line"
    stacked: bool = False
    least: float | None = 0

    def colour(self) -> Json:
        return {"mode": "palette-classic-by-name"}

    def defaults(self) -> Json:
        found = Panel.defaults(self)
        return found if self.least is None else {**found, "min": self.least}

    def custom(self) -> Json:
        filled = {"line": 30 if self.stacked else 0, "bars": 80}[self.style]
        return {
            "drawStyle": self.style,
            "lineWidth": 1,
            "fillOpacity": filled,
            "showPoints": "auto" if self.style == "line" else "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if self.steps else "off"},
            "axisPlacement": "auto",
        }

    def options(self) -> Json:
        return {
            "legend": {
                "displayMode": "list",
                "placement": "bottom",
                "showLegend": True,
                "calcs": [],
            },
            "tooltip": {"mode": "multi", "sort": "desc", "hideZeros": self.stacked},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars(Lines):
    """How many in each step of time."""

    style: str = "bars"
    stacked: bool = True
    decimals: int | None = 0
    points: int | None = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges(Panel):
    """A bar for each value."""

    kind: ClassVar[str] = "bargauge"
    instant: ClassVar[bool] = True

    def defaults(self) -> Json:
        return {**Panel.defaults(self), "min": 0, "max": 1}

    def options(self) -> Json:
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "orientation": "horizontal",
            "displayMode": "basic",
            "valueMode": "text",
            "namePlacement": "auto",
            "showUnfilled": True,
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 16,
            "maxVizHeight": 40,
            "legend": {
                "displayMode": "list",
                "placement": "bottom",
                "showLegend": False,
                "calcs": [],
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap(Panel):
    """How often which length of time was observed."""

    kind: ClassVar[str] = "heatmap"
    format: ClassVar[str] = "heatmap"

    points: int | None = 100

    def custom(self) -> Json:
        return {"hideFrom": {"legend": False, "tooltip": False, "viz": False}}

    def options(self) -> Json:
        return {
            "calculate": False,
            "cellGap": 1,
            "cellValues": {"unit": "short", "decimals": 0},
            "color": {
                "mode": "scheme",
                "scheme": "Oranges",
                "fill": "dark-orange",
                "exponent": 0.5,
                "scale": "exponential",
                "reverse": False,
                "steps": 64,
            },
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": True},
            "yAxis": {"axisPlacement": "left", "reverse": False, "unit": self.unit},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline(Panel):
    """In which state something was when."""

    kind: ClassVar[str] = "state-timeline"

    def custom(self) -> Json:
        return {"fillOpacity": 80, "lineWidth": 0}

    def options(self) -> Json:
        return {
            "alignValue": "left",
            "mergeValues": True,
            "rowHeight": 0.9,
            "showValue": "auto",
            "legend": {
                "displayMode": "list",
                "placement": "bottom",
                "showLegend": True,
                "calcs": [],
            },
            "tooltip": {"mode": "single", "sort": "none"},
        }
