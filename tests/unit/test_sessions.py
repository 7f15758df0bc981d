"""Sessions, the login form and its attempts: pure."""

import re
from datetime import timedelta

import pytest

from jobwatch.web.entrance import login, sessions
from tests.factories import NOW

TOKEN = "0123456789abcdef-canary"


def test_a_session_holds_until_it_ends_and_holds_no_token() -> None:
    cookie = sessions.begin(TOKEN, NOW)
    session = sessions.read(TOKEN, cookie)
    assert session is not None
    assert session.holds(NOW)
    assert session.holds(NOW + sessions.LASTS - timedelta(seconds=1))
    assert not session.holds(NOW + sessions.LASTS)
    assert "canary" not in cookie
    assert re.fullmatch(r"[0-9a-f.]+", cookie)
    assert cookie != sessions.begin(TOKEN, NOW)


def test_a_changed_token_ends_every_session() -> None:
    assert sessions.read(TOKEN + "1", sessions.begin(TOKEN, NOW)) is None


def test_a_cookie_that_was_changed_anywhere_is_none() -> None:
    cookie = sessions.begin(TOKEN, NOW)
    for index, char in enumerate(cookie):
        changed = cookie[:index] + ("0" if char != "0" else "1") + cookie[index + 1 :]
        assert sessions.read(TOKEN, changed) is None


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        ".",
        "..",
        "1.2.3",
        "9" * 5000,
        "9" * 16 + "..",
        "-1..",
        "1_0..",
        "٣..",
        "\ud800.\ud800.\ud800",
    ],
)
def test_anything_else_is_no_session(cookie: str) -> None:
    assert sessions.read(TOKEN, cookie) is None


@pytest.mark.parametrize(
    ("held", "sent", "same"),
    [
        (TOKEN, TOKEN, True),
        (TOKEN, TOKEN[:-1], False),
        (TOKEN, "", False),
        (None, "", False),
        (None, TOKEN, False),
        (TOKEN, "\ud800", False),
    ],
)
def test_a_token_is_the_same_or_not(held: str | None, sent: str, same: bool) -> None:  # noqa: FBT001
    assert sessions.same_token(held, sent) is same


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b"token=abc%2B+def&next=%2Fjobs", ("abc+ def", "/jobs")),
        (b"token=abc%0A", ("abc", "")),
        (b"token=a&token=b", ("a", "")),
        (b"", ("", "")),
        (b"\xff", ("", "")),
        (b"token=%ff", ("\ufffd", "")),
        (b"&".join(b"a=%d" % n for n in range(100)), ("", "")),
        (b"token=" + b"a" * 9000, ("", "")),
    ],
)
def test_whatever_is_posted_is_read_as_a_form_or_as_an_empty_one(
    body: bytes, read: tuple[str, str]
) -> None:
    assert login.read_form(body) == read


def test_the_page_has_no_script_and_nothing_that_was_sent_becomes_markup() -> None:
    page = login.page(goes_to='/"><script>', message="<b>")
    assert "<script" not in page
    assert "<b>" not in page
    assert 'name="viewport"' in page
    assert "://" not in page


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_ten_attempts_are_at_once_and_then_one_every_six_seconds() -> None:
    clock = Clock()
    attempts = login.Attempts(monotonic=clock)
    assert [attempts.wait("a") for _ in range(10)] == [0.0] * 10
    assert attempts.wait("a") == pytest.approx(6.0)
    assert attempts.wait("a") == pytest.approx(6.0)
    clock.now = 6.0
    assert attempts.wait("a") == 0.0
    assert attempts.wait("a") == pytest.approx(6.0)
    clock.now = 1000.0
    assert [attempts.wait("a") for _ in range(11)] == [*[0.0] * 10, pytest.approx(6.0)]


def test_nobody_uses_up_the_attempts_of_another_and_few_are_remembered() -> None:
    attempts = login.Attempts(monotonic=Clock())
    for _ in range(20):
        attempts.wait("guesser")
    assert attempts.wait("guesser")
    assert not attempts.wait("owner")
    for number in range(5000):
        attempts.wait(str(number))
    assert len(attempts._used) <= login.CLIENTS


def test_who_knew_the_token_begins_anew() -> None:
    attempts = login.Attempts(monotonic=Clock())
    for _ in range(20):
        attempts.wait("a")
    attempts.forgive("a")
    assert not attempts.wait("a")


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, ""),
        ("/run/socket", ""),
    ],
)
def test_clients_are_told_apart_by_address_and_by_network(peer: str | None, client: str) -> None:
    assert login.client_of(peer) == client
