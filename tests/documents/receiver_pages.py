"""The pages on receivers, cut into their parts, and what a configuration on them makes of an event.

Law: what a page shows of a message is what its own configuration, the block above it, makes of one sample event.
`python -m tests.documents.receiver_pages_written` writes it into the pages again.
"""

import json
import re
import tempfile
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from jobwatch.core.http import HttpRequest
from jobwatch.core.samples import samples
from jobwatch.formats import FormatName, Told, build
from jobwatch.settings import Settings, live_recipient
from tests.unit.settings_cases import SECRET, SOURCE, read

FOLDER = Path(__file__).parents[2] / "docs" / "receivers"
CHINESE = "\n## 中文\n"
NOW = datetime(2026, 11, 21, 20, 0, 5, tzinfo=UTC)
SAMPLES = {each.name: each for each in samples()}
EVENT = "job.failed"
WIDTH = 116

MARKDOWN: dict[FormatName, tuple[str, ...]] = {"wecom": ("content",), "dingtalk": ("text",)}
"""Formats whose message is one text: it is shown as it is sent."""

_MARKUP = re.compile(r"</?font[^>]*>|^### |^> |\*\*|`", re.MULTILINE)
_LINK = re.compile(r"\[([^]]+)\]\(https?://[^)]+\)|<https?://[^|>]+\|([^>]+)>")
_CALLS = {"<!channel>": "@channel", "<at id=all></at>": "@all"}
_READ = frozenset({"text", "content", "title"})


def page(name: str) -> str:
    """The text of a page."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def part(name: str, language: str) -> str:
    """The English or the Chinese part of a page."""
    english, _, chinese = page(name).partition(CHINESE)
    return english if language == "en" else chinese


def sections(name: str, language: str) -> dict[str, str]:
    """The sections of a part by their titles; "" is what stands before them."""
    return _sections(part(name, language), "## " if language == "en" else "### ")


@lru_cache(maxsize=64)
def _sections(text: str, mark: str) -> dict[str, str]:
    found, title, fenced = {"": ""}, "", False
    for line in text.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        if line.startswith(mark) and not fenced:
            title = line.removeprefix(mark).strip()
            found[title] = ""
        else:
            found[title] += line
    return found


def tree_of(block: str) -> dict[str, Any]:
    """A configuration of which a page shows the receivers."""
    shown = yaml.safe_load(block.replace("whsec_…", SECRET))
    return {**yaml.safe_load(SOURCE), **shown}


def settings_of(tree: dict[str, Any]) -> Settings:
    """What is configured so."""
    with tempfile.TemporaryDirectory() as folder:
        return read(Path(folder), yaml.safe_dump(tree, allow_unicode=True)).settings


@lru_cache(maxsize=128)
def sent(block: str, event: str = EVENT) -> HttpRequest:
    """The request that the only receiver of a configuration is sent."""
    settings = settings_of(tree_of(block))
    (name,) = settings.receivers
    recipient = live_recipient(settings, name).current()
    sample = SAMPLES[event]
    told = Told(id=sample.id, type=sample.event.type.value, body=sample.body)
    return build(settings.receivers[name].format, told, recipient, NOW)


def as_read(name: FormatName, body: bytes) -> str:
    """What a message says, as it is sent where it is one text, else line by line as people read it."""
    keys = MARKDOWN.get(name, ())
    found = [each for key, each in _texts(json.loads(body)) if not keys or key in keys]
    text = "\n".join(found)
    return f"{text}\n" if keys else f"{readable(text)}\n"


def readable(text: str) -> str:
    """A text without its markup."""
    for markup, words in _CALLS.items():
        text = text.replace(markup, words)
    text = _LINK.sub(lambda link: link[1] or link[2], _MARKUP.sub("", text))
    return "\n".join(filter(None, text.splitlines()))


def _texts(value: Any, key: str = "") -> list[tuple[str, str]]:
    """The texts of a payload that people read; what stands in one block of a card is one line."""
    if isinstance(value, str):
        return [(key, value)] if key in _READ else []
    if isinstance(value, list):
        return [each for part in value for each in _texts(part, key)]
    if not isinstance(value, dict):
        return []
    if "inlines" in value:
        return [("text", "".join(run["text"] for run in value["inlines"]))]
    skipped = {"text"} if "blocks" in value else set()  # Slack's notification says the title again
    return [each for k, inner in value.items() if k not in skipped for each in _texts(inner, k)]


def as_json(value: Any, indent: int = 0) -> str:
    """JSON for people: on one line what fits there."""
    flat = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list) or len(flat) + indent <= WIDTH:
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        lines = [f"{json.dumps(k)}: {as_json(each, indent + 2)}" for k, each in value.items()]
        return "{\n" + ",\n".join(inner + line for line in lines) + "\n" + " " * indent + "}"
    lines = [as_json(each, indent + 2) for each in value]
    return "[\n" + ",\n".join(inner + line for line in lines) + "\n" + " " * indent + "]"


def headers_of(request: HttpRequest) -> str:
    """A request without its body, as `receivers test` writes it."""
    lines = [f"{request.method} {request.url}"]
    return "\n".join([*lines, *(f"{k}: {v}" for k, v in request.headers.items())]) + "\n"
