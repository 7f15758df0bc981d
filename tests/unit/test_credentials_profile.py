"""Key files of Tencent Cloud's own tools."""

from pathlib import Path

import pytest

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials
from jobwatch.credentials import KeyFacts, open_credentials
from jobwatch.providers.profile_files import read_ini, read_tccli
from tests.keys_rig import T0, Time, settings, world, write

INI = "[default]\nsecret_id = {0}-id\nsecret_key = {0}-key\nrole_arn = unused\n"
TCCLI = '{{"secretId": "{0}-id", "secretKey": "{0}-key"}}'
HOME, ETC = "home/.tencentcloud/credentials", "etc/tencentcloud/credentials"
DEFAULT = "home/.tccli/default.credential"
PROFILE = settings(use="profile")


@pytest.mark.parametrize(
    ("files", "first"),
    [
        ((HOME, ETC, DEFAULT), HOME),
        ((ETC, DEFAULT), ETC),
        ((DEFAULT,), DEFAULT),
    ],
    ids=str,
)
@pytest.mark.parametrize("use", [{}, {"use": "profile"}], ids=["chain", "profile"])
async def test_the_first_file_that_is_there_is_read(
    tmp_path: Path, files: tuple[str, ...], first: str, use: dict[str, str]
) -> None:
    for name in files:
        text = TCCLI if name.endswith(".credential") else INI
        write(tmp_path / name, text.format("right" if name == first else "wrong"))
    source = open_credentials(settings(**use), world(tmp_path))
    assert await source.current() == Credentials(
        secret_id="right-id", secret_key="right-key", kind="profile"
    )
    assert source.facts == KeyFacts(kind="profile")


async def test_the_environment_beats_the_files(tmp_path: Path) -> None:
    write(tmp_path / HOME, INI.format("file"))
    environ = {"TENCENTCLOUD_SECRET_ID": "id", "TENCENTCLOUD_SECRET_KEY": "key"}
    assert (await open_credentials(settings(), world(tmp_path, environ)).current()).kind == (
        "environment"
    )


async def test_a_profile_that_is_named_is_meant(tmp_path: Path) -> None:
    write(tmp_path / HOME, INI.format("wrong"))
    around = world(tmp_path, {"TCCLI_PROFILE": "ops"})
    with pytest.raises(NoCredentials, match=r"TCCLI_PROFILE names ops, but there is no .*ops"):
        await open_credentials(settings(), around).current()
    write(tmp_path / "home/.tccli/ops.credential", TCCLI.format("right"))
    assert (await open_credentials(settings(), around).current()).secret_id == "right-id"


@pytest.mark.parametrize("name", ["../../etc/shadow", "a/b", "a\0b"])
async def test_a_profile_is_a_name_and_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(NoCredentials, match="TCCLI_PROFILE is not the name of a profile"):
        await open_credentials(PROFILE, world(tmp_path, {"TCCLI_PROFILE": name})).current()


