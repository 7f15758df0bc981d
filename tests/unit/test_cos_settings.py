"""What a source of COS Batch Operation may say of itself."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from jobwatch.providers.cos_batch import CosBatchSettings
from jobwatch.providers.keys import CredentialsSettings

IDENTITY = {
    "kind": "cos-batch",
    "region": "ap-chengdu",
    "uin": "100000000001",
    "appid": "1250000000",
}


def settings(**changes: Any) -> CosBatchSettings:
    return CosBatchSettings.model_validate(IDENTITY | changes)


def test_numbers_may_be_written_as_numbers() -> None:
    assert settings(uin=100000000001, appid=1250000000) == settings()


@pytest.mark.parametrize(
    "changes",
    [
        {"uin": "10000a"},
        {"uin": ""},
        {"uin": 1.5},
        {"uin": True},
        {"appid": "-1"},
        {"region": "AP-Chengdu"},
        {"region": "ap.chengdu/"},
        {"region": "ap\n"},
        {"regoin": "ap-chengdu"},
        {"kind": "cas"},
        {"endpoint": "http://cos.example.com"},
        {"endpoint": "ftp://127.0.0.1"},
        {"endpoint": "https://user:pw@cos.example.com"},
        {"endpoint": "https://cos.example.com/jobs"},
        {"endpoint": "https://cos.example.com?x=1"},
        {"endpoint": "https://cos.example.com#x"},
        {"endpoint": "https://cos.example.com?"},
        {"endpoint": "https://cos.example.com:port"},
        {"endpoint": "https://"},
        {"endpoint": "cos.example.com"},
        {"endpoint": "http://127.0.0.1.example.com"},
        {"endpoint": "https://cos.example.com\r\nX: y"},
    ],
    ids=str,
)
def test_settings_that_cannot_be_right_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**changes)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, "https://100000000001.cos-control.ap-chengdu.myqcloud.com"),
        ("https://cos.example.com/", "https://cos.example.com"),
        ("https://cos.example.com:8443", "https://cos.example.com:8443"),
        ("http://127.0.0.1:19871", "http://127.0.0.1:19871"),
        ("http://localhost:19871/", "http://localhost:19871"),
        ("http://[::1]:19871", "http://[::1]:19871"),
    ],
)
def test_the_endpoint_follows_from_account_and_region_unless_given(
    endpoint: str | None, expected: str
) -> None:
    assert settings(endpoint=endpoint).base_url == expected


@pytest.mark.parametrize(
    "given_",
    [
        {},
        {"secret_id": "a", "secret_key": "b"},
        {"secret_id": "a", "secret_key_file": "key", "token_file": "token"},
        {"secret_id_file": "id", "secret_key_file": "key"},
        {"use": "tke-oidc"},
        {"use": "cvm-role"},
        {"use": "profile"},
        {"use": "environment"},
    ],
    ids=str,
)
def test_credentials_are_found_or_named_or_written_down(given_: dict[str, str]) -> None:
    read = CredentialsSettings.model_validate(given_)
    assert read.explicit == ("use" not in given_ and bool(given_))


@pytest.mark.parametrize(
    "given_",
    [
        {"secret_id": "a"},
        {"secret_key": "b"},
        {"token": "c"},
        {"secret_id": "a", "secret_id_file": "a", "secret_key": "b"},
        {"secret_id": "a", "secret_key": "b", "token": "c", "token_file": "c"},
        {"secret_id": " a", "secret_key": "b"},
        {"secret_id": "a", "secret_key": "b\n"},
        {"secret_id": "", "secret_key": ""},
        {"use": "environment", "secret_id": "a", "secret_key": "b"},
        {"use": "cvm"},
        {"secretid": "a"},
    ],
    ids=str,
)
def test_credentials_that_do_not_fit_together_are_refused(given_: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CredentialsSettings.model_validate(given_)


def test_no_key_is_shown_by_settings_or_by_what_is_wrong_with_them() -> None:
    keys = {"secret_id": "hush-id", "secret_key": "hush-key", "token": "hush-token"}
    assert "hush" not in repr(settings(credentials=keys))
    assert isinstance(settings(credentials=keys).credentials.secret_key, SecretStr)
    with pytest.raises(ValidationError) as caught:
        CredentialsSettings.model_validate(keys | {"use": "profile", "secret_key": "hush-key "})
    assert "hush" not in str(caught.value)
