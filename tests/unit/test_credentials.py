"""Where a source's keys come from."""

from pathlib import Path

import pytest

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import ConfigError
from jobwatch.credentials import TOKEN_NAMES, open_credentials
from jobwatch.providers.keys import CredentialsSettings

ENVIRON = {"TENCENTCLOUD_SECRET_ID": "id-e", "TENCENTCLOUD_SECRET_KEY": "key-e"}


def settings(**values: object) -> CredentialsSettings:
    return CredentialsSettings.model_validate(values)


def test_keys_in_the_configuration_win_over_the_environment() -> None:
    source = open_credentials(settings(secret_id="id-c", secret_key="key-c"), ENVIRON)
    assert source.current() == Credentials(secret_id="id-c", secret_key="key-c")
    assert source.take_problems() == ()


@pytest.mark.parametrize("use", [{}, {"use": "environment"}], ids=["nothing said", "said"])
def test_the_environment_is_used(use: dict[str, object]) -> None:
    source = open_credentials(settings(**use), ENVIRON)
    assert source.current() == Credentials(secret_id="id-e", secret_key="key-e")
    assert source.take_problems() == ()


@pytest.mark.parametrize("first", range(len(TOKEN_NAMES)))
def test_the_token_is_the_first_that_is_set(first: int) -> None:
    tokens = {name: f"token of {name}" for name in TOKEN_NAMES[first:]}
    source = open_credentials(settings(), ENVIRON | tokens)
    assert source.current().token == f"token of {TOKEN_NAMES[first]}"


def test_an_empty_variable_counts_as_not_set_and_blanks_are_cut_off() -> None:
    environ = ENVIRON | {"TENCENTCLOUD_SECRET_KEY": "key\n", "TENCENTCLOUD_TOKEN": " "}
    assert open_credentials(settings(), environ).current() == Credentials(
        secret_id="id-e", secret_key="key"
    )


@pytest.mark.parametrize(
    ("environ", "named", "not_named"),
    [
        ({}, "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY", "nothing"),
        ({"TENCENTCLOUD_SECRET_ID": "id-e"}, "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_SECRET_ID"),
        ({"TENCENTCLOUD_SECRET_KEY": "key-e"}, "TENCENTCLOUD_SECRET_ID", "key-e"),
    ],
)
def test_missing_keys_are_named_with_what_to_set(
    environ: dict[str, str], named: str, not_named: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        open_credentials(settings(), environ).current()
    (problem,) = caught.value.problems
    assert named in problem
    assert not_named not in problem
    assert "provider.credentials" in problem


def test_a_place_that_is_not_active_yet_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="cvm-role"):
        open_credentials(settings(use="cvm-role"), ENVIRON)


def test_key_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("secret_id", "secret_key", "token")}
    for name, file in files.items():
        file.write_text(f"{name}-1\n")
    source = open_credentials(
        settings(**{f"{name}_file": file for name, file in files.items()}), ENVIRON
    )
    assert source.current() == Credentials(
        secret_id="secret_id-1", secret_key="secret_key-1", token="token-1"
    )
    files["secret_key"].write_text("a newer secret_key\n")
    assert source.current().secret_key == "a newer secret_key"


def test_a_key_file_that_goes_bad_costs_a_message_and_no_call(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("good")
    source = open_credentials(settings(secret_id="id-c", secret_key_file=file), {})
    assert source.current().secret_key == "good"
    file.write_text(" blank in front")
    assert source.current().secret_key == "good"
    (problem,) = source.take_problems()
    assert str(file) in problem
    assert "blank in front" not in problem
    assert source.take_problems() == ()


def test_a_key_file_that_never_was_there_is_an_error(tmp_path: Path) -> None:
    source = open_credentials(
        settings(secret_id="id-c", secret_key_file=tmp_path / "missing"), ENVIRON
    )
    with pytest.raises(ConfigError, match="missing"):
        source.current()


def test_nothing_of_a_key_is_shown() -> None:
    source = open_credentials(
        settings(secret_id="id-canary", secret_key="key-canary", token="token-canary"), {}
    )
    shown = f"{source!r} {source.current()!r} {source.__dict__!r}"
    assert "canary" not in shown
