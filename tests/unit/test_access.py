"""Who may do what over HTTP, as a table."""

from dataclasses import replace
from http import HTTPStatus

import pytest

from jobwatch.web.entrance.access import (
    Asked,
    Bearer,
    Configured,
    Reason,
    decide,
    foreign_login,
    host_name,
    names_a_proxy,
    own_path,
)

NONE = Configured()
READ = Configured(read_token=True)
OPERATE = Configured(operate_token=True)
BOTH = Configured(read_token=True, operate_token=True)
EVERY = (NONE, READ, OPERATE, BOTH)

GET = Asked(method="GET", route="/metrics", peer="203.0.113.9", host="jobwatch.example.com")
POST = Asked(method="POST", route="/-/reload", peer="127.0.0.1", host="127.0.0.1:19870")


@pytest.mark.parametrize("configured", EVERY)
@pytest.mark.parametrize("route", ["/healthz", "/readyz", "/login", "/logout"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_health_and_the_login_form_are_open_whatever_is_configured(
    configured: Configured, route: str, method: str
) -> None:
    verdict = decide(replace(GET, route=route, method=method), configured)
    assert (verdict.allowed, verdict.reason) == (True, Reason.OPEN)


@pytest.mark.parametrize(
    ("configured", "asked", "reason", "status"),
    [
        (NONE, GET, Reason.READING_IS_OPEN, 200),
        (NONE, replace(GET, bearer=Bearer.WRONG), Reason.READING_IS_OPEN, 200),
        (OPERATE, GET, Reason.READING_IS_OPEN, 200),
        (READ, GET, Reason.NO_TOKEN, 401),
        (BOTH, GET, Reason.NO_TOKEN, 401),
        (READ, replace(GET, method="HEAD"), Reason.NO_TOKEN, 401),
        (READ, replace(GET, route=""), Reason.NO_TOKEN, 401),
        (READ, replace(GET, peer="127.0.0.1", host="localhost"), Reason.NO_TOKEN, 401),
        (READ, replace(GET, bearer=Bearer.WRONG), Reason.WRONG_TOKEN, 401),
        (READ, replace(GET, bearer=Bearer.READ), Reason.READ_TOKEN, 200),
        (BOTH, replace(GET, bearer=Bearer.OPERATE), Reason.OPERATE_TOKEN, 200),
        (READ, replace(GET, session=True), Reason.SESSION, 200),
        (READ, replace(GET, session=True, bearer=Bearer.WRONG), Reason.SESSION, 200),
    ],
)
def test_reading_needs_the_read_token_where_there_is_one(
    configured: Configured, asked: Asked, reason: Reason, status: int
) -> None:
    verdict = decide(asked, configured)
    assert (verdict.reason, verdict.status) == (reason, status)


@pytest.mark.parametrize("configured", [OPERATE, BOTH])
@pytest.mark.parametrize(
    ("asked", "reason", "status"),
    [
        (replace(POST, bearer=Bearer.OPERATE), Reason.OPERATE_TOKEN, 200),
        (
            replace(POST, bearer=Bearer.OPERATE, peer="203.0.113.9", proxied=True, origin="null"),
            Reason.OPERATE_TOKEN,
            200,
        ),
        (POST, Reason.NO_TOKEN, 401),
        (replace(POST, session=True), Reason.NO_TOKEN, 401),
        (replace(POST, bearer=Bearer.WRONG), Reason.WRONG_TOKEN, 401),
        (replace(POST, bearer=Bearer.READ), Reason.TOKEN_ONLY_READS, 403),
        (replace(POST, bearer=Bearer.READ, session=True), Reason.TOKEN_ONLY_READS, 403),
    ],
)
def test_changing_needs_the_operate_token_where_there_is_one_and_a_session_never_does(
    configured: Configured, asked: Asked, reason: Reason, status: int
) -> None:
    verdict = decide(asked, configured)
    assert (verdict.reason, verdict.status) == (reason, status)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get"])
@pytest.mark.parametrize("configured", [NONE, READ])
def test_every_method_that_only_reads_no_more_counts_as_a_change(
    method: str, configured: Configured
) -> None:
    asked = replace(POST, method=method)
    assert decide(asked, configured).reason is Reason.LOOPBACK
    assert decide(replace(asked, peer="10.0.0.7"), configured).reason is Reason.NOT_LOOPBACK


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"peer": "::1", "host": "[::1]:19870"},
        {"peer": "::ffff:127.0.0.1"},
        {"peer": "127.8.8.8", "host": "localhost"},
        {"origin": "http://127.0.0.1:19870", "fetch_site": "same-origin"},
        {"host": "LOCALHOST:1", "origin": "http://localhost:1"},
        {"scheme": "https", "origin": "https://127.0.0.1:19870"},
        {"content_type": "application/json; charset=utf-8"},
    ],
)
def test_without_a_token_a_program_or_an_own_page_on_this_machine_may_change(
    changes: dict[str, str],
) -> None:
    asked = replace(POST, **changes)  # type: ignore[arg-type]
    assert decide(asked, NONE).reason is Reason.LOOPBACK
    local = Configured(public_url="http://localhost:19870")
    assert decide(asked, local).reason is Reason.LOOPBACK


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"peer": "203.0.113.9"}, Reason.NOT_LOOPBACK),
        ({"peer": "10.1.2.3"}, Reason.NOT_LOOPBACK),
        ({"peer": "::ffff:10.1.2.3"}, Reason.NOT_LOOPBACK),
        ({"peer": "fe80::1%eth0"}, Reason.NOT_LOOPBACK),
        ({"peer": None}, Reason.NOT_LOOPBACK),
        ({"peer": ""}, Reason.NOT_LOOPBACK),
        ({"proxied": True}, Reason.THROUGH_A_PROXY),
        ({"host": "rebound.example.com:19870"}, Reason.FOREIGN_HOST),
        ({"host": "127.0.0.1.example.com"}, Reason.FOREIGN_HOST),
        ({"host": "localhost.example.com"}, Reason.FOREIGN_HOST),
        ({"host": "0.0.0.0:19870"}, Reason.FOREIGN_HOST),
        ({"host": ""}, Reason.FOREIGN_HOST),
        ({"host": None}, Reason.FOREIGN_HOST),
        ({"host": "[::1"}, Reason.FOREIGN_HOST),
        ({"host": "x@127.0.0.1@evil.example.com"}, Reason.FOREIGN_HOST),
        ({"origin": "https://evil.example.com"}, Reason.FOREIGN_PAGE),
        ({"origin": "http://127.0.0.1:3000"}, Reason.FOREIGN_PAGE),
        ({"origin": "https://127.0.0.1:19870"}, Reason.FOREIGN_PAGE),
        ({"origin": "http://localhost:19870"}, Reason.FOREIGN_PAGE),
        ({"origin": "null"}, Reason.FOREIGN_PAGE),
        ({"origin": ""}, Reason.FOREIGN_PAGE),
        ({"fetch_site": "cross-site"}, Reason.FOREIGN_PAGE),
        ({"fetch_site": "same-site"}, Reason.FOREIGN_PAGE),
        ({"fetch_site": "none"}, Reason.FOREIGN_PAGE),
        ({"fetch_site": ""}, Reason.FOREIGN_PAGE),
        ({"content_type": "text/plain"}, Reason.FORM),
        ({"content_type": "TEXT/PLAIN;application/json"}, Reason.FORM),
        ({"content_type": "application/x-www-form-urlencoded"}, Reason.FORM),
        ({"content_type": "multipart/form-data; boundary=x"}, Reason.FORM),
    ],
)
def test_without_a_token_everybody_else_is_refused_and_told_what_to_do(
    changes: dict[str, str | bool | None], reason: Reason
) -> None:
    verdict = decide(replace(POST, **changes), NONE)  # type: ignore[arg-type]
    assert verdict.reason is reason
    assert verdict.status == (415 if reason is Reason.FORM else 403)
    assert "http.operate_token" in verdict.words or reason is Reason.FORM


