"""What the tests of messages, Slack and Teams share: documents as stored, and what strangers may write into them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from jobwatch.core.conditions import ConditionName, ConditionNote, ConditionState
from jobwatch.core.documents import document, released
from jobwatch.core.encoding import encode
from jobwatch.core.events import Count, DigestEvent, EventType, Severity, SourceEvent
from jobwatch.core.model import FailureReason
from jobwatch.core.news import condition_event
from jobwatch.core.overview import LastError
from jobwatch.formats.values import PLAIN, Mention, Recipient, Style, Told
from tests.factories import (
    EXAMPLE_ID,
    MINUTE,
    NOW,
    SECOND,
    detail,
    job,
    origin,
    progress,
    snapshot,
    with_job,
)

PAYLOADS = Path(__file__).parent.parent / "samples" / "payloads"
PUBLIC = "https://jobwatch.example.com"
URL = "https://hooks.example.com/services/T0canary/B0canary/Kcanary?sig=canary-key"

CHINESE = Style(
    language="zh",
    timezone=ZoneInfo("Asia/Shanghai"),
    timezone_name="Asia/Shanghai",
    title_prefix="[jobwatch]",
    mention=Mention(types=frozenset({"job.failed"}), everybody=True),
)
REPORT = {"bucket": "reports-1250000000", "prefix": "nightly/", "scope": "FailedTasksOnly"}
NOTE = ConditionNote(
    name=ConditionName.STALLED,
    state=ConditionState.OPENED,
    id="cnd_5z2ckqhnts4ypq4f7zzdjp5vye",
    since=NOW - 45 * MINUTE,
)
TYPES = [each.value for each in EventType]


def read(told: Any) -> dict[str, Any]:
    """A document as a format reads it."""
    found = json.loads(encode(told))
    assert isinstance(found, dict)
    return found


def partly_failed(**fields: Any) -> dict[str, Any]:
    ended = with_job(status="Complete", **fields)
    told = replace(ended, type=EventType.COMPLETED_WITH_FAILURES, severity=Severity.WARNING)
    ended_snapshot = replace(told.snapshot, outcome=told.snapshot.job.outcome)
    shown = document(replace(told, snapshot=ended_snapshot), 42)
    shown["data"]["job"]["outcome"] = "completed_with_failures"  # type: ignore[index]
    return read(released(shown, detail(report=REPORT, manifest={"object": "list.csv"}), None))


def failed(**fields: Any) -> dict[str, Any]:
    reasons = (FailureReason(code="AccessDenied", message="the role may not read the manifest"),)
    why = detail(status_reason="manifest cannot be read", failures=reasons, report=REPORT)
    return read(released(document(with_job(**fields), 42), why, None))


def stalled(state: ConditionState, **fields: Any) -> dict[str, Any]:
    running = job("Active", id=EXAMPLE_ID, progress=progress(1_203_400, 12, total=2_000_000))
    note = replace(NOTE, state=state, **fields)
    place = origin(public_url=PUBLIC)
    return read(document(condition_event(note, snapshot(of=running), place, observed_at=NOW), 43))


def unreachable(**fields: Any) -> dict[str, Any]:
    told = SourceEvent(
        type=EventType.UNREACHABLE,
        severity=Severity.CRITICAL,
        origin=origin(public_url=PUBLIC, labels={"team": "data"}),
        observed_at=NOW,
        condition=replace(NOTE, name=ConditionName.UNREACHABLE),
        error=LastError(
            at=NOW,
            error_class="Denied",
            code="AccessDenied",
            message="you may not",
            request_id="NTk0NTRjZjZfNTViMjM1",
        ),
        since=NOW - 45 * MINUTE,
        last_sweep_at=NOW - 46 * MINUTE,
    )
    return read(document(replace(told, **fields), 44))


def digest(samples: int = 4) -> dict[str, Any]:
    told = DigestEvent(
        origin=origin(source="", public_url=PUBLIC),
        severity=Severity.CRITICAL,
        receiver="ops",
        observed_at=NOW,
        began_at=NOW - MINUTE,
        ended_at=NOW - 2 * SECOND,
        counts=(
            Count(
                source="prod",
                type=EventType.FAILED,
                severity=Severity.CRITICAL,
                count=35,
                tasks=350,
                tasks_failed=210,
            ),
            Count(
                source="test",
                type=EventType.FAILED,
                severity=Severity.CRITICAL,
                count=1,
                tasks=10,
                tasks_failed=6,
            ),
            Count(source="prod", type=EventType.STALLED, severity=Severity.INFO, count=1),
        ),
        samples=tuple(failed() for _ in range(samples)),
    )
    return read(document(told, 45))


GOLDEN: dict[str, tuple[dict[str, Any], Style]] = {
    "completed_with_failures": (partly_failed(), PLAIN),
    "failed_zh": (failed(), CHINESE),
    "stalled_opened": (stalled(ConditionState.OPENED), PLAIN),
    "stalled_closed": (stalled(ConditionState.CLOSED), PLAIN),
    "unreachable": (unreachable(), PLAIN),
    "digest": (digest(), PLAIN),
}
"""What is kept as a file for every format."""


def recipient(style: Style = PLAIN, **fields: Any) -> Recipient:
    return Recipient(name="ops", url=URL, style=style, **fields)


def told(shown: dict[str, Any]) -> Told:
    body = json.dumps(shown, ensure_ascii=False).encode(errors="replace")
    return Told(id=str(shown.get("id")), type=str(shown.get("type")), body=body)


MARKUP = [
    "<!channel>",
    "<!everyone|x>",
    "<@U012AB3CD>",
    "<https://evil.example|click>",
    "[click](https://evil.example)",
    "*bold* _slanted_ ~gone~",
    "`code` ```fence```",
    "&lt;!channel&gt;",
    ":rotating_light:",
    "{{DATE(2026-11-21T20:00:00Z,SHORT)}} {{{TIME(x)}}}",
    "# headline",
    "> quote",
    '"}],"text":"<!channel>',
]
"""What somebody may write into a description, or a cloud into a reason."""

TEXTS = st.builds(
    lambda text, times: text * times,
    st.text(
        st.characters() | st.sampled_from("<>&*`[]{}\\\"'\n\u202e\u200b\U0001f600"), max_size=12
    ),
    st.sampled_from([1, 1, 30, 1000]),
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**30, max_value=10**40)
    | st.floats()
    | TEXTS
    | st.sampled_from(["of", "failed", "other", "digest_short", "opened", "closed", "span", "a.b"])
    | st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-11-21"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=3,
)


@st.composite
def odd_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A document with some parts gone or replaced by anything, at any depth."""
    shown = draw(st.sampled_from([each for each, _ in GOLDEN.values()]))
    odd = json.loads(json.dumps(shown))
    odd["type"] = draw(
        st.sampled_from([*TYPES, "job.new_kind", "digest_short", "label.reason", "of"])
    )
    for _ in range(draw(st.integers(min_value=1, max_value=6))):
        _spoil(draw, odd)
    return dict(odd)


def _spoil(draw: st.DrawFn, part: Any) -> None:
    while isinstance(part, dict | list) and part:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        key = draw(st.sampled_from(keys))
        deeper = isinstance(part[key], dict | list) and bool(part[key])
        if deeper and draw(st.integers(min_value=0, max_value=7)):
            part = part[key]
        elif isinstance(part, dict) and draw(st.booleans()):
            del part[key]
            return
        else:
            part[key] = draw(ANYTHING)
            return
