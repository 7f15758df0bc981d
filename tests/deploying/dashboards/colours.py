"""One colour for each word that a label may have: green is well, blue is under way, yellow waits, orange and red are trouble.

Law: a word has the same colour on every panel.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]
Steps = tuple[tuple[float, str], ...]
"""Values from which on a colour holds."""

GREY = "#8e8e8e"

OF_WORDS = {
    # outcomes of jobs, results of tasks
    "succeeded": "green",
    "completed_with_failures": "orange",
    "failed": "red",
    "cancelled": GREY,
    "vanished": "purple",
    "remaining": "blue",
    # statuses in the cloud
    "New": "super-light-blue",
    "Preparing": "light-blue",
    "Ready": "semi-dark-blue",
    "Active": "blue",
    "InProgress": "blue",
    "Suspended": "yellow",
    "Pausing": "light-yellow",
    "Paused": "dark-yellow",
    "Completing": "light-green",
    "Failing": "light-red",
    "Cancelling": "#b8b8b8",
    "Complete": "green",
    "Succeeded": "green",
    "Failed": "red",
    "Cancelled": GREY,
    "unknown": "purple",
    # conditions of jobs
    "stalled": "light-orange",
    "stuck": "dark-orange",
    "waiting": "yellow",
    "overdue": "dark-purple",
    "failing": "orange",
    # states of receivers
    "active": "green",
    "half_open": "yellow",
    "paused": "red",
    # results of calls and of attempts
    "ok": "green",
    "throttled": "yellow",
    "rate_limited": "yellow",
    "denied": "dark-red",
    "auth": "dark-red",
    "not_found": "light-blue",
    "gone": "dark-blue",
    "rejected": "orange",
    "server_error": "red",
    "http_5xx": "red",
    "http_4xx": "light-orange",
    "timeout": "purple",
    "network": "dark-purple",
    "connect": "dark-purple",
    "dns": "light-purple",
    "reset": "semi-dark-purple",
    "tls": "super-light-purple",
    "malformed": "dark-orange",
    "blocked": "dark-yellow",
    "redirect": "light-yellow",
    "too_large": "semi-dark-orange",
    "body_error": "light-red",
    "render_error": "semi-dark-red",
    # deliveries
    "delivered": "green",
    "dead": "red",
    "superseded": "blue",
    "absorbed": "light-blue",
    "expired": "orange",
    "muted": GREY,
    # sweeps, and what they cover
    "hot": "light-blue",
    "full": "dark-blue",
    "unfinished": "light-blue",
    "all": "dark-blue",
    # whether something is so
    "yes": "green",
    "no": "red",
    # events
    "job.succeeded": "green",
    "job.completed_with_failures": "orange",
    "job.failed": "red",
    "job.cancelled": GREY,
    "job.vanished": "purple",
    "job.discovered": "super-light-blue",
    "job.status_changed": "light-blue",
    "job.stalled": "light-orange",
    "job.stuck": "dark-orange",
    "job.waiting": "yellow",
    "job.overdue": "dark-purple",
    "job.failing": "light-red",
    "job.output_expiring": "dark-yellow",
    "source.unreachable": "dark-red",
    "source.suspect": "semi-dark-red",
    "source.baselined": "dark-blue",
}


def override(name: str, **properties: Any) -> Json:
    """What is otherwise for the field of a name; `custom__width` stands for `custom.width`."""
    found = [{"id": key.replace("__", "."), "value": each} for key, each in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": found}


def coloured(words: Iterable[str]) -> list[Json]:
    """The colours of words, for lines and bars that are called so."""
    return [
        override(str(word), color={"mode": "fixed", "fixedColor": OF_WORDS[word]})
        for word in dict.fromkeys(words)
    ]


def mapping(words: Mapping[str, str]) -> list[Json]:
    """How values are shown as coloured words. The key is the value, what it maps to is the word."""
    results = {
        value: {"text": word, "color": OF_WORDS[word], "index": index}
        for index, (value, word) in enumerate(words.items())
    }
    return [{"type": "value", "options": results}]


def thresholds(steps: Steps, first: str) -> Json:
    """Colours from a value on; `first` is that of what lies below them all."""
    found: list[Json] = [{"color": first, "value": None}]
    return {
        "mode": "absolute",
        "steps": found + [{"color": name, "value": value} for value, name in steps],
    }
