"""The signature where nobody looks: its window, odd keys, and claims that are signed but not honest."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.codec import Credentials, Signing
from jobwatch.core.http import HttpRequest
from jobwatch.providers.signing import (
    SKEW_LIMIT,
    START_EARLY,
    VALID_FOR,
    VerifyFailure,
    sign,
    verify,
)
from tests.factories import NOW, SECOND

KEYS = Credentials(secret_id="AKIDx", secret_key="not-a-secret")
URL = "https://1.cos-control.ap-chengdu.myqcloud.com/jobs"


def signed(
    url: str = URL,
    headers: Mapping[str, str] | None = None,
    *,
    keys: Credentials = KEYS,
    now: datetime = NOW,
) -> HttpRequest:
    request = HttpRequest(method="GET", url=url, headers=headers or {})
    return sign(request, Signing(credentials=keys, now=now))


def part(request: HttpRequest, name: str) -> str:
    parts = dict(each.split("=", 1) for each in request.headers["Authorization"].split("&"))
    return parts[name]


def claiming(request: HttpRequest, name: str, value: str) -> HttpRequest:
    honest = request.headers["Authorization"]
    claimed = honest.replace(f"{name}={part(request, name)}&", f"{name}={value}&")
    assert claimed != honest
    return replace(request, headers={**request.headers, "Authorization": claimed})


@given(now=st.datetimes(datetime(1971, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # zone given beside
def test_a_signature_holds_from_a_minute_before_to_a_quarter_of_an_hour_after(
    now: datetime,
) -> None:
    request = signed(now=now)
    start, end = (int(each) for each in part(request, "q-key-time").split(";"))
    assert part(request, "q-sign-time") == f"{start};{end}"
    assert 0 <= (now - START_EARLY).timestamp() - start < 1
    assert 0 <= (now + VALID_FOR).timestamp() - end < 1
    assert verify(request, KEYS, now=now) is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (-START_EARLY - SKEW_LIMIT - SECOND, VerifyFailure.TOO_SKEWED),
        (-START_EARLY - SKEW_LIMIT, None),
        (VALID_FOR, None),
        (VALID_FOR + SECOND, VerifyFailure.EXPIRED),
    ],
)
def test_the_window_holds_to_the_second(at: timedelta, expected: VerifyFailure | None) -> None:
    assert verify(signed(), KEYS, now=NOW + at) is expected


@pytest.mark.parametrize("year", [1960, 9000])
def test_a_time_with_a_sign_or_with_twelve_digits_is_no_time(year: int) -> None:
    odd = datetime(year, 1, 1, tzinfo=UTC)
    assert verify(signed(now=odd), KEYS, now=odd) is VerifyFailure.ACCESS_DENIED


def test_a_request_that_was_never_signed_is_denied() -> None:
    bare = HttpRequest(method="GET", url=URL, headers={"Host": "x"})
    assert verify(bare, KEYS, now=NOW) is VerifyFailure.ACCESS_DENIED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("q-sign-time", "1;99999999999"),
        ("q-header-list", "host;host"),
        ("q-url-param-list", "maxresults"),
    ],
)
def test_what_a_signature_names_must_be_what_was_signed(name: str, value: str) -> None:
    claimed = claiming(signed(), name, value)
    assert verify(claimed, KEYS, now=NOW) is VerifyFailure.SIGNATURE_DOES_NOT_MATCH


def test_a_key_may_contain_an_equals_sign() -> None:
    odd = replace(KEYS, secret_id="AKID=x=")
    assert verify(signed(keys=odd), odd, now=NOW) is None


@pytest.mark.parametrize("header", ["x-cos-appid", "X-CI-Something", "Content-MD5"])
def test_headers_of_the_vendor_are_signed_in_lower_case(header: str) -> None:
    request = signed(headers={header: "1"})
    assert part(request, "q-header-list").split(";") == sorted(["host", header.lower()])


def test_a_header_of_nobody_is_not_signed() -> None:
    assert part(signed(headers={"x-other": "1", "cookie": "2"}), "q-header-list") == "host"


def test_no_path_is_signed_as_the_root() -> None:
    root = "https://cas.ap-chengdu.myqcloud.com"
    assert part(signed(root), "q-signature") == part(signed(f"{root}/"), "q-signature")


def test_a_url_without_a_host_has_an_empty_host() -> None:
    assert signed("https:///jobs").headers["Host"] == ""
