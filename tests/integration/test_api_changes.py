"""What changes something over HTTP: the same effects as the commands, at once, strictly read, and logged with who asked."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from jobwatch.core.outbox import DeliveryState
from jobwatch.store.values import DeliveryFilter
from jobwatch.web import Reloaded
from tests.api_rig import JSON, Api, api, give_up
from tests.contract.watcher import claim
from tests.factories import HOUR, job


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Api]:
    async with api(tmp_path) as made:
        yield made


async def test_a_delivery_that_was_given_up_is_sent_again_with_a_new_budget(served: Api) -> None:
    dead = (await give_up(served))[0]
    with capture_logs() as logs:
        answer = await served.order(f"/api/v1/deliveries/{dead}/redeliver")
    assert answer.status == 200
    assert answer.body["receiver_state"] == "failing"
    shown = answer.body["delivery"]
    assert (shown["id"], shown["state"], shown["manual"]) == (dead, "pending", True)
    (line,) = [each for each in logs if each["event"] == "delivery.redelivered"]
    assert (line["delivery_id"], line["peer"]) == (dead, "127.0.0.1")
    assert served.woken == [None]
    served.clock.advance(HOUR)
    (sent,) = await claim(served.store)
    assert (sent.id, sent.deadline) == (dead, served.clock() + 71 * HOUR)


async def test_a_delivery_that_waits_or_is_being_sent_is_not_sent_twice(served: Api) -> None:
    path = "/api/v1/deliveries/1/redeliver"
    waiting = await served.order(path)
    assert (waiting.status, waiting.code) == (409, "conflict")
    assert "waits to be sent already" in waiting.body["error"]["message"]
    await claim(served.store, limit=1)
    assert "is being sent already" in (await served.order(path)).body["error"]["message"]
    assert served.woken == []


async def test_what_nobody_would_send_to_is_not_sent_again(served: Api) -> None:
    dead = (await give_up(served))[0]
    del served.receivers["ops"]
    refused = await served.order(f"/api/v1/deliveries/{dead}/redeliver")
    assert (refused.status, refused.code) == (409, "conflict")
    assert "receiver ops is not configured (any more)" in refused.body["error"]["message"]
    row = await served.store.delivery(dead)
    assert row is not None
    assert row.state is DeliveryState.DEAD
    unknown = await served.order("/api/v1/deliveries/999/redeliver")
    assert (unknown.status, unknown.code) == (404, "not_found")


async def test_a_receiver_is_paused_and_resumed(served: Api) -> None:
    for changed in (True, False):
        answer = await served.order("/api/v1/receivers/ops/pause", {})
        assert (answer.status, answer.body["changed"]) == (200, changed)
        shown = answer.body["receiver"]
        assert (shown["state"], shown["reason"]) == ("paused", "command")
    assert await claim(served.store) == []
    served.clock.advance(HOUR)
    answer = await served.order("/api/v1/receivers/ops/resume")
    assert (answer.body["changed"], answer.body["receiver"]["state"]) == (True, "half_open")
    (sent, *_) = await claim(served.store)
    assert sent.deadline == served.clock() + 72 * HOUR
    assert (await served.order("/api/v1/receivers/chat/resume")).body["changed"] is False
    unknown = await served.order("/api/v1/receivers/nobody/pause")
    assert (unknown.status, unknown.body["error"]["allowed"]) == (404, ["chat", "ops"])


async def test_a_mute_silences_what_waits_and_ends(served: Api) -> None:
    order = {"job": "prod/a", "description": None, "for": "8h", "reason": " planned work "}
    with capture_logs() as logs:
        made = (await served.order("/api/v1/mutes", order)).body
        number = made["mute"]["id"]
        ended = await served.order(f"/api/v1/mutes/{number}", method="DELETE")
    assert (made["unfinished_jobs"], made["waiting_deliveries"], made["doubts"]) == (1, 1, [])
    assert (made["mute"]["reason"], made["mute"]["job"]) == ("planned work", "a")
    assert made["mute"]["expires_at"] == "2026-11-22T04:02:00Z"
    muted = await served.store.deliveries(DeliveryFilter(state=DeliveryState.MUTED), limit=9)
    assert [row.job_id for row in muted.rows] == ["a"]
    assert (ended.status, ended.body["ended"]) == (200, number)
    again = await served.order(f"/api/v1/mutes/{number}", method="DELETE")
    assert (again.status, again.code) == (404, "not_found")
    names = [each["event"] for each in logs if each["event"].startswith("mute.")]
    assert names == ["mute.created", "mute.ended"]


async def test_a_mute_that_fits_nothing_yet_says_so(served: Api) -> None:
    await served.vaults.sees(job(id="d/1", scope="v2"))
    for order, doubts in (
        ({"job": "prod/later"}, ["no job prod/later was seen yet; the mute waits for it"]),
        ({"source": "x*"}, ["no source fits x*; there are prod, vault_jobs"]),
        ({"description": "nightly*"}, []),
        ({"source": "*"}, []),
    ):
        made = await served.order("/api/v1/mutes", {**order, "for": "1m", "reason": "x"})
        assert (made.status, made.body["doubts"]) == (200, doubts)


LASTS = {"for": "8h", "reason": "x"}


async def test_an_order_that_is_not_understood_changes_nothing_and_says_why(served: Api) -> None:
    for body, code, words in (
        ({}, "bad_body", "for is missing"),
        ({"for": "8h"}, "bad_body", "reason is missing"),
        ({**LASTS}, "bad_value", "say what to mute: source, job or description"),
        ({**LASTS, "source": ""}, "bad_value", "source is empty"),
        ({**LASTS, "source": "a", "reason": " "}, "bad_value", "reason is empty"),
        ({**LASTS, "source": "nobody"}, "bad_value", "there is no source nobody"),
        ({**LASTS, "job": "prod"}, "bad_value", "prod names no job"),
        ({**LASTS, "job": "prod/a", "source": "prod"}, "bad_value", "leave source out"),
        ({**LASTS, "source": "*", "for": "1s"}, "bad_value", "from 1m to 90d"),
        ({**LASTS, "source": "*", "for": "91d"}, "bad_value", "from 1m to 90d"),
        ({**LASTS, "source": "*", "for": "8"}, "bad_value", "without a unit"),
        ({**LASTS, "source": "*", "for": "9" * 9000 + "h"}, "bad_value", "is not a duration"),
        ({**LASTS, "source": 7}, "bad_body", "source is no text"),
        ({**LASTS, "source": ["*"]}, "bad_body", "source is no text"),
        ({**LASTS, "source": "*", "until": "x"}, "bad_body", "there is no key until here"),
        ({**LASTS, "source": "\x00"}, "bad_value", "source holds what is no text"),
        ({**LASTS, "description": "\ud800"}, "bad_value", "holds what is no text"),
        ({**LASTS, "description": "*" * 5000}, "bad_value", "is longer than 2048 characters"),
        ([], "bad_body", "the body is no JSON object"),
        ("x", "bad_body", "the body is no JSON object"),
    ):
        answer = await served.order("/api/v1/mutes", body)
        assert (answer.status, answer.code) == (400, code), body
        assert words in answer.body["error"]["message"], body
    assert (await served.get("/api/v1/mutes?ended=true"))["mutes"] == []
    assert served.woken == []


async def test_a_body_that_is_no_json_is_refused(served: Api) -> None:
    for data in (
        *(b"{", b"\xff", b"nonsense", b"[" * 60_000, b'{"for": NaN}', b"1" + b"0" * 5000, b"null"),
        *(b'{"for": "1h", "for": "2h"}', b'{"reason": {"a": 1, "a": 2}}', b"\xef\xbb\xbf{}"),
    ):
        answer = await served.ask("/api/v1/mutes", "POST", data=data, headers=JSON)
        assert (answer.status, answer.code) == (400, "bad_body"), data[:30]


async def test_a_body_that_is_too_large_is_refused(served: Api) -> None:
    answer = await served.ask("/api/v1/mutes", "POST", data=b" " * 70_000, headers=JSON)
    assert answer.status == 413


FORMS = (
    None,
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/json",
)


async def test_what_a_form_of_another_site_could_send_changes_nothing(served: Api) -> None:
    for content_type in FORMS:
        headers = {} if content_type is None else {"Content-Type": content_type}
        how: dict[str, Any] = {"data": b"{}", "headers": headers}
        if content_type is None:
            how["skip_auto_headers"] = ["Content-Type"]
        for path in ("mutes", "receivers/ops/pause", "deliveries/1/redeliver"):
            assert (await served.ask(f"/api/v1/{path}", "POST", **how)).status == 415
    assert (await served.store.receivers(["ops"]))[0].state == "active"


async def test_a_reload_says_what_changed_or_why_it_was_refused(served: Api) -> None:
    served.reloads += [Reloaded(problems=("sources.prod: is wrong", "x")), Reloaded(changed=("a",))]
    with capture_logs() as logs:
        done = await served.ask("/-/reload", "POST")
        refused: Any = await served.ask("/-/reload", "POST")
    assert (done.status, done.body) == (200, {"changed": ["a"]})
    assert (refused.status, refused.code) == (422, "reload_refused")
    assert refused.body["problems"] == ["sources.prod: is wrong", "x"]
    lines = [each for each in logs if each["event"] == "reload.ordered"]
    assert [each["refused"] for each in lines] == [False, True]
