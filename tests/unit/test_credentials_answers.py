"""What the services that issue keys are asked, and how their answers are read."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials
from jobwatch.core.http import HttpResponse
from jobwatch.providers import cvm_role, tke_oidc
from jobwatch.providers.issued_keys import NothingThere, shown
from tests.keys_rig import T0

EXPIRY = int(T0.timestamp()) + 7200
HELD_UNTIL = T0 + timedelta(hours=2)
KEYS = {"TmpSecretId": "canary-id", "TmpSecretKey": "canary-key", "Token": "canary-token+/=="}
# As https://cloud.tencent.com/document/product/213/4934 prints it, with other values: a quote is missing.
DOCUMENTED = b"""{
    TmpSecretId": "canary-id",
    "TmpSecretKey": "canary-key",
    "ExpiredTime": 1615590047,
    "Expiration": "2021-03-11T23:00:47Z",
    "Token": "canary-token",
    "Code": "Success"
}"""
POD = tke_oidc.PodIdentity(
    region="ap-guangzhou",
    provider_id="cls-provider",
    role_arn="qcs::cam::uin/100000000001:roleName/pod",
    token_path=Path("/var/run/token"),
)
IDENTITY = tke_oidc.WebIdentity(pod=POD, token="eyJ.canary-web.x")


def expected(kind: str, expires_at: datetime | None = HELD_UNTIL) -> Credentials:
    return Credentials(
        secret_id="canary-id",
        secret_key="canary-key",
        token="canary-token+/==",
        kind=kind,
        expires_at=expires_at,
    )


def response(document: object, status: int = 200, *, truncated: bool = False) -> HttpResponse:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return HttpResponse(status=status, body=body, truncated=truncated)


def metadata(document: object, status: int = 200) -> Credentials:
    return cvm_role.read_keys(response(document, status), "ops", T0)


def sts(document: object, status: int = 200) -> Credentials:
    return tke_oidc.read_keys(response(document, status), IDENTITY, T0)


def issued(**changes: Any) -> dict[str, Any]:
    """What the token service says, with other values; `...` leaves one out."""
    fields = KEYS | {"ExpiredTime": EXPIRY} | changes
    fields = {name: value for name, value in fields.items() if value is not ...}
    outside = {name: fields.pop(name) for name in ("ExpiredTime", "Expiration") if name in fields}
    return {"Response": {"Credentials": fields, **outside, "RequestId": "r"}}


# ── the role of a machine ────────────────────────────────────────────────────────────


def test_the_metadata_service_is_asked_without_keys() -> None:
    for request in (cvm_role.list_roles("http://m"), cvm_role.ask_keys("http://m", "a+b")):
        assert (request.method, request.headers, request.body) == ("GET", {}, b"")
    assert (
        cvm_role.list_roles("http://m").url == "http://m/latest/meta-data/cam/security-credentials/"
    )
    assert cvm_role.ask_keys("http://m", "a+b").url.endswith("/security-credentials/a%2Bb")


@pytest.mark.parametrize(
    "text", ["ops", "ops\n", "\n\r\n  ops \r\nother\n", "ops\nother\n<third>\n"], ids=repr
)
def test_the_first_role_of_the_list_is_taken(text: str) -> None:
    assert cvm_role.read_role(response(text.encode())) == "ops"


@pytest.mark.parametrize(
    ("status", "text"), [(404, b"<html>404</html>"), (200, b""), (200, b"\n \r\n")], ids=str
)
def test_a_machine_without_a_role_has_no_keys(status: int, text: bytes) -> None:
    with pytest.raises(NothingThere, match="no role is bound to this instance"):
        cvm_role.read_role(response(text, status))


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, b"<html>log in</html>"),
        (200, b"../../user-data"),
        (200, b"a" * 129),
        (200, b"\xff\xfe"),
        (200, b"two words"),
        (500, b"ops"),
        (302, b""),
        (403, b"ops"),
    ],
    ids=str,
)
def test_what_is_no_list_of_roles_is_refused(status: int, text: bytes) -> None:
    with pytest.raises(NoCredentials, match="cvm-role: the metadata service answered") as caught:
        cvm_role.read_role(response(text, status))
    assert not isinstance(caught.value, NothingThere)


def test_an_answer_that_was_cut_short_is_not_used() -> None:
    with pytest.raises(NoCredentials, match="no list of roles"):
        cvm_role.read_role(response(b"op", truncated=True))
    with pytest.raises(NoCredentials, match="no JSON object"):
        cvm_role.read_keys(response(KEYS, truncated=True), "ops", T0)


def test_the_keys_of_a_role_are_read() -> None:
    whole = KEYS | {"ExpiredTime": EXPIRY, "Expiration": "2026-11-21T22:00:00Z", "Code": "Success"}
    assert metadata(whole) == expected("cvm-role")
    assert "canary" not in repr(metadata(whole))


def test_the_documented_sample_is_no_json_and_refused_in_words() -> None:
    with pytest.raises(NoCredentials, match="gave no JSON object that can be read") as caught:
        metadata(DOCUMENTED)
    assert "canary" not in f"{caught.value} {caught.value.__context__!r} {caught.value.__cause__!r}"


def test_a_role_that_is_not_bound_is_named() -> None:
    with pytest.raises(NothingThere, match="the role ops is not bound to this instance"):
        metadata({}, 404)


@pytest.mark.parametrize(
    ("document", "status", "words"),
    [
        (KEYS, 500, "answered HTTP 500"),
        (KEYS | {"Code": "Failed"}, 200, "gave no keys for the role ops: Failed"),
        (KEYS | {"Code": {"x": "canary"}}, 200, "gave no keys for the role ops: no words"),
        ({}, 200, "gave no TmpSecretId"),
        ([KEYS], 200, "gave no JSON object"),
        (b"", 200, "gave no JSON object"),
        (b"[" * 60_000, 200, "gave no JSON object"),
        (b"\xff\xfe\xfd", 200, "gave no JSON object"),
    ],
    ids=str,
)
def test_an_answer_without_keys_is_refused_in_words(
    document: object, status: int, words: str
) -> None:
    with pytest.raises(NoCredentials, match=words) as caught:
        metadata(document, status)
    assert "canary" not in f"{caught.value} {caught.value.__context__!r}"


# ── the role of a pod ────────────────────────────────────────────────────────────────


def test_the_token_service_is_asked_as_the_sdk_asks_it() -> None:
    request = tke_oidc.assume_role("https://sts.example.com", IDENTITY, T0)
    assert (request.method, request.url) == ("POST", "https://sts.example.com/")
    assert request.headers == {
        "Content-Type": "application/json",
        "Authorization": "SKIP",
        "X-TC-Action": "AssumeRoleWithWebIdentity",
        "X-TC-Version": "2018-08-13",
        "X-TC-Region": "ap-guangzhou",
        "X-TC-Timestamp": str(int(T0.timestamp())),
    }
    assert json.loads(request.body) == {
        "ProviderId": "cls-provider",
        "WebIdentityToken": "eyJ.canary-web.x",
        "RoleArn": "qcs::cam::uin/100000000001:roleName/pod",
        "RoleSessionName": "jobwatch",
        "DurationSeconds": 7200,
    }
    assert "canary" not in f"{request!r} {IDENTITY!r}"


def test_the_keys_of_a_pod_are_read() -> None:
    assert sts(issued()) == expected("tke-oidc")


def test_an_error_with_http_200_is_an_error() -> None:
    error = {
        "Code": "InvalidParameter.WebIdentityTokenError",
        "Message": "token eyJ.canary-web.x of qcs::cam::uin/1 expired\n(" + "canary" * 10 + ")",
    }
    document = issued() | {"Response": issued()["Response"] | {"Error": error}}
    with pytest.raises(NoCredentials) as caught:
        sts(document)
    assert str(caught.value) == (
        "tke-oidc: the token service refused the role qcs::cam::uin/100000000001:roleName/pod: "
        "InvalidParameter.WebIdentityTokenError: token *** of qcs::cam::uin/1 expired (***)"
    )


@pytest.mark.parametrize(
    ("document", "status", "words"),
    [
        (b"<html>canary</html>", 502, "answered HTTP 502"),
        (b"<html>canary</html>", 200, "gave no JSON object"),
        ({"Response": {"Error": {}}}, 200, "gave no TmpSecretId"),
        ({"Response": {"Error": {"Code": 5}}}, 200, "no words: no words"),
        ({"Response": {"Error": {"Code": "Denied"}}}, 403, "Denied: no words"),
        ({"Response": None}, 200, "gave no TmpSecretId"),
        ({"Response": {"Credentials": ["canary"]}}, 200, "gave no TmpSecretId"),
        ({"Credentials": KEYS}, 200, "gave no TmpSecretId"),
        (["canary"], 200, "gave no JSON object"),
    ],
    ids=str,
)
def test_an_answer_of_the_token_service_without_keys_is_refused_in_words(
    document: object, status: int, words: str
) -> None:
    with pytest.raises(NoCredentials, match=words) as caught:
        sts(document, status)
    assert "canary" not in f"{caught.value} {caught.value.__context__!r}"


@pytest.mark.parametrize("region", ["ap guangzhou", "ap\r\nX-Evil: 1", "AP", "a" * 65])
def test_a_region_that_is_none_is_refused(region: str) -> None:
    environ = dict.fromkeys(tke_oidc.VARIABLES, "x") | {"TKE_REGION": region}
    with pytest.raises(NoCredentials, match="TKE_REGION is not the name of a region"):
        tke_oidc.read_identity(environ)


@pytest.mark.parametrize("text", ["", " \n", "can\nary", "c" * 17_000, "cänary"])
def test_a_token_file_without_a_token_is_refused_in_words(text: str) -> None:
    with pytest.raises(NoCredentials, match="the token in /var/run/token") as caught:
        tke_oidc.prove(POD, text)
    assert "ary" not in str(caught.value)


# ── both ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (..., "gave no {}"),
        (None, "gave no {}"),
        (5, "gave no {}"),
        ("", "gave a {} that is empty"),
        ("can\r\nary: 1", "gave a {} that holds a line break"),
        (" canary", "gave a {} that begins or ends with a blank"),
        ("canary" * 4000, "gave a {} that is longer than"),
        ("cänary", "gave a {} that holds a line break or another"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_keys_that_cannot_be_keys_are_refused(name: str, value: object, words: str) -> None:
    with pytest.raises(NoCredentials, match=words.format(name)) as caught:
        sts(issued(**{name: value}))
    assert "ary" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "expires_at"),
    [
        ({"ExpiredTime": str(EXPIRY)}, HELD_UNTIL),
        ({"ExpiredTime": EXPIRY + 0.5}, HELD_UNTIL + timedelta(seconds=0.5)),
        ({"ExpiredTime": ..., "Expiration": "2026-11-21T22:00:00Z"}, HELD_UNTIL),
        ({"ExpiredTime": None, "Expiration": "2026-11-21T22:00:00"}, HELD_UNTIL),
        ({"ExpiredTime": "", "Expiration": "2026-11-22T06:00:00+08:00"}, HELD_UNTIL),
        ({"ExpiredTime": EXPIRY, "Expiration": "2010-12-10"}, HELD_UNTIL),
        ({"ExpiredTime": ..., "Expiration": "2010-12-10"}, None),
        ({"ExpiredTime": ...}, None),
        ({"ExpiredTime": True}, None),
        ({"ExpiredTime": EXPIRY * 1000}, None),
        ({"ExpiredTime": 10**400}, None),
        ({"ExpiredTime": [EXPIRY]}, None),
        ({"ExpiredTime": float("nan")}, None),
        ({"ExpiredTime": float("inf")}, None),
    ],
    ids=str,
)
def test_the_time_of_expiry_is_read_in_every_spelling_and_may_be_missing(
    changes: dict[str, Any], expires_at: datetime | None
) -> None:
    assert sts(issued(**changes)).expires_at == expires_at
    fields = {k: v for k, v in (KEYS | {"ExpiredTime": EXPIRY} | changes).items() if v is not ...}
    assert metadata(fields).expires_at == expires_at


@pytest.mark.parametrize("expired", [0, -5, EXPIRY - 7200, EXPIRY - 7201])
def test_keys_that_have_expired_already_are_refused(expired: int) -> None:
    with pytest.raises(NoCredentials, match=r"expired at .* or the clock of this machine is wrong"):
        sts(issued(ExpiredTime=expired))


def is_sound(read: Callable[[object], Credentials], document: object) -> bool:
    try:
        keys = read(document)
    except NoCredentials as error:
        return str(error).isprintable()
    return bool(keys.secret_id) and (keys.expires_at is None or keys.expires_at > T0)


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text() | st.floats(), lambda x: st.dictionaries(st.sampled_from(["Response", "Error", "Credentials", "Code", "Message", *KEYS, "ExpiredTime", "Expiration"]), x)))  # fmt: skip
def test_whatever_is_answered_gives_keys_or_words(document: object) -> None:
    for read in (metadata, sts):
        assert is_sound(read, document)


@pytest.mark.parametrize("odd", ["\\ud800", "\\u202e", "\\u0000", "\\u001b[2J"])
def test_half_a_character_in_the_words_of_a_service_does_not_break_the_log(odd: str) -> None:
    body = f'{{"Response": {{"Error": {{"Code": "Denied", "Message": "be{odd}fore"}}}}}}'
    with pytest.raises(NoCredentials, match=r"Denied: be.{0,3}fore$") as caught:
        sts(body.encode())
    assert str(caught.value).encode().decode().isprintable()


@given(st.text())
def test_words_of_a_service_are_short_and_on_one_line(text: str) -> None:
    words = shown(text)
    assert len(words) <= 200
    assert not set(words) & set("\r\n\t\0\x1b\u2028\u202e")


def test_a_token_at_the_edge_of_what_is_shown_is_masked_all_the_same() -> None:
    token = "secret.part"
    for blanks in range(780, 805):
        assert "sec" not in shown("x" + " " * blanks + token, secret=token)
        assert "sec" not in shown("x" * (blanks - 600) + " " + token, secret=token)
    assert shown("a" * 39) == "a" * 39
    assert shown(f"Bearer {'a' * 40}") == "Bearer ***"


def test_times_are_utc() -> None:
    assert sts(issued()).expires_at == datetime(2026, 11, 21, 22, tzinfo=UTC)
