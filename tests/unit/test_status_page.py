"""The status page: what it tells, and that nothing it tells becomes markup."""

from dataclasses import replace
from typing import Any

import pytest

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.forecast import Sample
from jobwatch.core.model import Outcome
from jobwatch.core.muting import Mute, Silence
from jobwatch.core.overview import SourceKeys
from jobwatch.store.glance_values import Lately, SeenJob
from jobwatch.store.values import ConditionRow, JobRow
from jobwatch.web.pages.frame import style_hash
from tests.factories import DAY, ENDED_JOBS, HOUR, MINUTE, NOW, SECOND, job, progress, snapshot
from tests.overviews import last_error, last_sweep, spending
from tests.status_rig import FRAME, html, page, receiver, row, source, state, unfinished

HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"
STALLED = ConditionRow(
    id="cnd_1",
    name="stalled",
    since=NOW - 2 * HOUR,
    opened_at=NOW - HOUR,
    reminded_at=None,
    reminders=0,
    closed_at=None,
)


def test_a_page_without_trouble_says_so_first() -> None:
    shown = page()
    assert shown.text.index("All is well") < shown.text.index("Unfinished jobs")
    assert "as of 2026-11-21 20:00:00 UTC" in shown.text
    assert "1 of 1" in shown.text


def test_what_is_wrong_stands_above_everything_and_leads_there() -> None:
    failing = state(failures=4, failing_since=NOW - 2 * MINUTE, last_error=last_error())
    shown = page(
        sources=[source(failing, up=False, conditions=(("stalled", 2),))],
        receivers=[receiver(state=ReceiverState.PAUSED, reason="gone", pending=3)],
        loops=["notify ops"],
    )
    problems = shown.text.partition("4 problems")[2].partition("sources up to date")[0]
    assert "jobwatch the loop notify ops hangs" in problems
    assert "source prod cannot be read for 2 min: AccessDenied" in problems
    assert "receiver ops paused: it said that it is gone" in problems
    assert "jobs 2 stalled" in problems
    assert {"#source-prod", "#receiver-ops", "#trouble"} <= set(shown.links)
    assert "All is well" not in shown.text


def test_a_hundred_broken_sources_do_not_bury_the_rest() -> None:
    broken = [source(state(failures=1), name=f"s{number}", up=False) for number in range(100)]
    assert "and 92 more sources" in page(sources=broken).text


def test_a_full_disk_is_named_once_for_all_the_loops_it_stops() -> None:
    full = "the disk of the store is full <0 KiB left>; make room"
    shown = page(ailing={"poller:prod": full, "notifier:ops": full, "prune": "another"})
    problems = shown.text.partition("2 problems")[2].partition("sources up to date")[0]
    assert f"jobwatch notifier:ops and 1 more loop cannot work: {full}" in problems
    assert "jobwatch prune cannot work: another" in problems


def test_a_configuration_that_was_refused_is_a_problem_until_one_holds() -> None:
    assert "configuration its last change was not taken up" in page(refused=True).text
    assert "not taken up" not in page().text


def test_who_is_paused_is_resumed_by_the_whole_command() -> None:
    shown = page(receivers=[receiver(state=ReceiverState.PAUSED, reason="command")])
    assert "paused: by command; resume it with jobwatch receivers resume ops" in shown.text


def test_what_readiness_waits_for_is_said() -> None:
    assert (
        "not ready: source new was not attempted yet"
        in page(missing=["source new was not attempted yet"]).text
    )


def test_the_age_of_a_sources_data_is_told() -> None:
    text = page().text
    assert "data 12 s old, read every 30 s" in text
    assert "3 unfinished of 1,200 listed" in text
    assert "all jobs listed 5 min ago, every 10 min" in text


def test_a_source_that_was_never_read_says_never() -> None:
    assert "data: never" in page(sources=[source(None, up=False)]).text


def test_a_failing_source_tells_since_when_and_why() -> None:
    known = state(failures=4, failing_since=NOW - 2 * MINUTE, last_error=last_error())
    text = page(sources=[source(known, up=False)]).text
    assert "cannot be read" in text
    assert "failing for 2 min, 4 sweeps in a row" in text
    assert "AccessDenied: no right to list (1 min ago, request req-1)" in text


def test_an_error_that_is_over_is_told_as_such() -> None:
    assert (
        "last error, recovered since: AccessDenied"
        in page(sources=[source(state(last_error=last_error()))]).text
    )


def test_a_scope_that_is_overdue_is_marked_as_such() -> None:
    late = source(state(), up=False, overdue=("all",))
    shown = page(sources=[late])
    assert "all jobs listed 5 min ago, every 10 min: overdue" in shown.text
    assert "read every 30 s: overdue" not in shown.text
    both = page(sources=[replace(late, overdue=("unfinished", "all"))])
    assert "data 12 s old, read every 30 s: overdue" in both.text


