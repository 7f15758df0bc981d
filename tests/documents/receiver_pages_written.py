"""What stands in the blocks of the pages on receivers; `python -m tests.documents.receiver_pages_written` writes it there.

Law: nothing of it is written by hand: messages, requests, what `receivers test` prints, the last cell of each error.
"""

import asyncio
import json
import re
from typing import NamedTuple

from jobwatch.formats import FORMATS, FormatName
from tests.documents.receiver_errors import filled
from tests.documents.receiver_pages import (
    CHINESE,
    EVENT,
    FOLDER,
    as_json,
    as_read,
    headers_of,
    page,
    part,
    sections,
    sent,
)
from tests.documents.shown import fenced

ARRIVES = {"en": "What arrives", "zh": "收到的消息"}
CALLING = {"en": "Calling people", "zh": "@ 成员"}
TESTING = "Test it"
EVENTS = {"Prometheus Alertmanager": "job.stalled.opened"}
"""Sections that show another event than the failure of a job."""


class Shown(NamedTuple):
    """What stands in the first block of that kind under that title."""

    title: str
    kind: str
    text: str


def messages(name: FormatName, language: str) -> list[Shown]:
    """The messages of a part of a page: each is made by the configuration of its section, or by the page's first."""
    first, *_ = fenced(part(name, language), "yaml")
    found = []
    for title, text in sections(name, language).items():
        own = fenced(text, "yaml")
        if title in (ARRIVES[language], CALLING[language]) or fenced(text, "json"):
            request = sent(own[0] if own else first, EVENTS.get(title, EVENT))
            head = headers_of(request) if name == "standard" else ""
            body = as_json(json.loads(request.body)) + "\n"
            if fenced(text, "text"):
                found.append(Shown(title, "text", head or as_read(name, request.body)))
            if fenced(text, "json"):
                found.append(Shown(title, "json", body))
    return found


def replaced(text: str, shown: Shown) -> str:
    """A part of a page with this block instead of the one that is there."""
    head, title, rest = re.split(
        rf"^(##+ {re.escape(shown.title)}\n)", text, maxsplit=1, flags=re.MULTILINE
    )
    again = re.sub(
        rf"^```{shown.kind}\n.*?^```",
        lambda _: f"```{shown.kind}\n{shown.text}```",
        rest, count=1, flags=re.MULTILINE | re.DOTALL,
    )  # fmt: skip
    return head + title + again


def write(name: FormatName, printed: str) -> None:
    """Write what a page has to show into it."""
    parts = []
    for language in ("en", "zh"):
        text = filled(part(name, language), name, language)
        for each in messages(name, language):
            text = replaced(text, each)
        parts.append(text)
    parts[0] = replaced(parts[0], Shown(TESTING, "text", printed))
    (FOLDER / f"{name}.md").write_text(CHINESE.join(parts), encoding="utf-8")


async def write_all() -> None:
    """Write all pages."""
    from tests.documents.receiver_tries import REMOVED, tried  # noqa: PLC0415  brings the command line

    for name in FORMATS:
        write(name, (await tried(name)).stdout)
    well, gone = await tried("wecom"), await tried("wecom", REMOVED)
    index = replaced(page("index"), Shown("Try one", "text", well.stdout))
    index = replaced(index, Shown("One that fails", "text", gone.stdout + gone.stderr))
    (FOLDER / "index.md").write_text(index, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(write_all())