async def test_a_home_that_cannot_be_looked_into_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "home", "a file where a folder should be")
    write(tmp_path / ETC, INI.format("right"))
    assert (await open_credentials(settings(), world(tmp_path)).current()).secret_id == "right-id"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("secret_id = canary\n", "cannot be read as an ini file"),
        ("[default\nsecret_id = canary", "cannot be read as an ini file"),
        ("[other]\nsecret_id = canary\nsecret_key = canary\n", r"has no section \[default\]"),
        ("[DEFAULT]\nsecret_id = canary\nsecret_key = canary\n", r"has no section \[default\]"),
        ("[default]\nsecret_id = canary\n", "has no secret_key"),
        ("[default]\nsecret_id =\nsecret_key = canary\n", "has a secret_id that is empty"),
        ('[default]\nsecret_id=""\nsecret_key=""\n', "has a secret_id that is empty"),
        ("[default]\nsecret_id = can\x01ary\nsecret_key = b\n", "has a secret_id that holds"),
        ("[default]\nsecret_id = a\n  canary\nsecret_key = b\n", "has a secret_id that holds"),
        ("[default]\nsecret_id = " + "canary" * 1000 + "\nsecret_key = b\n", "is longer than"),
        ("[default]\nsecret_id = cänary\nsecret_key = b\n", "has a secret_id that holds"),
    ],
    ids=str,
)
@pytest.mark.parametrize("use", [{}, {"use": "profile"}], ids=["chain", "profile"])
async def test_an_ini_file_that_cannot_be_used_stops_the_search_with_a_sentence(
    tmp_path: Path, text: str, words: str, use: dict[str, str]
) -> None:
    file = write(tmp_path / HOME, text)
    write(tmp_path / DEFAULT, TCCLI.format("wrong"))
    with pytest.raises(NoCredentials, match=words) as caught:
        await open_credentials(settings(**use), world(tmp_path)).current()
    assert str(file) in str(caught.value)
    assert "anary" not in f"{caught.value} {caught.value.__context__!r}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read as a JSON object"),
        ("[" * 100_000, "cannot be read as a JSON object"),
        ('["canary"]', "cannot be read as a JSON object"),
        ('{"secretId": "canary"', "cannot be read as a JSON object"),
        ("{}", "has no secretId"),
        ('{"secretId": "canary"}', "has no secretKey"),
        ('{"secretId": 5, "secretKey": "canary"}', "has no secretId"),
        ('{"secretId": "a", "secretKey": "b", "token": ["canary"]}', "has no token"),
        ('{"secretId": "a", "secretKey": "b", "token": "can\\nary"}', "has a token that holds"),
    ],
    ids=lambda text: text[:40],
)
def test_a_tccli_file_that_cannot_be_used_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(NoCredentials, match=words) as caught:
        read_tccli(text)
    assert "canary" not in f"{caught.value} {caught.value.__context__!r}"


def test_what_the_tools_write_is_read() -> None:
    expected = Credentials(secret_id="a", secret_key="b%(x)s", token="c", kind="profile")
    text = (
        "\ufeff# mine\n[other]\nx=1\n[default]\nsecret_id=a\nsecret_key = 'b%(x)s' \ntoken=\"c\"\n"
    )
    assert read_ini(text) == expected
    assert read_tccli('\ufeff{"secretId":"a","secretKey":"b%(x)s","token":"c"}') == expected
    assert read_tccli('{"secretId":"a","secretKey":"b","token":"","extra":1}').token is None


async def test_a_login_of_tccli_holds_until_it_expires(tmp_path: Path) -> None:
    expiry = int(T0.timestamp()) + 3600
    login = (
        '{{"type": "oauth", "secretId": "{0}", "secretKey": "k", "token": "t", "expiresAt": {1}}}'
    )
    write(tmp_path / DEFAULT, login.format("one", expiry))
    now = Time()
    source = open_credentials(settings(), world(tmp_path, now=now))
    keys = await source.current()
    assert keys.expires_at is not None
    assert source.facts == KeyFacts(kind="profile", expires_at=keys.expires_at)
    now.advance(hours=1)
    with pytest.raises(NoCredentials, match="the keys expired at 2026-11-21T21:00:00Z"):
        await source.current()
    write(tmp_path / DEFAULT, login.format("two", expiry + 3600))
    assert (await source.current()).secret_id == "two"


async def test_a_file_is_read_again_when_it_changes_and_kept_when_it_goes_bad(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / HOME, INI.format("old"))
    source = open_credentials(settings(), world(tmp_path))
    old = await source.current()
    assert await source.renewed(old) is None
    write(file, INI.format("newer"))
    assert (await source.current()).secret_id == "newer-id"
    write(file, "[default]\nsecret_id = canary")
    assert (await source.current()).secret_id == "newer-id"
    (problem,) = source.take_problems()
    assert "has no secret_key; the value read before is still used" in problem
    assert "canary" not in problem
    file.unlink()
    write(tmp_path / ETC, INI.format("another identity"))
    assert (await source.current()).secret_id == "newer-id"
