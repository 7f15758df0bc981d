"""The request that tells an event."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from jobwatch.core.errors import ConfigError
from jobwatch.core.http import HttpRequest
from jobwatch.core.outbox import CHAT_WAITS, PAGING_WAITS, STANDARD_WAITS
from jobwatch.core.rate_gate import Rate
from jobwatch.core.samples import Sample, samples
from jobwatch.formats import (
    CHATS,
    FORMATS,
    FormatName,
    Limits,
    Recipient,
    Told,
    build,
    limits,
    waits,
)
from jobwatch.formats import check_secret as check_secret_of
from jobwatch.formats.standard import check_secret
from jobwatch.formats.values import Language, Style

GOLDEN = Path(__file__).parent.parent / "samples" / "payloads" / "standard"
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


# Every format, by the table of the package.

SAMPLES = samples()
TEMPLATE = '{"title": {{ message.title|tojson }}, "event": {{ event|tojson }}}'
OWN_SECRETS: dict[FormatName, str] = {
    "standard": SECRET,
    "template": SECRET,
    "dingtalk": "SEC" + "0123456789abcdef" * 4,
    "feishu": "canaryFeishuKey0123456",
}
ROUTING_KEY = "canary0123456789abcdefghijklmnop"
SIGNED = re.compile(rb'"(timestamp|sign)":"[^"]*",?')


def whole_recipient(format_name: FormatName, language: Language = "en") -> Recipient:
    secret = OWN_SECRETS.get(format_name)
    return Recipient(
        name="ops",
        url=URL,
        secrets=(secret,) if secret else (),
        routing_key=ROUTING_KEY,
        template=TEMPLATE,
        style=Style(language=language, timezone_name="UTC", title_prefix="[jobs]"),
    )


def rendered(format_name: FormatName, sample: Sample, to: Recipient, at: datetime) -> HttpRequest:
    event = Told(id=sample.id, type=sample.event.type.value, body=sample.body)
    return build(format_name, event, to, at)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("format_name", FORMATS)
def test_every_kind_of_event_is_rendered_within_its_limit_and_again_alike(
    format_name: FormatName, language: Language
) -> None:
    to = whole_recipient(format_name, language)
    for sample in SAMPLES:
        first = rendered(format_name, sample, to, VECTOR_AT)
        later = rendered(format_name, sample, to, VECTOR_AT + timedelta(days=3))
        assert len(first.body) <= limits(format_name).max_bytes, sample.name
        assert isinstance(json.loads(first.body), dict)
        assert SIGNED.sub(b"", first.body) == SIGNED.sub(b"", later.body), sample.name
        assert first.url.partition("?")[0] == later.url.partition("?")[0] == URL.partition("?")[0]


@pytest.mark.parametrize("format_name", FORMATS)
def test_no_request_shows_anything_secret(format_name: FormatName) -> None:
    to = whole_recipient(format_name)
    request = rendered(format_name, SAMPLES[0], to, VECTOR_AT)
    assert not re.search("canary|MfKQ9r8G|0123456789abcdef|hooks|message\\.", f"{to!r} {request!r}")


def test_only_pagerdutys_body_has_a_key_and_no_body_has_a_url_or_secret() -> None:
    for format_name in FORMATS:
        body = rendered(format_name, SAMPLES[0], whole_recipient(format_name), VECTOR_AT).body
        assert (ROUTING_KEY.encode() in body) is (format_name == "pagerduty")
        hidden = (b"T0canary", b"canary-key", OWN_SECRETS.get(format_name, "none").encode())
        assert not [each for each in hidden if each in body], format_name


@pytest.mark.parametrize(
    "name", ["job.completed_with_failures", "source.unreachable.opened", "digest"]
)
def test_standard_sends_the_document_as_it_is_stored(name: str) -> None:
    (sample,) = (each for each in SAMPLES if each.name == name)
    body = rendered("standard", sample, whole_recipient("standard"), VECTOR_AT).body
    assert body == sample.body
    assert json.loads(body) == json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("format_name", "bounds"),
    [
        ("standard", Limits(max_bytes=20_000)),
        ("template", Limits(max_bytes=65_536)),
    ],
)
def test_receivers_of_ones_own_are_held_to_a_size_and_to_no_rate(
    format_name: FormatName, bounds: Limits
) -> None:
    assert limits(format_name) == bounds


def test_pagerduty_is_held_below_its_rate() -> None:
    """About 120 calls a minute and key."""
    assert limits("pagerduty") == Limits(max_bytes=20_000, rates=(Rate(100, timedelta(minutes=1)),))


def test_every_chat_has_a_rate_that_holds_for_its_robot() -> None:
    assert set(FORMATS) - CHATS == {"standard", "pagerduty", "template"}
    for format_name in CHATS:
        assert limits(format_name).rates
        assert limits(format_name).max_bytes <= 30_000


def test_formats_are_tried_again_as_people_need_their_news() -> None:
    assert {waits(each) for each in CHATS} == {CHAT_WAITS}
    assert waits("standard") == waits("template") == STANDARD_WAITS
    assert waits("pagerduty") == PAGING_WAITS


def test_formats_that_sign_check_their_secrets_and_the_others_take_none() -> None:
    checks = {each: check_secret_of(each) for each in FORMATS}
    assert {each for each, check in checks.items() if check is not None} == set(OWN_SECRETS)
    for format_name, secret in OWN_SECRETS.items():
        check = checks[format_name]
        assert check is not None
        assert check(secret) is None
        problem = check("")
        assert problem
