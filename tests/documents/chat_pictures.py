"""Messages as a chat shows them: built by the format itself, laid out by hand.

Every word stands in what the receiver is sent. The frame around it is nobody's: chats look alike, and this is none of
them. A part of a message that is not known here is an error, so that nothing is left out in silence.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from jobwatch import formats
from jobwatch.core.documents import document, released
from jobwatch.core.encoding import encode
from jobwatch.core.events import EventType, JobEvent, Severity
from jobwatch.core.model import FailureReason, JobDetail, Outcome
from jobwatch.formats import FormatName
from jobwatch.formats.values import PLAIN, Mention, Recipient, Style, Told
from tests.factories import MINUTE, NOW, detail, event, job, origin, progress, snapshot

PUBLIC = "https://jobwatch.example.com"
CHINESE = Style(
    language="zh",
    timezone=ZoneInfo("Asia/Shanghai"),
    timezone_name="Asia/Shanghai",
    title_prefix="",
    mention=Mention(types=frozenset(), mobiles=(), everybody=False),
)
REPORT = {"bucket": "reports-1250000000", "prefix": "job-reports", "scope": "FailedTasks"}


def partly_failed() -> Told:
    """A job that the cloud calls complete, though some of its tasks failed."""
    ended = job(
        "Done",
        id="6f0c3b52-8a41-4c06-9d7e-2b1f5a9e7c10",
        operation="COSInitiateRestoreObject",
        description="restore 2019 photos",
        progress=progress(11_962, 38, 12_000),
        created_at=NOW - 62 * MINUTE,
        ended_at=NOW - MINUTE,
    )
    ended = replace(ended, status="Complete")
    told = _event(ended, EventType.COMPLETED_WITH_FAILURES, Severity.WARNING)
    assert told.snapshot.outcome is Outcome.COMPLETED_WITH_FAILURES
    return _told(told, detail(report=REPORT))


def failed() -> Told:
    """A job that failed, with the cloud's reason."""
    ended = job(
        "Failed",
        id="021140d8-67ca-4e89-8089-0de9a1e40943",
        operation="COSPutObjectCopy",
        description="迁移历史账单",
        progress=progress(760, 1240, 5000),
        created_at=NOW - 42 * MINUTE,
        ended_at=NOW - MINUTE,
    )
    why = FailureReason(
        code="FailureThresholdExceeded",
        message="More than 50% of the executed tasks have failed.",
    )
    return _told(
        _event(ended, EventType.FAILED, Severity.CRITICAL), detail(failures=(why,), report=REPORT)
    )


def _event(ended: Any, kind: EventType, severity: Severity) -> JobEvent:
    seen = snapshot(of=ended, started_at=NOW - 40 * MINUTE)
    place = origin(public_url=PUBLIC)
    return event(seen, type=kind, severity=severity, origin=place)


