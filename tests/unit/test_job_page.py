"""The page of one job: that it tells the story, and that nothing it tells becomes markup."""

from dataclasses import replace
from typing import Any

import pytest

from jobwatch.core.model import JobKey
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.rules import Rules
from jobwatch.store.glance_values import WholeStory
from jobwatch.store.values import AttemptRow, ChangeRow, JobRow
from jobwatch.story.explaining import Terms
from jobwatch.web.configured import Configured
from jobwatch.web.pages.absent_page import Missing, Unready, render_missing, render_unready
from jobwatch.web.pages.frame import Frame
from jobwatch.web.pages.job_page import LINES_SHOWN, JobView, render_job
from tests.factories import HOUR, MINUTE, NOW, SECOND, TABLE, job, progress, snapshot
from tests.html_page import HtmlPage
from tests.overviews import condition_row, delivery_row, state

HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"
FRAME = Frame(instance="jobwatch", version="0.1.0", now=NOW)
TERMS = Terms(
    rules=Rules(stalled_after=30 * MINUTE, remind_every=12 * HOUR),
    lifecycle=TABLE,
    every=30 * SECOND,
    vanished_after=10 * MINUTE,
)
CHANGE = ChangeRow(
    version=1,
    kind="discovered",
    status_before=None,
    status_after="Active",
    outcome=None,
    observed_at=NOW - HOUR,
    authority="listing",
    history=False,
    late=False,
    event_id="evt_1",
    routes={"ops": "wanted", "chat": "type_not_wanted"},
)
STALLED = condition_row()
SENT = delivery_row(
    event_id="evt_1",
    event_type="job.discovered",
    receiver="ops",
    state=DeliveryState.DEAD,
    attempts=1,
    created_at=NOW - HOUR,
    due_at=None,
    settled_at=NOW - MINUTE,
    last_result=Result.HTTP_5XX,
    last_status=500,
    last_answer="not now",
)
TRIED = AttemptRow(
    number=1,
    trigger="auto",
    started_at=NOW - HOUR,
    took=SECOND,
    result=Result.HTTP_5XX,
    status=500,
    answer="not now",
)


def html(of: JobRow | None = None, terms: Terms | None = TERMS, **fields: Any) -> str:
    row = of if of is not None else JobRow(source="prod", snapshot=snapshot())
    found = WholeStory(now=NOW, row=row, **({"state": state()} | fields))
    view = JobView(
        frame=FRAME, found=found, configured=Configured(instance="jobwatch"), terms=terms
    )
    return render_job(view)


def page(of: JobRow | None = None, **fields: Any) -> HtmlPage:
    return HtmlPage(html(of, **fields))


def test_a_job_is_told_with_who_was_told_and_who_was_not_and_why() -> None:
    text = page(changes=(CHANGE,), deliveries=((SENT, (TRIED,)),)).text
    assert "first seen: Active" in text
    assert "ops wants it; chat does not want this type" in text
    assert "ops, job.discovered: http_5xx (HTTP 500, 1.00 s, try 1): not now" in text
    assert "ops, job.discovered: given up (http_5xx (HTTP 500): not now)" in text


def test_a_job_shows_its_fields_and_leads_to_the_same_as_json() -> None:
    shown = page(JobRow(source="prod", snapshot=snapshot(of=job(scope="a/b", priority=7))))
    assert "priority 7" in shown.text
    assert "created 2026-11-21 19:00:00 UTC (1 h ago)" in shown.text
    assert "/api/v1/jobs/prod/a%2Fb/job-1" in shown.links
    assert {"/", "/?source=prod"} <= set(shown.links)


def test_what_is_open_and_what_the_rules_say_is_told() -> None:
    text = page(conditions=(STALLED,)).text
    assert "stalled 2 h" in text
    assert "stalled no:" in text
    assert "people are reminded that it is stalled" in text


def test_what_describe_job_adds_is_told_with_the_reasons_of_a_failure() -> None:
    detail: dict[str, object] = {
        "failures": [{"code": "NoManifest", "message": "gone"}],
        "role": "qcs::x",
    }
    failed = JobRow(source="prod", snapshot=snapshot("Failed"), detail=detail)
    text = page(failed).text
    assert "failed because NoManifest: gone" in text
    assert "role qcs::x" in text


def test_old_data_is_called_old() -> None:
    old = state(unfinished_data_at=NOW - HOUR)
    assert "This is how it was 1 h ago" in page(state=old).text
    assert "This is how it was" not in page().text
    ended = JobRow(source="prod", snapshot=snapshot("Done"))
    assert "This is how it was" not in page(ended, state=old).text


def test_a_source_that_is_not_configured_any_more_has_no_rules() -> None:
    text = page(terms=None, state=None).text
    assert "What the rules say" not in text
    assert "What happened" in text


def test_a_story_without_end_shows_its_end() -> None:
    changes = tuple(
        replace(
            CHANGE, version=number, status_after=f"S{number}", observed_at=NOW + number * SECOND
        )
        for number in range(LINES_SHOWN + 50)
    )
    shown = page(changes=changes)
    assert "the latest; older lines are left out here" in shown.text
    assert "S249" in shown.text
    assert "S49 " not in shown.text


@pytest.mark.parametrize("text", [HOSTILE, "\u202eevil", "evil\x00\x1b"])
def test_text_from_outside_stays_text(text: str) -> None:
    told = JobRow(
        source="prod",
        snapshot=snapshot(
            of=replace(job(description=text, id=text, operation=text, scope=text), status=text)
        ),
        detail={"failures": [{"code": text, "message": text}], text: text, "fields": {text: text}},
    )
    shown = page(
        told,
        changes=(replace(CHANGE, status_after=text, kind=text, routes={text: text}),),
        deliveries=((replace(SENT, last_answer=text), (replace(TRIED, answer=text),)),),
    )
    assert "script" not in shown.tags
    assert not {"\u202e", "\x00", "\x1b"} & set(shown.text)
    assert not [name for name, _ in shown.attributes if name.startswith("on")]
    assert all(link.startswith(("/", "#", "?")) for link in shown.links)


def test_a_job_that_is_not_there_says_why_and_leads_home() -> None:
    shown = HtmlPage(render_missing(Missing(frame=FRAME, words=f"No job {HOSTILE}")))
    assert f"No job {HOSTILE}" in shown.text
    assert "/" in shown.links


def test_jobs_of_one_id_are_offered() -> None:
    others = (JobKey("backup", "x"), JobKey("a/b", "x"))
    shown = HtmlPage(render_missing(Missing(frame=FRAME, words="", source="vaults", others=others)))
    assert {"/jobs/vaults/backup/x", "/jobs/vaults/a%2Fb/x"} <= set(shown.links)


def test_a_daemon_that_cannot_read_says_what_it_waits_for() -> None:
    waiting = Unready(frame=FRAME, missing=("the store is held by host:1",), loops=("sweep prod",))
    shown = HtmlPage(render_unready(waiting))
    assert "the store is held by host:1" in shown.text
    assert "the loop sweep prod hangs" in shown.text
    assert ("http-equiv", "refresh") in shown.attributes


def test_progress_is_drawn() -> None:
    shown = page(JobRow(source="prod", snapshot=snapshot(of=job(progress=progress(4, 1)))))
    assert ("aria-label", "50 % finished, 1 failed") in shown.attributes
