"""The codec of Cloud Archive Storage: table, settings, requests, vaults."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from jobwatch.core.codec import Credentials, Known, Provider, Signing, Walk
from jobwatch.core.errors import ApiError, Malformed, TokenRejected
from jobwatch.core.http import HttpResponse
from jobwatch.core.model import JobKey, Phase
from jobwatch.providers import open_provider
from jobwatch.providers.cas import LIFECYCLE, OPERATIONS, Cas, CasSettings, VaultList
from jobwatch.providers.signing import Canon, VerifyFailure, verify
from tests.cas_samples import ANSWERED, PROVIDER

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
KEYS = Credentials(secret_id="id", secret_key="key")
TEMPORARY = Credentials(secret_id="id", secret_key="key", token="token")
SIGNING = Signing(credentials=KEYS, now=NOW)
HOST = "https://cas.ap-chengdu.myqcloud.com"


def settings(**changes: Any) -> CasSettings:
    return CasSettings.model_validate({"kind": "cas", "region": "ap-chengdu"} | changes)


def vault_list(*vaults: str, uid: str = "-") -> VaultList:
    scopes = Cas(settings(uid=uid, vaults=vaults)).scopes
    assert isinstance(scopes, VaultList)
    return scopes


def listing(*vaults: object, **fields: Any) -> HttpResponse:
    body = json.dumps({"VaultList": vaults, "Marker": None} | fields).encode()
    return HttpResponse(status=200, headers=ANSWERED, body=body)


# ── the table ───────────────────────────────────────────────────────────────────────────────────


def test_a_vault_job_runs_and_then_succeeds_or_fails() -> None:
    assert LIFECYCLE.statuses == ("InProgress", "Succeeded", "Failed")
    assert LIFECYCLE.unfinished == ("InProgress",)
    assert LIFECYCLE.works("InProgress")
    assert not LIFECYCLE.passing
    assert [LIFECYCLE.needs_detail(each) for each in LIFECYCLE.statuses] == [False, True, True]
    assert all(LIFECYCLE.is_behind("InProgress", end) for end in ("Succeeded", "Failed"))
    assert not LIFECYCLE.reachable("Succeeded", "Failed")


@pytest.mark.parametrize(
    ("word", "status", "phase"),
    [
        ("inprogress", "InProgress", Phase.RUNNING),
        ("SUCCEEDED", "Succeeded", Phase.SUCCEEDED),
        ("failed", "Failed", Phase.FAILED),
        ("Expired", "Expired", Phase.UNKNOWN),
    ],
)
def test_statuses_are_compared_whatever_their_case(word: str, status: str, phase: Phase) -> None:
    assert LIFECYCLE.read(word) == (status, phase)


def test_the_provider_is_what_its_settings_say() -> None:
    provider: Provider = open_provider(PROVIDER.settings)
    assert (provider.kind, provider.region, provider.account) == ("cas", "ap-chengdu", "1250000000")
    assert (provider.operations, provider.page_size) == (OPERATIONS, 1000)
    assert provider.calls == ("ListVaults", "ListJobs", "DescribeJob")
    assert open_provider(settings()).account == "-"


# ── settings ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("uid", ["-", "1250000000", 1250000000], ids=repr)
def test_the_account_is_a_number_or_that_of_the_keys(uid: object) -> None:
    assert settings(uid=uid).uid == str(uid)


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": "--"},
        {"uid": ""},
        {"uid": "1" * 21},
        {"uid": "١٢"},
        {"uid": None},
        {"uid": True},
        {"vaults": []},
        {"vaults": None},
        {"vaults": "*"},
        {"vaults": [" a"]},
        {"vaults": ["a\n"]},
        {"vaults": ["\ud800"]},
        {"vaults": ["a/b"]},
        {"vaults": ["a" * 256]},
        {"region": "AP"},
        {"uin": "1"},
        {"endpoint": "http://cas.example.com"},
        {"endpoint": "https://cas.example.com/vaults"},
    ],
    ids=ascii,
)
def test_settings_that_cannot_be_right_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)


def test_the_endpoint_follows_from_the_region_unless_given() -> None:
    assert settings().base_url == HOST
    assert settings(endpoint="http://127.0.0.1:9/").base_url == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("vaults", "scopes"),
    [
        (["b", "a"], ("b", "a")),
        (["a", "a", 7], ("a", "7")),
        (["*"], None),
        (["a", "b?"], None),
        (["[ab]"], None),
    ],
)
def test_vaults_are_scopes_where_every_one_is_named(
    vaults: list[str], scopes: tuple[str, ...] | None
) -> None:
    found = Cas(settings(vaults=vaults)).scopes
    assert found == scopes if scopes else isinstance(found, VaultList)


# ── requests ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("walk", "token", "target"),
    [
        (Walk("backup_1"), None, "/1250000000/vaults/backup_1/jobs?limit=1000"),
        (
            Walk("backup_1", "InProgress"),
            None,
            "/1250000000/vaults/backup_1/jobs?limit=1000&statuscode=InProgress",
        ),
        (
            Walk("a b/é.."),
            "aB/c+d e~*",
            "/1250000000/vaults/a%20b%2F%C3%A9../jobs?limit=1000&marker=aB%2Fc%2Bd%20e~%2A",
        ),
        (Walk(".."), None, "/1250000000/vaults/%2E%2E/jobs?limit=1000"),
    ],
)
def test_a_page_is_asked_for_and_signed_as_it_is_sent(
    walk: Walk, token: str | None, target: str
) -> None:
    request = PROVIDER.list_jobs(walk, token, SIGNING)
    assert (request.method, request.url, request.body) == ("GET", HOST + target, b"")
    assert verify(request, KEYS, canon=Canon.LOWERCASE, now=NOW) is None


def test_values_are_signed_in_lower_case_and_sent_as_they_are() -> None:
    request = PROVIDER.list_jobs(Walk("backup_1", "InProgress"), None, SIGNING)
    assert request.url.endswith("statuscode=InProgress")
    assert verify(request, KEYS, now=NOW) is VerifyFailure.SIGNATURE_DOES_NOT_MATCH


def test_only_the_host_is_signed_and_the_token_of_temporary_keys() -> None:
    request = PROVIDER.list_jobs(Walk("backup_1"), None, SIGNING)
    assert set(request.headers) == {"Host", "Authorization"}
    assert "q-header-list=host&" in request.headers["Authorization"]
    temporary = Signing(credentials=TEMPORARY, now=NOW)
    request = PROVIDER.describe_job(JobKey("v", "j"), temporary)
    assert request.headers["x-cos-security-token"] == "token"
    assert verify(request, TEMPORARY, canon=Canon.LOWERCASE, now=NOW) is None


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (JobKey("v", "-oCXak_Job"), "/-/vaults/v/jobs/-oCXak_Job"),
        (JobKey("v", "_x"), "/-/vaults/v/jobs/_x"),
        (JobKey("v", "a/../b c?d#é"), "/-/vaults/v/jobs/a%2F..%2Fb%20c%3Fd%23%C3%A9"),
        (JobKey(".", ".."), "/-/vaults/%2E/jobs/%2E%2E"),
    ],
)
def test_vault_and_job_are_one_segment_each(key: JobKey, path: str) -> None:
    request = Cas(settings()).describe_job(key, SIGNING)
    assert urlsplit(request.url).path == path
    assert verify(request, KEYS, canon=Canon.LOWERCASE, now=NOW) is None


# ── vaults ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("token", "query"),
    [
        (None, "limit=1000"),
        (
            "qcs::cas:ap-chengdu:uid/1:vaults/B",
            "limit=1000&marker=qcs%3A%3Acas%3Aap-chengdu%3Auid%2F1%3Avaults%2FB",
        ),
    ],
)
def test_vaults_are_asked_for_from_the_marker_on(token: str | None, query: str) -> None:
    request = vault_list("*").request(token, SIGNING)
    assert request.url == f"{HOST}/-/vaults?{query}"
    assert verify(request, KEYS, canon=Canon.LOWERCASE, now=NOW) is None


def test_the_vaults_that_are_wanted_are_kept_and_all_are_counted() -> None:
    names = ("backup_1", "Backup_2", "logs", "x[1]")
    answer = listing(*({"VaultName": name} for name in names), Marker="next")
    page = vault_list("backup_*", "[lx]*").read(answer)
    assert page.scopes == ("backup_1", "logs", "x[1]")
    assert (page.listed, page.next_token) == (4, "next")


@pytest.mark.parametrize(
    ("vault", "name"),
    [
        ({"VaultName": "a", "VaultQCS": "qcs::cas:r:uid/1:vaults/b"}, "a"),
        ({"VaultQCS": "qcs:id/0:cas:r:uid/1:vaults/b"}, "b"),
        ({"VaultName": None, "VaultQCS": "b"}, "b"),
        ({"VaultName": 7}, "7"),
        ({"VaultName": "éa b"}, "éa b"),
        ({"VaultName": "a\n"}, None),
        ({"VaultName": "\u202ea"}, None),
        ({"VaultName": "\ud800"}, None),
        ({"VaultName": "a" * 256}, None),
        ({"VaultName": ["a"]}, None),
        ({"VaultName": ""}, None),
        ({}, None),
        ("a", None),
        (None, None),
        ([], None),
    ],
    ids=ascii,
)
def test_a_vault_without_a_usable_name_is_left_out(vault: object, name: str | None) -> None:
    page = vault_list("*").read(listing(vault, {"VaultName": "z"}))
    assert page.scopes == ((name, "z") if name else ("z",))
    assert page.listed == 2


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"VaultList": {}}', b'{"JobList": []}', b""])
def test_what_is_no_list_of_vaults_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        vault_list("*").read(HttpResponse(status=200, headers=ANSWERED, body=body))


def test_no_vaults_at_all_is_an_empty_page() -> None:
    for answer in (listing(), listing(VaultList=None), listing(Marker="")):
        page = vault_list("*").read(answer)
        assert (page.scopes, page.listed, page.next_token) == ((), 0, None)


def test_a_marker_that_is_refused_restarts_the_list() -> None:
    said = b'{"code": "InvalidParameterValueException", "message": "Invalid marker"}'
    with pytest.raises(TokenRejected):
        vault_list("*").read(HttpResponse(status=400, body=said))


def test_a_vault_page_and_a_job_page_that_were_cut_short_are_malformed() -> None:
    response = HttpResponse(status=200, body=b'{"VaultList": [], "JobList": []}', truncated=True)
    with pytest.raises(Malformed):
        vault_list("*").read(response)
    with pytest.raises(ApiError, match="larger than any answer"):
        PROVIDER.read_page(response, Walk("v"), Known())
