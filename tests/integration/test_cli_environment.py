"""A daemon that the environment alone configures, as in a container, run by a person at a terminal."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from jobwatch.settings import load_settings
from tests.certificates import make_pair
from tests.cli_rig import PATIENCE, aside, end_of, spawn
from tests.daemon import free_port

READ, OPERATE = "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "f9e8d7c6b5a493827160f5e4d3c2b1a0"


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """TLS, tokens in files, a chat with digests and mentions, lists in both ways of writing them."""
    pair = make_pair(tmp_path)
    for name, text in (("read", READ), ("operate", OPERATE), ("robot", "http://127.0.0.1:9/x")):
        (tmp_path / name).write_text(f"{text}\n")
    of_source = {"KIND": "cos-batch", "REGION": "ap-chengdu", "UIN": "100000000001"}
    of_source |= {"APPID": "1250000000", "ENDPOINT": "http://127.0.0.1:9"}
    of_source |= {"CREDENTIALS__SECRET_ID": "AKIDdemo-not-a-real-id"}
    of_source |= {"CREDENTIALS__SECRET_KEY": "demo-not-a-real-key"}
    of_chat = {"FORMAT": "wecom", "URL_FILE": str(tmp_path / "robot"), "TIMEZONE": "Asia/Shanghai"}
    of_chat |= {"WANTS__TYPES": "problems, job.succeeded", "WANTS__EXCEPT__DESCRIPTIONS": '["a*"]'}
    of_chat |= {"DIGEST__FIRST": "5", "DIGEST__EVERY": "2m", "MENTION__ALL": "true"}
    of_chat |= {"MENTION__TYPES": "problems", "MENTION__MOBILES": "13800000000,13900000000"}
    of_http = {"LISTEN": f"127.0.0.1:{free_port()}", "TLS__CERT_FILE": str(pair.cert)}
    of_http |= {"TLS__KEY_FILE": str(pair.key), "READ_TOKEN_FILE": str(tmp_path / "read")}
    of_http |= {"OPERATE_TOKEN_FILE": str(tmp_path / "operate")}
    parts = {"SOURCES__PROD__PROVIDER": of_source, "RECEIVERS__CHAT": of_chat, "HTTP": of_http}
    named = {
        f"JOBWATCH_{part}__{key}": text
        for part, keys in parts.items()
        for key, text in keys.items()
    }
    return named | {"JOBWATCH_STORE__PATH": str(tmp_path / "jobwatch.db")}


def test_everything_that_a_file_says_the_environment_says(variables: Mapping[str, str]) -> None:
    settings = load_settings(None, variables).settings
    chat = settings.receivers["chat"]
    assert chat.digest is not None
    assert (chat.digest.first, chat.digest.every.total_seconds()) == (5, 120)
    assert chat.mention.mobiles == ("13800000000", "13900000000")
    assert (chat.mention.types, chat.mention.all) == (("problems",), True)
    assert chat.wants.types == ("problems", "job.succeeded")
    assert chat.wants.except_.descriptions == ("a*",)
    assert settings.http.tls is not None


async def test_it_serves_with_tls_and_tokens_and_greets_who_started_it(
    variables: dict[str, str],
) -> None:
    ours, terminal = os.openpty()
    process = await spawn("run", env=variables, stderr=terminal)
    os.close(terminal)
    url = f"https://{variables['JOBWATCH_HTTP__LISTEN']}"
    try:
        first, second, *_ = await asyncio.to_thread(_lines_until, ours, "daemon.started")
        assert first == "jobwatch: watches prod and tells chat; Ctrl-C stops it"
        assert second == f"jobwatch: the page is {url}/"
        assert [await _status(url, token) for token in (None, READ, OPERATE)] == [401, 200, 200]
        done = await aside("health", env=variables)
        assert (done.returncode, done.stdout.strip()) == (0, "healthy")
    finally:
        process.terminate()
        await asyncio.to_thread(_rest, ours)
    assert await end_of(process) == 0


def _lines_until(terminal: int, wanted: str) -> list[str]:
    """What a terminal shows up to a line with these words; the child's end ends it."""
    shown = ""
    while wanted not in shown:
        shown += os.read(terminal, 4096).decode()
    return shown.splitlines()


def _rest(terminal: int) -> None:
    """Read what the child still says, so that it never waits for a reader."""
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:  # how a terminal ends
        os.close(terminal)


async def _status(url: str, token: str | None) -> int:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        asyncio.timeout(PATIENCE),
        aiohttp.ClientSession() as session,
        session.get(f"{url}/metrics", headers=headers, ssl=context) as answer,
    ):
        return answer.status
