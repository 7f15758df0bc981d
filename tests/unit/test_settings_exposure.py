"""The settings of the HTTP server: what is refused, and what is doubted."""

import os
from pathlib import Path

import pytest

from jobwatch.core.errors import ConfigError
from jobwatch.settings import operate_token, read_token
from tests.certificates import Pair, make_pair
from tests.unit.settings_cases import RECEIVER, SOURCE, problems, read

OPS = SOURCE + RECEIVER
GOOD = "0123456789abcdef-canary"
OTHER = "fedcba9876543210-canary"


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("short-canary", "is shorter than 16 characters"),
        ("a-canary with blanks-0", "contains a blank"),
        ("a-canary-ünïcode-000000", "beyond ASCII"),
        ("canary0123456789" * 100, "is longer than 1024 characters"),
        ("ababababababababababab", "so few characters"),
    ],
)
def test_a_token_that_can_be_guessed_or_never_be_sent_is_refused_and_not_shown(
    tmp_path: Path, token: str, words: str
) -> None:
    (tmp_path / "token").write_text(token + "\n", encoding="utf-8")
    for name in ("read_token", "operate_token"):
        (told,) = problems(tmp_path, OPS + f"http: {{{name}: '{token}'}}")
        assert told.startswith(f"http.{name} (jobwatch.yaml:")
        assert words in told
        assert "openssl rand -hex 32" in told
        (from_file,) = problems(tmp_path, OPS + f"http: {{{name}_file: token}}")
        assert from_file.startswith(f"http.{name}_file (jobwatch.yaml:")
        assert words in from_file
        assert "canary" not in told + from_file


def test_a_token_and_its_file_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(GOOD, encoding="utf-8")
    (told,) = problems(tmp_path, OPS + f"http: {{read_token: {GOOD}, read_token_file: token}}")
    assert "has both read_token and read_token_file" in told


def test_a_token_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, OPS + "http: {operate_token_file: nowhere}")
    assert told.startswith("http.operate_token_file (jobwatch.yaml:")
    assert "nowhere: cannot be read: no such file or directory" in told


def test_one_token_for_both_purposes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(GOOD + "\n", encoding="utf-8")
    text = OPS + f"http: {{read_token: {GOOD}, operate_token_file: token}}"
    (told,) = problems(tmp_path, text)
    assert told.startswith("http.operate_token_file (jobwatch.yaml:")
    assert "is the read token" in told


@pytest.mark.parametrize(
    ("http", "doubted"),
    [
        (f"read_token: {GOOD}", ["http.read_token"]),
        (f"read_token: {GOOD}, operate_token: {OTHER}", ["http.read_token", "http.operate_token"]),
        (f"read_token: {GOOD}, listen: '127.0.0.1:0'", []),
        (f"read_token: {GOOD}, listen: '[::1]:0'", []),
        (f"read_token: {GOOD}, public_url: 'https://jobwatch.example.com'", []),
        (f"read_token: {GOOD}, public_url: 'http://jobwatch.example.com'", ["http.read_token"]),
        ("public_url: 'http://jobwatch.example.com'", []),
    ],
)
def test_a_token_that_travels_in_the_clear_is_doubted(
    tmp_path: Path, http: str, doubted: list[str]
) -> None:
    warnings = read(tmp_path, OPS + f"http: {{{http}}}").warnings
    assert [each.split(" ")[0] for each in warnings] == doubted
    assert all("travels in the clear" in each for each in warnings)
    assert "canary" not in "".join(warnings)


def test_tokens_are_given_as_secrets_that_follow_their_files(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(GOOD + "\n", encoding="utf-8")
    text = OPS + f"http: {{listen: 'localhost:0', read_token_file: token, operate_token: {OTHER}}}"
    settings = read(tmp_path, text).settings
    reading, operating = read_token(settings), operate_token(settings)
    assert reading is not None
    assert operating is not None
    assert (reading.current(), operating.current()) == (GOOD, OTHER)
    file.write_text("short", encoding="utf-8")
    assert reading.current() == GOOD
    assert "is shorter than 16" in (reading.take_problem() or "")
    assert "canary" not in f"{reading!r} {operating!r} {settings!r}"


def test_where_no_token_is_configured_there_is_none(tmp_path: Path) -> None:
    settings = read(tmp_path, OPS).settings
    assert (read_token(settings), operate_token(settings)) == (None, None)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("pair"))


def tls(pair: Pair, **more: str) -> str:
    files = {"cert_file": str(pair.cert), "key_file": str(pair.key)} | more
    return (
        OPS
        + f"http: {{tls: {{cert_file: '{files['cert_file']}', key_file: '{files['key_file']}'}}}}"
    )


def test_a_certificate_and_its_key_are_accepted(tmp_path: Path, pair: Pair) -> None:
    assert read(tmp_path, tls(pair)).warnings == ()


def test_files_of_tls_that_cannot_be_used_are_refused_by_their_key(
    tmp_path: Path, pair: Pair
) -> None:
    text = tmp_path / "text.pem"
    text.write_text("canary\n", encoding="utf-8")
    other = make_pair(tmp_path, name="other")
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\ncanary\n", encoding="utf-8")
    locked = make_pair(tmp_path, name="locked", passphrase="canary-passphrase")
    cases = {
        ("cert_file", str(tmp_path / "nowhere")): "cannot be read: no such file",
        ("key_file", str(tmp_path)): "is not a regular file",
        ("cert_file", str(text)): "holds no certificate in PEM",
        ("key_file", str(text)): "holds no private key in PEM",
        ("cert_file", str(broken)): "cannot be read as PEM",
        ("key_file", str(other.key)): "is not the key of",
        ("key_file", str(locked.key)): "is encrypted",
    }
    for (key, value), words in cases.items():
        (told,) = problems(tmp_path, tls(pair, **{key: value}))
        assert told.startswith(f"http.tls.{key} (jobwatch.yaml:"), told
        assert words in told
        assert "canary" not in told


def test_a_certificate_that_clients_refuse_and_a_key_for_everybody_are_doubted(
    tmp_path: Path,
) -> None:
    old = make_pair(tmp_path, name="old", valid=("20200101000000Z", "20210101000000Z"))
    early = make_pair(tmp_path, name="early", valid=("20990101000000Z", "20991231000000Z"))
    os.chmod(early.key, 0o644)  # noqa: PTH101
    (expired,) = read(tmp_path, tls(old)).warnings
    assert expired.startswith("http.tls.cert_file (")
    assert "has expired" in expired
    first, second = read(tmp_path, tls(early)).warnings
    assert "is not valid yet" in first
    assert second.startswith("http.tls.key_file (")
    assert "is readable by everybody" in second


def test_a_public_url_without_tls_is_doubted_where_the_server_speaks_tls(
    tmp_path: Path, pair: Pair
) -> None:
    text = tls(pair).rstrip("}") + "}, public_url: 'http://jobwatch.example.com'}"
    (doubt,) = read(tmp_path, text).warnings
    assert doubt.startswith("http.public_url (")


def test_one_mistake_hides_no_other(tmp_path: Path) -> None:
    text = OPS + "http: {tls: {cert_file: a, key_file: b}, read_token: x, operate_token: y}"
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    found = [each.split(" ")[0] for each in caught.value.problems]
    assert found == ["http.read_token", "http.operate_token", "http.tls.cert_file"]