def test_many_sources_are_folded_away_but_for_those_that_need_a_look() -> None:
    many = [source(state(), name=f"s{number}") for number in range(20)]
    shown = page(sources=[*many, source(state(failures=1), name="bad", up=False)])
    assert "20 sources up to date" in shown.text
    assert shown.ids.index("source-bad") < shown.ids.index("source-s0")


def test_an_unfinished_job_is_shown_with_its_progress() -> None:
    made = row(progress=progress(succeeded=3, failed=1), created_at=NOW - 2 * HOUR)
    shown = page(glance=unfinished(made))
    assert "nightly copy" in shown.text
    assert "40 %" in shown.text
    assert "4 of 10 tasks, 1 failed" in shown.text
    assert "prod/job-1 Copy in this status for 10 min created 2 h ago" in shown.text
    assert ("aria-label", "40 % finished, 1 failed") in shown.attributes
    assert ("width", "30.00") in shown.attributes
    assert "/jobs/prod/job-1" in shown.links


def test_a_running_job_tells_when_it_will_be_done_and_how_that_is_known() -> None:
    samples = (Sample(NOW - 10 * MINUTE, 1000, 0, 0), Sample(NOW - 12 * SECOND, 1000, 500, 0))
    running = row(progress=progress(succeeded=500, total=1000))
    seen = SeenJob(row=running, samples=samples)
    text = page(glance={"unfinished": (seen,), "unfinished_of": {"prod": 1}}).text
    assert "about 9 min 36 s left, at the pace of the last 9 min (3,061 tasks an hour)" in text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (progress(total=0), "tasks not counted yet"),
        (progress(succeeded=0), "0 % 0 of 10 tasks"),
    ],
)
def test_a_job_that_has_not_begun_says_so(given: Any, words: str) -> None:
    assert words in page(glance=unfinished(row(progress=given))).text


def test_a_job_without_counters_has_no_bar() -> None:
    shown = page(glance=unfinished(row(progress=None)))
    assert "svg" not in shown.tags
    assert "tasks" not in shown.text


def test_a_job_of_a_source_that_is_behind_says_of_when_it_is() -> None:
    behind = source(state(failures=2), up=False)
    assert "as of 12 s ago" in page(sources=[behind], glance=unfinished(row())).text
    assert "as of 12 s ago" not in page(glance=unfinished(row())).text


def test_a_job_in_trouble_stands_on_top_and_only_there() -> None:
    seen = SeenJob(row=row(), conditions=(STALLED,))
    calm = SeenJob(row=row(id="job-2", description="calm"))
    shown = page(
        sources=[source(state(), conditions=(("stalled", 1),))],
        glance={
            "troubled": (seen,),
            "unfinished": (calm, seen),
            "unfinished_of": {"prod": 2},
        },
    )
    assert "Jobs in trouble 1" in shown.text
    assert "stalled 2 h" in shown.text
    assert shown.links.count("/jobs/prod/job-1") == 1
    assert "Unfinished jobs 2, 1 of them above" in shown.text


def test_a_list_that_is_cut_says_of_how_many_and_leads_to_all() -> None:
    shown = page(glance=unfinished(row(), row(id="job-2"), total=1234))
    assert "Unfinished jobs 1,234, here the 2 that changed last" in shown.text
    assert "/jobs?show=unfinished" in shown.links


@pytest.mark.parametrize("outcome", list(ENDED_JOBS))
def test_an_ending_is_told_with_its_outcome(outcome: Outcome) -> None:
    ended = JobRow(source="prod", snapshot=snapshot(of=ENDED_JOBS[outcome]))
    text = page(glance={"endings": (ended,)}).text
    assert outcome.value.replace("_", " ") in text
    assert "ended 1 min ago" in text


def test_an_ending_tells_why() -> None:
    reason: dict[str, object] = {"failures": [{"code": "NoManifest", "message": "it is not there"}]}
    ended = JobRow(source="prod", snapshot=snapshot("Failed"), detail=reason)
    assert "NoManifest: it is not there" in page(glance={"endings": (ended,)}).text


def test_an_ending_without_a_time_of_its_own_tells_when_it_was_seen() -> None:
    gone = JobRow(source="prod", snapshot=snapshot(of=job(), outcome=Outcome.VANISHED))
    text = page(glance={"endings": (gone,)}).text
    assert "vanished" in text
    assert "seen ended 10 min ago" in text


