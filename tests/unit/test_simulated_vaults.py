"""The simulated CAS without a socket: what it answers, and who may ask."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from jobwatch.simulator import faults as f
from jobwatch.simulator.answers import Question, Refusal
from jobwatch.simulator.quirks import PLAIN, LastToken, Quirks
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.vault_answers import refuse_as_cas, respond_vaults
from jobwatch.simulator.vault_job import Condition, Inventory, VaultJob
from jobwatch.simulator.vault_markup import Place, VaultWriter
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOST = "https://cas.ap-chengdu.myqcloud.com"
PLACE = Place(appid="1250000000", region="ap-chengdu")


def job(job_id: str = "a", **changes: Any) -> JobScript:
    steps = (Step("InProgress", HOUR), Step("Succeeded"))
    given = {"operation": "ArchiveRetrieval", "vault_job": VaultJob(), "steps": steps, "total": 0}
    return JobScript(**{"id": job_id, "created_at": T0, **given, **changes})


def ask(target: str, **headers: str) -> Question:
    parts = urlsplit(target)
    return Question(
        method="GET",
        url=HOST + target,
        path=unquote(parts.path),
        query=parse_qs(parts.query, keep_blank_values=True),
        headers=headers,
    )


def told(target: str, vaults: VaultWorld, quirks: Quirks = PLAIN, now: datetime = T0) -> Any:
    answer = respond_vaults(ask(target), vaults, VaultWriter(quirks), PLACE, now)
    assert (answer.status, answer.content_type) == (200, "application/json")
    return json.loads(answer.body)


def ids(target: str, world: World, now: datetime = T0) -> list[str]:
    return [each["JobId"] for each in told(target, VaultWorld({"v": world}), now=now)["JobList"]]


# ── the answers ──────────────────────────────────────────────────────────────────────


def test_a_running_job_reads_as_the_sample_of_the_command_line_tool() -> None:
    created = datetime(2017, 8, 29, 8, 29, 41, tzinfo=UTC)
    inventory = VaultJob(inventory=Inventory(), inventory_size=1234)
    script = job(
        "-Id_1", created_at=created, description="",
        operation="InventoryRetrieval", vault_job=inventory,
    )  # fmt: skip
    vaults = VaultWorld({"v": World([script])})
    shown = told("/-/vaults/v/jobs/-Id_1", vaults, replace(PLAIN, odd_qcs=True), created)
    assert shown == {
        "Action": "InventoryRetrieval",
        "JobId": "-Id_1",
        "JobDescription": "",
        "CallBackUrl": "",
        "CreationDate": "2017-08-29T08:29:41.000Z",
        "CompletionDate": None,
        "Completed": False,
        "StatusCode": "InProgress",
        "StatusMessage": "InProgress",
        "VaultQCS": "qcs:id/0:cas:ap-chengdu:uid/1250000000:vaults/v",
        "InventorySizeInBytes": None,
        "InventoryRetrievalParameters": {"Format": "JSON"},
    }
    assert told("/-/vaults/v/jobs", vaults, now=created)["JobList"] == [
        {**shown, "VaultQCS": "qcs::cas:ap-chengdu:uid/1250000000:vaults/v"}
    ]
    over = told("/-/vaults/v/jobs/-Id_1", vaults, now=created + timedelta(hours=1))
    assert (over["Completed"], over["StatusCode"]) == (True, "Succeeded")
    assert over["CompletionDate"] == "2017-08-29T09:29:41.000Z"
    assert over["InventorySizeInBytes"] == "1234"


EVERYTHING = VaultJob(
    callback="http://c", archive_id="A", archive_size=5, archive_hash="h", range_hash="r",
    byte_range="0-4", tier="Bulk", inventory_size=6, bucket="b", object="o", marker="m",
    archive_description="d", inventory=Inventory(start_date="1", end_date="2", limit="3", marker="4"),
    condition=Condition(
        if_modified_since="1", if_unmodified_since="2", if_match="3", if_none_match="4"
    ),
)  # fmt: skip
CONDITION = {
    "If-Modified-Since": "1", "If-Umodified-Since": "2", "If-Match": "3", "If-None-Match": "4",
}  # fmt: skip


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("ArchiveRetrieval", {
            "ArchiveId": "A", "ArchiveSizeInBytes": 5, "ArchiveSHA256TreeHash": "h",
            "RetrievalByteRange": "0-4", "SHA256TreeHash": "r", "Tier": "Bulk",
        }),
        ("InventoryRetrieval", {
            "InventorySizeInBytes": "6",
            "InventoryRetrievalParameters": {
                "Format": "JSON", "StartDate": "1", "EndDate": "2", "Limit": "3", "Marker": "4",
            },
        }),
        ("PushToCOS", {
            "Marker": "m", "ArchiveId": "A", "ArchiveSizeInBytes": 5, "RetrievalByteRange": "0-4",
            "Bucket": "b", "Object": "o", "Tier": "Bulk",
        }),
        ("PullFromCOS", {
            "Marker": "m", "ArchiveId": "A", "ArchiveSizeInBytes": 5, "Bucket": "b", "Object": "o",
            "Range": "0-4", "Condition": CONDITION, "ArchiveDescription": "d",
        }),
    ],
)  # fmt: skip
def test_every_type_has_the_fields_of_its_table(action: str, fields: dict[str, Any]) -> None:
    script = job(operation=action, vault_job=EVERYTHING, steps=(Step("Succeeded"),))
    shown = told("/-/vaults/v/jobs/a", VaultWorld({"v": World([script])}))
    assert list(shown)[9] == "VaultQCS"
    assert {name: shown[name] for name in list(shown)[10:]} == fields


def test_a_failed_job_is_completed_with_its_message_and_in_milliseconds() -> None:
    life = (Step("InProgress", timedelta(seconds=1.2345)), Step("Failed", reason="no archive"))
    vaults = VaultWorld({"v": World([job(steps=life)])})
    failed = told("/-/vaults/v/jobs/a", vaults, now=T0 + HOUR)
    assert [failed[name] for name in ("Completed", "StatusCode", "StatusMessage")] == [
        True, "Failed", "no archive",
    ]  # fmt: skip
    assert failed["CompletionDate"] == "2026-11-21T20:00:01.234Z"
    vaults["v"].set("a", T0, status="InProgress", reason="")
    again = told("/-/vaults/v/jobs/a", vaults)
    assert (again["Completed"], again["CompletionDate"]) == (False, None)


def test_vaults_are_listed_by_name_from_their_marker_and_come_and_go() -> None:
    vaults = VaultWorld({name: World() for name in ("c", "a", "b")})
    first = told("/-/vaults?limit=2", vaults)
    assert [each["VaultName"] for each in first["VaultList"]] == ["a", "b"]
    assert first["Marker"] == "qcs::cas:ap-chengdu:uid/1250000000:vaults/c"
    vaults.remove("c")
    vaults.add("d", World([job("x")]))
    rest = told(f"/-/vaults?marker={first['Marker']}", vaults)
    assert [each["VaultName"] for each in rest["VaultList"]] == ["d"]
    assert rest["Marker"] is None
    assert told("/-/vaults?limit=&marker=", vaults)["VaultList"][0]["VaultName"] == "a"
    assert len(told("/-/vaults/d/jobs?limit=&marker=&statuscode=", vaults)["JobList"]) == 1


def test_listings_are_filtered_and_paged() -> None:
    ended = [
        job(name, steps=(Step(status),)) for name, status in (("b", "Failed"), ("d", "Succeeded"))
    ]
    world = World([job("a"), job("c"), *ended])
    listing = "/-/vaults/v/jobs"
    assert ids(listing, world) == ["a", "b", "c", "d"]
    assert ids(f"{listing}?statuscode=InProgress", world) == ["a", "c"]
    assert ids(f"{listing}?completed=true", world) == ["b", "d"]
    assert ids(f"{listing}?completed=false&statuscode=Failed", world) == []
    assert ids(f"{listing}?completed=true&limit=1&marker=a", world) == ["b"]
    page = told(f"{listing}?limit=3&marker=a", VaultWorld({"v": world}))
    assert ([each["JobId"] for each in page["JobList"]], page["Marker"]) == (["b", "c", "d"], None)
    assert told(f"{listing}?limit=2", VaultWorld({"v": world}))["Marker"] == "b"


@pytest.mark.parametrize(
    ("quirks", "last"),
    [
        (Quirks(null_marker=True), [None]),
        (Quirks(null_marker=False, last_token=LastToken.ABSENT), []),
        (Quirks(null_marker=False, last_token=LastToken.EMPTY), [""]),
        (Quirks(last_token=LastToken.ECHO), ["a"]),
    ],
)
def test_the_last_page_ends_as_chosen(quirks: Quirks, last: list[str | None]) -> None:
    vaults = VaultWorld({"v": World([job("a")])})
    page = told("/-/vaults/v/jobs", vaults, quirks)
    assert [page[name] for name in page if name == "Marker"] == last
    beyond = told("/-/vaults/v/jobs?marker=a", vaults, quirks)
    assert beyond["JobList"] == []
    assert [beyond[name] for name in beyond if name == "Marker"] == last


@pytest.mark.parametrize(
    ("target", "status", "code", "about"),
    [
        ("/-/vaults/nobody/jobs", 404, "ResourceNotFoundException", "Vault not found for QCS: qcs::cas:"),
        ("/-/vaults/nobody/jobs/a", 404, "ResourceNotFoundException", "Vault not found for QCS: qcs::cas:"),
        ("/-/vaults/v/jobs/nobody", 404, "ResourceNotFoundException", "The job ID was not found: nobody"),
        ("/-/vaults/v/jobs?marker=nobody", 400, "InvalidParameterValueException", "marker"),
        ("/-/vaults/v/jobs?statuscode=Done", 400, "InvalidParameterValueException", "statuscode"),
        ("/-/vaults/v/jobs?statuscode=a&statuscode=b", 400, "InvalidParameterValueException", "stat"),
        ("/-/vaults/v/jobs?completed=yes", 400, "InvalidParameterValueException", "completed"),
        ("/-/vaults/v/jobs?limit=1001", 400, "InvalidParameterValueException", "limit"),
        ("/-/vaults?limit=0", 400, "InvalidParameterValueException", "limit"),
        ("/-/vaults?limit=ten", 400, "InvalidParameterValueException", "limit"),
        ("/-/vaults/v", 400, "BadRequest", "processed"),
        ("/-/", 400, "BadRequest", "processed"),
    ],
)  # fmt: skip
def test_refusals_have_the_codes_of_cas(target: str, status: int, code: str, about: str) -> None:
    with pytest.raises(Refusal) as caught:
        told(target, VaultWorld({"v": World([job()])}))
    answer = refuse_as_cas(caught.value, VaultWriter(PLAIN))
    said = json.loads(answer.body)
    assert (answer.status, said["code"], said["type"]) == (status, code, "client")
    assert about in said["message"]


@pytest.mark.parametrize(
    ("said", "status", "code", "kind"),
    [
        (f.SLOW_DOWN, 400, "ThrottlingException", "client"),
        (f.TOO_MANY, 400, "ThrottlingException", "client"),
        (f.INTERNAL, 500, "ServiceUnavailableException", "server"),
        (f.UNAVAILABLE, 500, "ServiceUnavailableException", "server"),
        (f.TIMEOUT, 408, "RequestTimeoutException", "client"),
        (f.DENIED, 403, "AccessDeniedException", "client"),
        (f.EXPIRED_TOKEN, 403, "ExpiredTokenException", "client"),
        (f.TOKEN_REJECTED, 400, "InvalidParameterValueException", "client"),
        (f.NO_SUCH_JOB, 404, "ResourceNotFoundException", "client"),
        (f.Say(status=400, code="LimitExceededException"), 400, "LimitExceededException", "client"),
    ],
)
def test_what_cos_refuses_cas_refuses_in_its_own_words(
    said: f.Say, status: int, code: str, kind: str
) -> None:
    refusal = Refusal(status=said.status, code=said.code, message=said.message)
    answer = refuse_as_cas(refusal, VaultWriter(PLAIN))
    words = json.loads(answer.body)
    assert (answer.status, words["code"], words["type"]) == (status, code, kind)
    assert "nextToken" not in words["message"]


def test_a_mix_of_quirks_spells_jobs_in_each_way() -> None:
    script = job(
        vault_job=EVERYTHING,
        operation="PullFromCOS",
        description="归档",
        steps=(Step("Succeeded"),),
    )
    inventory = replace(
        script, operation="InventoryRetrieval", vault_job=VaultJob(inventory_size=700)
    )
    cases = (
        (inventory, "text_sizes", b'"700"'),
        (inventory, "nulls", b"null"),
        (script, "odd_condition", b"If-Umodified-Since"),
        (script, "escapes", b"\\u"),
        (script, "spaces", b'": '),
    )
    for given, option, mark in cases:
        many = {str(n): replace(given, id=str(n)) for n in range(40)}
        vaults = VaultWorld({"v": World(many.values())})
        shown = []
        for choice in (True, False, None):
            options: dict[str, Any] = {option: choice}
            writer = VaultWriter(replace(PLAIN, **options))
            jobs = [
                respond_vaults(ask(f"/-/vaults/v/jobs/{n}"), vaults, writer, PLACE, T0).body
                for n in many
            ]
            shown.append(sum(mark in each for each in jobs))
        assert shown[:2] == [40, 0], option
        assert 5 < shown[2] < 35, option