def test_a_public_address_shows_that_something_passes_requests_on() -> None:
    configured = Configured(public_url="https://jobwatch.example.com")
    assert decide(POST, configured).reason is Reason.THROUGH_A_PROXY


@pytest.mark.parametrize("configured", EVERY)
def test_every_refusal_has_a_status_of_refusing_and_words(configured: Configured) -> None:
    for asked in (GET, POST, replace(POST, peer=None), replace(GET, bearer=Bearer.WRONG)):
        verdict = decide(asked, configured)
        assert verdict.allowed == (not verdict.words) == (verdict.status is HTTPStatus.OK)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("X-Forwarded-For", True),
        ("x-forwarded-anything", True),
        ("Forwarded", True),
        ("VIA", True),
        ("X-Real-IP", True),
        ("CF-Connecting-IP", True),
        ("Host", False),
        ("User-Agent", False),
        ("Connection", False),
    ],
)
def test_a_proxy_is_known_by_its_headers(name: str, is_one: bool) -> None:  # noqa: FBT001
    assert names_a_proxy(["Accept", name]) is is_one


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:19870", "localhost"),
        ("[::1]:19870", "::1"),
        ("::1", ""),
        (None, ""),
        ("[", ""),
        ("a:b:c", "a"),
    ],
)
def test_the_name_is_read_from_a_host_header(host: str | None, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    ("changes", "foreign"),
    [
        ({}, False),
        ({"origin": "http://jobwatch.example.com"}, False),
        ({"origin": "https://jobwatch.example.com"}, False),
        ({"origin": "https://public.example.com"}, False),
        ({"origin": "https://evil.example.com"}, True),
        ({"origin": "null"}, True),
        ({"fetch_site": "same-origin", "origin": "https://rewritten.example.com"}, False),
        ({"fetch_site": "none"}, False),
        ({"fetch_site": "cross-site"}, True),
        ({"fetch_site": "same-site"}, True),
    ],
)
def test_only_our_own_page_may_send_the_login_form(
    changes: dict[str, str],
    foreign: bool,  # noqa: FBT001
) -> None:
    asked = replace(GET, method="POST", route="/login", **changes)  # type: ignore[arg-type]
    configured = Configured(read_token=True, public_url="https://public.example.com/")
    assert foreign_login(asked, configured) is foreign


@pytest.mark.parametrize(
    ("text", "goes_to"),
    [
        ("/", "/"),
        ("/jobs/prod/a%2Fb?x=1&y=%20", "/jobs/prod/a%2Fb?x=1&y=%20"),
        ("", "/"),
        ("//evil.example.com", "/"),
        ("/\\evil.example.com", "/"),
        ("\\\\evil.example.com", "/"),
        ("https://evil.example.com", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example.com", "/"),
        ("/ /evil", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("/\x00", "/"),
        ("/é", "/"),
        ("/" + "a" * 2000, "/"),
        ("/login?next=/", "/"),
        ("/logout", "/"),
    ],
)
def test_logging_in_leads_to_a_path_of_ours_alone(text: str, goes_to: str) -> None:
    assert own_path(text) == goes_to