def _told(told: JobEvent, found: JobDetail) -> Told:
    shown = released(document(told, 42), found, None)
    return Told(id=str(shown["id"]), type=told.type.value, body=encode(shown))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A message for one format: the event, and how its receiver wants it."""

    told: Told
    style: Style
    clock: str

    def payload(self, name: FormatName) -> dict[str, Any]:
        """The body that the format builds."""
        team = Recipient(name="team", url="https://hooks.example.com/", style=self.style)
        body = formats.build(name, self.told, team, NOW).body
        assert body is not None
        sent: dict[str, Any] = json.loads(body)
        return sent


CHATS: dict[FormatName, Chat] = {
    "slack": Chat(told=partly_failed(), style=PLAIN, clock="20:00"),
    "feishu": Chat(told=failed(), style=CHINESE, clock="04:00"),
}


def page(name: FormatName, payload: dict[str, Any]) -> str:
    """The message as a page for a browser."""
    parts = slack_parts(payload) if name == "slack" else feishu_parts(payload)
    said = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="{CHATS[name].style.language}">\n<meta charset="utf-8">\n'
        f"<title>A message in a chat</title>\n<style>{STYLE}</style>\n"
        f'<div id="chat"><div class="who">j</div><div class="said">\n'
        f"<p><b>jobwatch</b> <small>{CHATS[name].clock}</small></p>\n{said}\n</div></div>\n</html>\n"
    )


def slack_parts(payload: dict[str, Any]) -> Iterator[str]:
    """Its blocks. `text` is what notifications and screen readers are given, and says the same."""
    for block in payload["blocks"]:
        words = block["text"]["text"]
        match block["type"], block["text"]["type"]:
            case "header", "plain_text":
                dot, title = words.split(" ", 1)
                yield f'<h1><i style="background: {DOTS[dot]}"></i>{escape(title)}</h1>'
            case "section", "plain_text":
                yield f"<p>{escape(words)}</p>"
            case "section", "mrkdwn" if words.startswith("<"):
                yield f'<p class="link">{escape(words.strip("<>").split("|", 1)[1])}</p>'
            case unknown:
                raise ValueError(unknown)


def feishu_parts(payload: dict[str, Any]) -> Iterator[str]:
    """Its card."""
    card = payload["card"]
    yield f'<div class="card {escape(card["header"]["template"])}">'
    yield f"<h1>{escape(card['header']['title']['content'])}</h1>"
    for element in card["elements"]:
        match element:
            case {"tag": "div", "fields": fields}:
                shown = (_feishu_field(field) for field in fields)
                yield f'<div class="fields">{"".join(shown)}</div>'
            case {"tag": "div", "text": {"tag": "plain_text", "content": words}}:
                yield f"<p>{escape(words)}</p>"
            case {"tag": "action", "actions": [{"tag": "button", "text": {"content": words}}]}:
                yield f'<p class="button">{escape(words)}</p>'
            case unknown:
                raise ValueError(unknown)
    yield "</div>"


def _feishu_field(field: dict[str, Any]) -> str:
    wide = "" if field["is_short"] else ' class="wide"'
    return f"<p{wide}>{escape(field['text']['content'])}</p>"


DOTS = {"🔴": "#d1242f", "🟠": "#e07b00", "🟢": "#1a7f37", "🔵": "#0b57b4"}
"""Drawn, because few machines have the letters."""

STYLE = """
:root { --paper: #fff; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --link: #0b57b4; --tile: #4a5a6a }
@media (prefers-color-scheme: dark) {
  :root { --paper: #161b22; --ink: #e6edf3; --soft: #9aa4ae; --line: #3a424c; --link: #6cb0ff; --tile: #5d7186 }
}
body { margin: 0; background: var(--paper) }
#chat { display: flex; gap: 12px; width: 456px; padding: 16px; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 10px; box-sizing: border-box;
  font: 15px/1.5 "DejaVu Sans", "Noto Sans CJK SC", sans-serif; letter-spacing: -.01em }
.who { flex: none; width: 36px; height: 36px; border-radius: 8px; background: var(--tile); color: #fff;
  font: bold 22px/34px "DejaVu Sans", sans-serif; text-align: center }
.said { flex: 1; min-width: 0; overflow-wrap: anywhere }
small { color: var(--soft); font-size: 13px }
i { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin-right: .4em }
h1 { margin: 4px 0 8px; font-size: 16.5px; line-height: 1.4 }
p { margin: 0 0 8px; white-space: pre-line }
p:last-child { margin-bottom: 0 }
.link { color: var(--link) }
.card { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; padding: 0 14px 14px }
.card h1 { margin: 0 -14px 12px; padding: 10px 14px; color: #fff }
.red h1 { background: #b3261e }
.orange h1 { background: #9a5b00 }
.green h1 { background: #1a7f37 }
.blue h1 { background: #0b57b4 }
.fields { display: flex; flex-wrap: wrap; gap: 4px 12px; margin-bottom: 12px; font-size: 13.5px }
.fields p { margin: 0; flex: 1 0 40% }
.fields .wide { flex-basis: 100% }
.button { display: inline-block; border: 1px solid var(--line); border-radius: 6px; padding: 4px 12px; color: var(--link) }
"""
