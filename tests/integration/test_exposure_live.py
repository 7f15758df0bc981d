"""Tokens and the certificate of the running daemon follow the settings and their files."""

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from jobwatch.app.exposure import LOOK, certificate_loops, live_tokens, open_tls
from jobwatch.core.errors import ConfigError
from jobwatch.settings import Settings
from tests.certificates import make_pair
from tests.unit.settings_cases import RECEIVER, SOURCE, read

OPS = SOURCE + RECEIVER
FIRST, SECOND = "first-canary-0123456789", "second-canary-0123456789"


def test_tokens_are_those_of_the_settings_of_now_and_of_their_files(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(FIRST, encoding="ascii")
    current = read(tmp_path, OPS).settings

    def now() -> Settings:
        return current

    tokens = live_tokens(now)
    assert (tokens.read(), tokens.operate(), tokens.public_url()) == (None, None, None)
    http = "http: {listen: 'localhost:0', read_token_file: token, public_url: 'https://x.example'}"
    current = read(tmp_path, OPS + http).settings
    assert (tokens.read(), tokens.operate()) == (FIRST, None)
    assert tokens.public_url() == "https://x.example"
    file.write_text(SECOND, encoding="ascii")
    assert tokens.read() == SECOND
    file.unlink()
    with capture_logs() as logs:
        assert [tokens.read(), tokens.read()] == [SECOND, SECOND]
    assert [each["setting"] for each in logs] == ["http.read_token_file"]
    assert "canary" not in f"{logs} {tokens!r}"
    current = read(tmp_path, OPS).settings
    assert tokens.read() is None


def test_a_token_whose_file_was_never_read_is_an_error_and_not_none(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(FIRST, encoding="ascii")
    settings = read(
        tmp_path, OPS + "http: {listen: 'localhost:0', operate_token_file: token}"
    ).settings
    file.unlink()
    with pytest.raises(ConfigError):
        live_tokens(lambda: settings).operate()


async def test_a_renewed_certificate_is_taken_up_and_a_broken_one_told_once(
    tmp_path: Path,
) -> None:
    pair, other = make_pair(tmp_path), make_pair(tmp_path, name="other")
    text = OPS + "http: {listen: 'localhost:0', tls: {cert_file: server.crt, key_file: server.key}}"
    settings = read(tmp_path, text).settings
    tls = open_tls(settings)
    (loop,) = certificate_loops(tls, lambda: settings)
    with capture_logs() as logs:
        assert await loop.step() == LOOK
        shutil.copy(other.cert, pair.cert)
        await loop.step()
        await loop.step()
        shutil.copy(other.key, pair.key)
        await loop.step()
        await loop.step()
    assert [each["event"] for each in logs] == ["certificate.unread", "certificate.renewed"]


async def test_other_files_are_taken_up_when_the_settings_name_them(tmp_path: Path) -> None:
    make_pair(tmp_path), make_pair(tmp_path, name="other")
    text = OPS + "http: {listen: 'localhost:0', tls: {cert_file: server.crt, key_file: server.key}}"
    settings = read(tmp_path, text).settings
    (loop,) = certificate_loops(open_tls(settings), lambda: settings)
    settings = read(tmp_path, text.replace("server.", "other.")).settings
    with capture_logs() as logs:
        await loop.step()
        await loop.step()
    assert [each["event"] for each in logs] == ["certificate.renewed"]


def test_without_tls_there_is_nothing_to_renew(tmp_path: Path) -> None:
    settings = read(tmp_path, OPS).settings
    assert open_tls(settings) is None
    assert certificate_loops(None, lambda: settings) == []
