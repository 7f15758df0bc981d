"""The lists and the jobs of the JSON API over real sockets: the same documents as the command line's, in stable pages."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from jobwatch.core.documents import document
from jobwatch.core.events import EventType
from jobwatch.core.model import JobDetail, Outcome, Phase
from jobwatch.core.outbox import DeliveryState
from jobwatch.core.plan import SweepKind
from jobwatch.store.values import Release, SweepReport
from tests import factories
from tests.api_rig import HOSTILE_ID, Api, api, give_up
from tests.contract.watcher import Watcher
from tests.factories import MINUTE, job


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Api]:
    async with api(tmp_path) as made:
        yield made


async def ids(served: Api, query: str = "") -> list[str]:
    return [each["id"] for each in (await served.get(f"/api/v1/jobs{query}"))["jobs"]]


async def test_jobs_are_listed_newest_first_and_filtered(served: Api) -> None:
    for query, found in (
        ("", ["d/1", "e", "c", HOSTILE_ID, "a"]),
        ("?source=prod", ["e", "c", HOSTILE_ID, "a"]),
        ("?status=New", [HOSTILE_ID]),
        ("?phase=running&source=prod", ["a"]),
        ("?operation=Restore", []),
        ("?outcome=failed", ["c"]),
        ("?unfinished=true", ["d/1", HOSTILE_ID, "a"]),
        ("?unfinished=false", ["e", "c"]),
        ("?since=1m", ["d/1", "e", "c"]),
        ("?since=2026-11-21T20:01:00Z&until=2026-11-21T20:02:00%2B00:00", ["e", "c"]),
        ("?since=2026-11-21T20:02:00+00:00", ["d/1"]),
        ("?limit=1", ["d/1"]),
    ):
        assert await ids(served, query) == found, query


async def test_every_list_goes_on_where_its_cursor_says_while_rows_are_added(served: Api) -> None:
    for name in ("jobs", "events", "deliveries", "sources", "receivers"):
        whole = (await served.get(f"/api/v1/{name}"))[name]
        assert len(whole) > 1
        page = await served.get(f"/api/v1/{name}?limit=1")
        seen = page[name]
        while page["cursor"] is not None:
            served.clock.advance(MINUTE)
            await served.prod.sees(job(id=f"new-{name}-{len(seen)}"))
            path = f"/api/v1/{name}?limit=1&cursor={page['cursor']}"
            page = await served.get(path)
            seen += page[name]
        assert [(row.get("id"), row.get("name")) for row in seen] == [
            (row.get("id"), row.get("name")) for row in whole
        ]


async def test_mutes_are_paged_newest_first(served: Api) -> None:
    made = []
    for reason in "xyz":
        order = {"source": "prod", "for": "1h", "reason": reason}
        made.append((await served.order("/api/v1/mutes", order)).body["mute"])
    await served.order(f"/api/v1/mutes/{made[0]['id']}", method="DELETE")
    assert (await served.get("/api/v1/mutes"))["mutes"] == [made[2], made[1]]
    page = await served.get("/api/v1/mutes?ended=true&limit=2")
    assert [each["reason"] for each in page["mutes"]] == ["z", "y"]
    page = await served.get(f"/api/v1/mutes?ended=true&limit=2&cursor={page['cursor']}")
    assert [(each["reason"], each["holds"]) for each in page["mutes"]] == [("x", False)]
    assert page["cursor"] is None


async def test_a_cursor_holds_for_its_list_and_its_filters_alone(served: Api) -> None:
    cursor = (await served.get("/api/v1/jobs?limit=1&source=prod"))["cursor"]
    assert await ids(served, f"?source=prod&limit=2&cursor={cursor}") == ["c", HOSTILE_ID]
    for query in (
        f"jobs?limit=1&cursor={cursor}",
        f"jobs?limit=1&source=vault_jobs&cursor={cursor}",
        f"events?source=prod&cursor={cursor}",
        f"jobs?source=prod&cursor={cursor[:-2]}xx",
        f"jobs?source=prod&cursor={cursor}%F0%9F%98%80",
        "jobs?cursor=5.1.7",
        f"jobs?cursor={'9' * 2000}",
    ):
        answer = await served.ask(f"/api/v1/{query}")
        assert (answer.status, answer.code) == (400, "bad_cursor"), query


async def test_a_question_that_is_not_understood_is_refused_with_what_would_be_right(
    served: Api,
) -> None:
    for query, code, allowed in (
        ("jobs?state=New", "unknown_parameter", "status"),
        ("jobs?source=prod&source=prod", "repeated_parameter", None),
        ("jobs?phase=Running", "bad_value", Phase.RUNNING),
        ("jobs?outcome=ok", "bad_value", Outcome.FAILED),
        ("jobs?unfinished=yes", "bad_value", "true"),
        ("jobs?source=prodd", "bad_value", "prod"),
        ("jobs?status=", "bad_value", None),
        (f"jobs?status={'x' * 3000}", "bad_value", None),
        ("jobs?limit=0", "bad_value", None),
        ("jobs?limit=1001", "bad_value", None),
        (f"jobs?limit={'9' * 5000}", "bad_value", None),
        ("jobs?limit=%D9%A1", "bad_value", None),
        ("jobs?since=yesterday", "bad_value", None),
        ("jobs?since=2026-11-21T20:00:00", "bad_value", None),
        ("jobs?since=1m&until=2m", "bad_value", None),
        ("events?type=job.exploded", "bad_value", EventType.FAILED),
        ("events?after=1&since=1h", "bad_value", None),
        ("deliveries?state=lost", "bad_value", DeliveryState.DEAD),
        ("deliveries?since=1h", "unknown_parameter", "state"),
        ("receivers?state=up", "bad_value", "active"),
        ("mutes?ended=1", "bad_value", "true"),
        ("sources?source=nobody", "bad_value", "vault_jobs"),
        ("jobs/prod/a?limit=1", "unknown_parameter", None),
    ):
        answer = await served.ask(f"/api/v1/{query}")
        assert (answer.status, answer.code) == (400, code), query
        assert answer.body["error"]["message"]
        assert allowed is None or allowed in answer.body["error"]["allowed"], query


async def test_events_are_followed_as_they_are_recorded(served: Api) -> None:
    first = (await served.get("/api/v1/events?after=0"))["events"]
    assert [each["job_id"] for each in first] == ["a", HOSTILE_ID, "c", "e", "d/1"]
    last = first[-1]["position"]
    assert (await served.get(f"/api/v1/events?after={last}"))["events"] == []
    await served.prod.sees(job("Paused", id="a"))
    news = await served.get(f"/api/v1/events?after={last}")
    assert [each["type"] for each in news["events"]] == ["job.status_changed"]
    assert news["cursor"] is None


async def test_one_event_comes_with_its_deliveries_and_one_delivery_with_its_attempts(
    served: Api,
) -> None:
    await give_up(served)
    (event,) = (await served.get("/api/v1/events?type=job.failed"))["events"]
    whole = await served.get(f"/api/v1/events/{event['id']}")
    assert whole["event"] == event
    assert event["event"]["id"] == event["id"]
    assert {each["receiver"] for each in whole["deliveries"]} == {"chat", "ops"}
    dead = next(each for each in whole["deliveries"] if each["receiver"] == "ops")
    one = (await served.get(f"/api/v1/deliveries/{dead['id']}"))["delivery"]
    assert [each["result"] for each in one.pop("tries")] == ["http_5xx"]
    assert one == dead


async def test_a_job_is_shown_with_everything_that_became_of_it(served: Api) -> None:
    waiting = await served.store.awaiting_detail(served.prod.lease, limit=10)
    detail = JobDetail(job=job("Failed", id="c"), status_reason="half \ud800 a pair")
    await served.store.release(
        served.prod.lease, [Release(event_id=each.event_id, detail=detail) for each in waiting]
    )
    await give_up(served)
    whole = await served.get("/api/v1/jobs/prod/c")
    assert whole["as_of"] == "2026-11-21T20:02:00Z"
    assert (whole["job"]["id"], whole["job"]["outcome"]) == ("c", "failed")
    assert whole["detail"]["status_reason"] == "half \N{REPLACEMENT CHARACTER} a pair"
    (change,) = whole["changes"]
    assert change["routes"] == {"ops": "wanted", "chat": "wanted"}
    (event,) = whole["events"]
    assert (event["id"], event["routes"]) == (change["event_id"], change["routes"])
    assert {each["receiver"] for each in whole["deliveries"]} == {"ops", "chat"}
    tried = [each for each in whole["deliveries"] if each["tries"]]
    assert [each["receiver"] for each in tried] == ["ops"]
    assert whole["forecast"] == {"rate": None, "done_at": None}
    assert whole["cut"] is False


async def test_the_link_in_an_event_has_the_path_under_which_the_job_is_found(served: Api) -> None:
    origin = factories.origin(public_url="https://jobwatch.example.com/base/")
    for source, scope, job_id in (
        ("prod", "", "a"),
        ("prod", "", HOSTILE_ID),
        ("vault_jobs", "v/1", "d/1"),
    ):
        named = factories.snapshot(of=job(id=job_id, scope=scope))
        about = factories.event(
            named, origin=factories.origin(source=source, public_url=origin.public_url)
        )
        told: Any = document(about, 1)
        path = urlsplit(told["data"]["links"]["job"]).path.removeprefix("/base")
        found = (await served.get(f"/api/v1{path}"))["job"]
        assert (found["source"], found["scope"] or "", found["id"]) == (source, scope, job_id)


async def test_a_scope_may_be_left_out_where_one_job_alone_has_the_id(served: Api) -> None:
    path = f"/api/v1/jobs/vault_jobs/{quote('d/1', safe='')}"
    assert (await served.get(path))["job"]["scope"] == "v/1"
    await served.vaults.sees(job(id="d/1", scope="v2"))
    answer = await served.ask(path)
    assert (answer.status, answer.code) == (409, "ambiguous")
    assert answer.body["error"]["allowed"] == ["vault_jobs/v/1/d/1", "vault_jobs/v2/d/1"]


ABSENT = (
    *("nothing", "", "jobs/", "jobs/prod", "jobs/prod/nobody", "jobs/prod/%00%ff%ed%a0%80"),
    *(
        "jobs/nobody/a",
        "jobs/prod/x/y/z",
        "events/evt_nothing",
        "events/%00",
        "events/evt_1'--",
    ),
    *("deliveries/0", "deliveries/999999", "deliveries/x", f"deliveries/{'9' * 4000}"),
    *("deliveries/-1", "receivers?receiver=nobody", "jobs/prod/a/", "../../etc/passwd"),
)


async def test_what_is_not_there_is_404_in_json(served: Api) -> None:
    for path in ABSENT:
        answer = await served.ask(f"/api/v1/{path}")
        assert (answer.status, answer.code) == (404, "not_found"), path
        assert answer.headers["Content-Type"] == "application/json"


async def test_what_no_path_does_is_405_with_what_it_does(served: Api) -> None:
    for path, method, allowed in (
        ("/api/v1/jobs", "POST", "GET,HEAD"),
        ("/api/v1/mutes", "PUT", "GET,POST,HEAD"),
        ("/api/v1/deliveries/1/redeliver", "GET", "POST"),
        ("/-/reload", "GET", "POST"),
    ):
        answer = await served.ask(path, method)
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == allowed
        assert answer.body["error"]["allowed"] == allowed.split(",")


async def test_head_has_the_headers_and_no_body(served: Api) -> None:
    answer = await served.ask("/api/v1/jobs", "HEAD")
    assert (answer.status, answer.body) == (200, None)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Vary"] == "Accept-Encoding"


async def test_answers_are_compressed_for_who_asks_for_it(served: Api) -> None:
    for accepted, encoding in (("gzip", "gzip"), ("identity", None), ("gzip;q=0", None)):
        headers = {"Accept-Encoding": accepted}
        answer = await served.ask("/api/v1/jobs", headers=headers)
        assert answer.headers.get("Content-Encoding") == encoding
        assert len(answer.body["jobs"]) == 5


async def test_sources_say_how_old_their_data_is(served: Api) -> None:
    await sweep(served.prod)
    served.clock.advance(30 * MINUTE)
    sources = (await served.get("/api/v1/sources"))["sources"]
    assert [each["name"] for each in sources] == ["prod", "vault_jobs"]
    prod, vaults = sources
    assert prod["data_age_seconds"] == {"unfinished": 1800.0, "all": 1800.0}
    assert (prod["standing"], vaults["standing"]) == ("overdue", "not tried yet")
    assert (await served.get("/api/v1/jobs"))["data_at"] is None
    assert (await served.get("/api/v1/jobs?source=prod"))["data_at"] == prod["unfinished_data_at"]


async def sweep(watcher: Watcher) -> None:
    now = watcher.clock()
    await watcher.store.begin_sweep(watcher.lease, now)
    report = SweepReport(
        kind=SweepKind.FULL,
        started_at=now,
        finished_at=now,
        listed=4,
        unfinished=2,
        next_sweep_at=now + MINUTE,
    )
    await watcher.store.finish_sweep(watcher.lease, report)


async def test_a_store_that_is_not_open_is_said_in_json_with_when_to_ask_again(
    tmp_path: Path,
) -> None:
    async with api(tmp_path) as served:
        await served.store.close()
        for path, method in (("/api/v1/jobs", "GET"), ("/api/v1/mutes/1", "DELETE")):
            answer = await served.ask(path, method)
            assert (answer.status, answer.code) == (503, "unavailable")
            assert answer.headers["Retry-After"] == "5"


async def test_a_crowd_takes_turns_and_is_answered(served: Api) -> None:
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(served.get("/api/v1/jobs")) for _ in range(40)]
    assert all(len(each.result()["jobs"]) == 5 for each in asked)
