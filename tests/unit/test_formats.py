"""The request that tells an event."""

import base64
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from jobwatch.core.errors import ConfigError
from jobwatch.core.http import HttpRequest
from jobwatch.formats import Recipient, Told, build
from jobwatch.formats.standard import check_secret

URL = "https://hooks.example.com/services/T0canary/B0canary%2Fx?key=canary-key&a=%41canary%20v"

# The vector of the Standard Webhooks libraries (their Go, JS, PHP, C#, Java and Python tests).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR = Told(id="msg_p5jXN8AQM9LWM0D4loKWxJek", type="job.failed", body=b'{"test": 2432232314}')
VECTOR_AT = datetime.fromtimestamp(1614265330, tz=UTC)
VECTOR_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

OLD_SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()


def recipient(
    *,
    url: str = URL,
    secrets: tuple[str, ...] = (SECRET,),
    headers: tuple[tuple[str, str], ...] = (),
) -> Recipient:
    return Recipient(name="ops", url=url, secrets=secrets, headers=headers)


def told(to: Recipient, at: datetime = VECTOR_AT, event: Told = VECTOR) -> HttpRequest:
    return build("standard", event, to, at)


def test_the_published_vector_is_signed_as_published() -> None:
    request = told(recipient())
    assert request.method == "POST"
    assert request.url == URL
    assert request.body == VECTOR.body
    assert request.headers == {
        "content-type": "application/cloudevents+json",
        "webhook-id": VECTOR.id,
        "webhook-timestamp": "1614265330",
        "webhook-signature": VECTOR_SIGNATURE,
    }


def test_the_same_instant_in_another_zone_is_the_same_signature() -> None:
    elsewhere = VECTOR_AT.astimezone(timezone(timedelta(hours=8)))
    assert told(recipient(), elsewhere) == told(recipient())


def test_every_secret_signs_newest_first() -> None:
    signatures = told(recipient(secrets=(SECRET, OLD_SECRET))).headers["webhook-signature"]
    first, second = signatures.split(" ")
    assert first == VECTOR_SIGNATURE
    assert second == Webhook(OLD_SECRET).sign(VECTOR.id, VECTOR_AT, VECTOR.body.decode())


def test_a_later_attempt_has_the_same_id_and_body_and_a_fresh_signature() -> None:
    first = told(recipient())
    later = told(recipient(), VECTOR_AT + timedelta(hours=2))
    assert (later.headers["webhook-id"], later.body) == (first.headers["webhook-id"], first.body)
    assert later.headers["webhook-timestamp"] == "1614272530"
    assert later.headers["webhook-signature"] != first.headers["webhook-signature"]


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_a_receiver_with_any_of_the_secrets_accepts(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = told(recipient(secrets=(SECRET, OLD_SECRET)))

    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(VECTOR_AT.timestamp(), tz=tz)

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Then)
    assert Webhook(secret).verify(request.body, dict(request.headers)) == {"test": 2432232314}


def test_non_ascii_bytes_are_sent_and_signed_as_stored() -> None:
    event = Told(id="evt_1", type="job.failed", body='{"d":"作业 ü"}'.encode())
    request = told(recipient(), event=event)
    assert request.body == event.body
    assert request.headers["webhook-signature"] == Webhook(SECRET).sign(
        "evt_1", VECTOR_AT, '{"d":"作业 ü"}'
    )


def test_headers_may_change_the_content_type_and_add_their_own() -> None:
    headers = (("Content-Type", "application/json"), ("Authorization", "Bearer canary"))
    request = told(recipient(headers=headers))
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer canary"
    assert [name.lower() for name in request.headers].count("content-type") == 1


@pytest.mark.parametrize(
    "name", ["Webhook-Id", "webhook-timestamp", "WEBHOOK-SIGNATURE", "Content-Length", "connection"]
)
def test_headers_cannot_change_what_the_request_itself_decides(name: str) -> None:
    assert told(recipient(headers=((name, "0"),))) == told(recipient())


@pytest.mark.parametrize("secrets", [(), (SECRET, "p@ss")], ids=["none", "one malformed"])
def test_nothing_is_sent_unsigned(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="receiver ops") as caught:
        told(recipient(secrets=secrets))
    assert "p@ss" not in str(caught.value)


def test_nothing_secret_is_in_a_repr() -> None:
    to = recipient(headers=(("Authorization", "Bearer canary"),))
    shown = f"{to!r} {told(to)!r} {VECTOR!r}"
    assert not re.search("canary|MfKQ9r8G|2432232314|hooks", shown)


def secret_of(length: int) -> str:
    return "whsec_" + base64.b64encode(bytes(length)).decode()


@pytest.mark.parametrize("secret", [SECRET, secret_of(24), secret_of(32), secret_of(64)])
def test_a_good_secret_passes(secret: str) -> None:
    assert check_secret(secret) is None


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("", "whsec_"),
        ("p@ss", "whsec_"),
        (SECRET.removeprefix("whsec_"), "whsec_"),
        ("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_"),
        ("whsec_", "base64"),
        ("whsec_p@ss", "base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_", "base64"),
        (SECRET + "\n", "base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa=Sw", "base64"),
        (secret_of(25).rstrip("="), "multiple of four"),
        (SECRET + "A", "multiple of four"),
        (secret_of(23), "23 bytes"),
        (secret_of(65), "65 bytes"),
    ],
    ids=range(13),
)
def test_a_bad_secret_is_refused_without_being_shown(secret: str, words: str) -> None:
    problem = check_secret(secret)
    assert problem is not None
    assert words in problem
    encoded = secret.removeprefix("whsec_").strip()
    assert not encoded or encoded not in problem


@given(st.binary(min_size=24, max_size=64))
def test_every_key_of_a_good_length_passes_and_signs_as_the_library_does(key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    assert check_secret(secret) is None
    expected = Webhook(key).sign(VECTOR.id, VECTOR_AT, VECTOR.body.decode())
    assert told(recipient(secrets=(secret,))).headers["webhook-signature"] == expected
