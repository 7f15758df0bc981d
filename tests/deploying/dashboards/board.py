"""A dashboard: its variables, links and notes, and rows of panels laid out on Grafana's 24 columns.

Law: both dashboards have the same variables, links and notes, so that one leads to the other as it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from jobwatch.metrics import table
from tests.deploying.dashboards.asks import before, chosen, merged
from tests.deploying.dashboards.colours import Json
from tests.deploying.dashboards.panels import SOURCE_OF_DATA, Panel

SCHEMA = 41
"""That of Grafana 12.0 and 12.1, which later ones of the 12 series bring up by themselves."""

COLUMNS = 24
PAGE = "http://127.0.0.1:19870"
"""Where jobwatch's own page is, unless the variable says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A row with a title, and the panels under it."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    says: str
    sections: tuple[Section, ...]

    def drawn(self) -> Json:
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.says,
            "tags": ["jobwatch"],
            "schemaVersion": SCHEMA,
            "editable": True,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timepicker": {},
            "timezone": "browser",
            "fiscalYearStartMonth": 0,
            "weekStart": "",
            "templating": {"list": variables()},
            "annotations": {"list": notes()},
            "links": links(),
            "panels": list(rows(self.sections)),
        }


def placed(panels: tuple[Panel, ...], top: int) -> Iterator[tuple[Panel, Json]]:
    """Where each panel lies: from left to right, and in the next line where there is no room."""
    x, y, height = 0, top, 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, height = 0, y + height, 0
        yield panel, {"x": x, "y": y, "w": panel.width, "h": panel.height}
        x, height = x + panel.width, max(height, panel.height)


def rows(sections: tuple[Section, ...]) -> Iterator[Json]:
    """Everything under its heading. The panels of a folded row lie within it, as Grafana has them."""
    number, y = 0, 0
    for section in sections:
        number += 1
        heading: Json = {
            "id": number,
            "type": "row",
            "title": section.title,
            "collapsed": section.collapsed,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
        }
        found = list(placed(section.panels, y + 1))
        drawn = [panel.drawn(number + at, place) for at, (panel, place) in enumerate(found, 1)]
        number += len(drawn)
        bottom = max(place["y"] + place["h"] for _, place in found)
        y = y + 1 if section.collapsed else bottom
        yield {**heading, "panels": drawn} if section.collapsed else heading
        yield from () if section.collapsed else drawn


def variables() -> list[Json]:
    return [
        {
            "name": "datasource",
            "label": "Data source",
            "description": "The Prometheus that scrapes jobwatch.",
            "type": "datasource",
            "query": "prometheus",
            "refresh": 1,
        },
        _values("job", "Scraped as", table.BUILD_INFO, "Prometheus' name for the installation."),
        _values("source", "Source", table.SOURCE_INFO, "What is watched."),
        _values("receiver", "Receiver", table.OUTBOX_PENDING, "Who is told."),
        _values("instance", "Replica", table.BUILD_INFO, "For what each replica counts by itself."),
        {
            "name": "jobwatch_url",
            "label": "jobwatch's page",
            "description": "Where links to jobwatch's own page lead: http.public_url of its configuration.",
            "type": "textbox",
            "query": PAGE,
            "current": {"text": PAGE, "value": PAGE},
            "options": [{"text": PAGE, "value": PAGE, "selected": True}],
        },
    ]


def _values(name: str, label: str, metric: str, says: str) -> Json:
    narrowed = metric if name == "job" else f'{metric}{{job=~"$job"}}'
    query = f"label_values({narrowed}, {name})"
    return {
        "name": name,
        "label": label,
        "description": says,
        "type": "query",
        "datasource": SOURCE_OF_DATA,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def notes() -> list[Json]:
    """What is marked on every panel with a time axis. A step that differs from the one before is when it happened."""
    bad = 'outcome=~"failed|vanished"'
    began = chosen(table.RELOAD_SUCCESS_AT)
    running = f"count by (version) ({chosen(table.BUILD_INFO)}"
    return [
        {
            "builtIn": 1,
            "datasource": {"type": "grafana", "uid": "-- Grafana --"},
            "enable": True,
            "hide": True,
            "iconColor": "rgba(0, 211, 255, 1)",
            "name": "Annotations & Alerts",
            "type": "dashboard",
        },
        _note(
            "Jobs failed",
            "red",
            f"{merged('jobwatch_last_finished_timestamp_seconds', bad)} > "
            f"{before('jobwatch_last_finished_timestamp_seconds', bad)}",
            ("{{source}}: a job {{outcome}}", "{{operation}}", "source,outcome"),
        ),
        _note(
            "Started, reloaded or in sight again",
            "blue",
            f"{began} unless ({began} offset $__interval == {began})",
            ("jobwatch started, was reloaded, or is in sight again", "{{instance}}", "instance"),
        ),
        _note(
            "Another version",
            "purple",
            f"{running}) unless {running} offset $__interval)",
            ("jobwatch {{version}}", "first seen running", "version"),
        ),
    ]


def _note(name: str, colour: str, expression: str, told: tuple[str, str, str]) -> Json:
    title, text, keys = told
    return {
        "name": name,
        "datasource": SOURCE_OF_DATA,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "target": {"refId": "Anno", "expr": expression, "interval": "15s", "range": True},
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": keys,
        "useValueForTime": False,
    }


def links() -> list[Json]:
    """The other dashboard with the same choices, and jobwatch's own page, where reasons stand."""
    common: Json = {"icon": "external link", "keepTime": True, "includeVars": True}
    return [
        {
            **common,
            "title": "jobwatch dashboards",
            "tooltip": "The other dashboard, of the same time and choices",
            "type": "dashboards",
            "tags": ["jobwatch"],
            "asDropdown": False,
            "targetBlank": False,
        },
        *(
            {
                **common,
                "title": title,
                "tooltip": tooltip,
                "type": "link",
                "url": "${jobwatch_url:raw}" + path,
                "tags": [],
                "asDropdown": False,
                "targetBlank": True,
                "keepTime": False,
                "includeVars": False,
            }
            for title, path, tooltip in (
                ("jobwatch's page", "/", "Problems now, and the reasons of jobs that failed"),
                ("Failed jobs", "/jobs?outcome=failed", "Each with the cloud's reasons"),
            )
        ),
    ]