def test_failures_of_the_last_day_are_counted() -> None:
    lately = Lately(outcomes={"failed": 2, "vanished": 1, "succeeded": 4}, cut=True)
    text = page(glance={"lately": lately}).text
    assert "at least 7" in text.partition("ended in a day")[2][:20]
    assert text.partition("of them failed")[2].startswith(" 3 ")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "all told"),
        ({"pending": 5, "oldest_at": NOW - MINUTE}, "5 waiting, the oldest for 1 min"),
        ({"dead": 2}, "2 given up and kept"),
        ({"last_success_at": NOW - HOUR}, "last accepted: 1 h ago"),
        ({"last_error": "http_5xx (500): no"}, "last error: http_5xx (500): no"),
        (
            {
                "state": ReceiverState.FAILING,
                "reason": "timeout",
                "failures": 5,
                "failing_since": NOW - HOUR,
                "open_until": NOW + MINUTE,
            },
            "failing for 1 h, 5 failures in a row: no answer in time left alone for another 1 min",
        ),
    ],
)
def test_a_receiver_tells_how_it_fares(fields: dict[str, Any], words: str) -> None:
    assert words in page(receivers=[receiver(**fields)]).text


def test_a_mute_tells_what_it_silences_and_for_how_long() -> None:
    mute = Mute(
        id=1,
        silence=Silence(source="prod", reason="moving house"),
        created_at=NOW,
        expires_at=NOW + 8 * HOUR,
    )
    text = page(glance={"mutes": (mute,)}).text
    assert "source prod for another 8 h: moving house" in text


def test_an_empty_installation_says_what_is_missing() -> None:
    text = page(sources=[], receivers=[]).text
    assert "Nothing is watched" in text
    assert "No source is configured." in text
    assert "nobody is told" in text


def hostile(text: str) -> dict[str, Any]:
    """A page on which everything from outside is this."""
    told = JobRow(
        source="prod",
        snapshot=snapshot(
            of=replace(job(description=text, id=text, operation=text, scope=text), status=text)
        ),
        detail={"failures": [{"code": text, "message": text}]},
    )
    known = state(
        failures=1,
        failing_since=NOW,
        last_error=last_error(code=text, message=text, request_id=text),
        last_sweep=last_sweep(kind=text, reason=text, refused=(text,)),
        keys=SourceKeys(kind=text, expires_at=NOW),
        spending=spending(withheld_until=NOW + HOUR, withheld_reason=text),
    )
    mute = Mute(
        id=1,
        silence=Silence(job=text, description=text, reason=text),
        created_at=NOW,
        expires_at=NOW + DAY,
    )
    seen = SeenJob(row=told, conditions=(STALLED,))
    return {
        "sources": [source(known, conditions=((text, 1),))],
        "receivers": [receiver(last_error=text)],
        "missing": [text],
        "glance": {
            "unfinished": (seen,),
            "troubled": (seen,),
            "unfinished_of": {"prod": 1},
            "endings": (told,),
            "mutes": (mute,),
        },
    }


def test_text_from_outside_never_becomes_markup() -> None:
    shown = page(**hostile(HOSTILE))
    assert "script" not in shown.tags
    assert HOSTILE in shown.text
    assert not [name for name, _ in shown.attributes if name.startswith("on")]
    assert not [link for link in shown.links if not link.startswith(("/", "#", "?"))]


@pytest.mark.parametrize("odd", ["\u202e", "\u2066", "\x1b", "\x00", "\ud800", "\u0085"])
def test_nothing_from_outside_steers_its_surroundings(odd: str) -> None:
    text = html(**hostile(f"evil{odd}text"))
    assert odd not in text
    assert "evil" in text
    text.encode()


def test_the_page_loads_nothing_and_refreshes_itself() -> None:
    shown = page(glance=unfinished(row()))
    assert not {"script", "img", "link", "iframe", "form"} & set(shown.tags)
    assert not {"src", "style", "action"} & {name for name, _ in shown.attributes}
    assert ("http-equiv", "refresh") in shown.attributes
    assert ("content", "15") in shown.attributes
    assert ("content", "width=device-width, initial-scale=1") in shown.attributes


def test_who_reads_can_stop_the_page_from_refreshing() -> None:
    assert "?refresh=0" in page().links
    still = page(frame=replace(FRAME, refresh=False, other="?source=prod"))
    assert ("http-equiv", "refresh") not in still.attributes
    assert "?source=prod" in still.links


def test_every_place_that_is_linked_within_the_page_is_there() -> None:
    shown = page(**hostile(HOSTILE))
    assert {link[1:] for link in shown.links if link.startswith("#")} <= set(shown.ids)
    assert len(shown.ids) == len(set(shown.ids))


def test_the_style_sheet_knows_light_and_dark_and_is_named_by_its_hash() -> None:
    assert "prefers-color-scheme: dark" in html()
    assert style_hash().startswith("'sha256-")
