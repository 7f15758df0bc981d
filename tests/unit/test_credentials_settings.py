"""What may be said of where keys come from."""

import pytest
from pydantic import ValidationError

from jobwatch.providers.keys import wrong_key
from tests.keys_rig import settings


def test_the_services_are_tencent_clouds_unless_said_otherwise() -> None:
    assert settings().metadata_endpoint == "http://metadata.tencentyun.com"
    assert settings().sts_endpoint == "https://sts.tencentcloudapi.com"
    assert settings().role is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("metadata_endpoint", "http://169.254.0.23/", "http://169.254.0.23"),
        ("metadata_endpoint", "http://bm.metadata.tencentyun.com", None),
        ("metadata_endpoint", "https://metadata.example.com:8443", None),
        ("sts_endpoint", "https://sts.intl.tencentcloudapi.com", None),
        ("sts_endpoint", "http://127.0.0.1:8080", None),
        ("sts_endpoint", "http://localhost:8080", None),
        ("sts_endpoint", "http://[::1]:8080", None),
        ("role", "ops+=,.@_-9", None),
    ],
)
def test_the_services_may_be_elsewhere(name: str, value: str, expected: str | None) -> None:
    assert getattr(settings(**{name: value}), name) == (expected or value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sts_endpoint", "http://sts.tencentcloudapi.com"),
        ("sts_endpoint", "http://127.0.0.1.example.com"),
        ("sts_endpoint", None),
        *(
            (name, value)
            for name in ("metadata_endpoint", "sts_endpoint")
            for value in (
                *("sts.example.com", "ftp://sts.example.com", "https://", "https://a b", ""),
                *("https://a/path", "https://a?b", "https://a#", "https://u:canary@a"),
                *("https://a:port", "https://a\r\nX: y", "https://a:70000"),
            )
        ),
        *(("role", value) for value in ("", "a/b", "../x", "a b", "a\n", "a" * 129)),
    ],
)
def test_services_and_roles_that_cannot_be_right_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**{name: value})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["a", "AKID+/==", "with blank", "~" * 100])
def test_what_can_be_a_key(text: str) -> None:
    assert wrong_key(text, limit=100) is None


@pytest.mark.parametrize(
    "text", ["", " a", "a\n", "a\nb", "a\0b", "ä", "a\x7f", "\u2028", "a" * 101]
)
def test_what_cannot_be_a_key(text: str) -> None:
    assert wrong_key(text, limit=100)
