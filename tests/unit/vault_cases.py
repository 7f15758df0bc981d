"""What the tests of vault jobs share: their events as stored, and a recipient of every format."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from jobwatch.core.documents import document, released
from jobwatch.core.encoding import encode
from jobwatch.core.events import EventType, JobEvent, Severity
from jobwatch.core.model import Job, JobDetail, Origin, Phase
from jobwatch.core.news import expiring_event
from jobwatch.core.samples import Sample, samples
from jobwatch.formats import FORMATS, FormatName, build
from jobwatch.formats.values import PLAIN, Recipient, Style, Told
from tests.factories import HOUR, MINUTE, NOW, event, origin, snapshot

VAULTS = {each.name: each for each in samples() if each.event.scope}
HERE = origin(source="vault_jobs", provider="cas", public_url="https://jobwatch.example.com")
LIFE = timedelta(hours=24)
URL = "https://hooks.example.com/canary"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the Standard Webhooks libraries' own
TEMPLATE = (
    "{{ {'title': message.title, 'summary': message.summary, 'tone': message.tone,"
    " 'facts': message.facts}|tojson }}"
)
_STATUSES = {"InProgress": Phase.RUNNING, "Succeeded": Phase.SUCCEEDED, "Failed": Phase.FAILED}

__all__ = ["FORMATS", "Sample"]


def vault_job(status: str = "Succeeded", **fields: Any) -> Job:
    """An archive retrieval that ended a minute ago."""
    ended_at = None if status == "InProgress" else NOW - MINUTE
    defaults: dict[str, Any] = {
        "id": "-J_1",
        "scope": "backup_1",
        "operation": "ArchiveRetrieval",
        "created_at": NOW - 4 * HOUR,
        "ended_at": ended_at,
        "output_expires_at": ended_at + LIFE if ended_at and status == "Succeeded" else None,
    }
    return Job(status=status, phase=_STATUSES[status], **(defaults | fields))


def ended(of: Job, answer: JobDetail | None = None, **fields: Any) -> dict[str, Any]:
    """The stored event of its end."""
    failed = of.phase is Phase.FAILED
    told = event(
        snapshot(of=of),
        type=EventType.FAILED if failed else EventType.SUCCEEDED,
        severity=Severity.CRITICAL if failed else Severity.INFO,
        origin=HERE,
        previous_status="InProgress",
        **fields,
    )
    error = None if answer else "timeout"
    return stored(released(document(told, 7), answer, error))


def expiring(left: timedelta, where: Origin = HERE, **fields: Any) -> dict[str, Any]:
    """The stored reminder of output that can be fetched for so long."""
    of = vault_job(output_expires_at=NOW + left, **fields)
    return stored(document(reminder(of, where), 8))


def reminder(of: Job, where: Origin = HERE) -> JobEvent:
    return expiring_event(snapshot(of=of), where, NOW)


def stored(doc: dict[str, object]) -> dict[str, Any]:
    found = json.loads(encode(doc))
    assert isinstance(found, dict)
    return found


def recipient(name: FormatName, style: Style = PLAIN) -> Recipient:
    """Somebody who takes this format, without what would change with the time of day."""
    to = Recipient(name="ops", url=URL, style=style)
    match name:
        case "standard":
            return replace(to, secrets=(SECRET,))
        case "template":
            return replace(to, template=TEMPLATE)
        case "pagerduty":
            return replace(to, routing_key="R0123456789abcdefghijklmnopqrstu")
        case _:
            return to


def sent(name: FormatName, shown: dict[str, Any], style: Style = PLAIN) -> dict[str, Any]:
    """What a receiver of this format reads."""
    body = json.dumps(shown, ensure_ascii=False).encode(errors="replace")
    told = Told(id=shown["id"], type=shown["type"], body=body)
    found = json.loads(build(name, told, recipient(name, style), NOW).body)
    assert isinstance(found, dict)
    return found
