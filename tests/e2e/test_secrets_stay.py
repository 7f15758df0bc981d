"""A daemon full of canaries: no secret reaches a log, the store, a page, a metric or what a command prints."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from jobwatch.app.clock import utc_now
from tests.cli_rig import Done, aside
from tests.daemon import Daemon, get
from tests.e2e.canaries import Heard, findings, secret, signing
from tests.e2e.loud_stage import JOBS, LATE, POLITE, SECRETS, Stage, rotate, staged

pytestmark = pytest.mark.timeout(180)


async def test_no_secret_leaves_a_daemon_whose_receivers_shout_it_back(tmp_path: Path) -> None:
    async with staged(tmp_path) as (stage, base):
        daemon, world = stage.daemon, stage.simulation.world
        daemon.start()
        await asyncio.to_thread(daemon.wait_ready)
        for number in range(JOBS):
            world.set(f"job-{number}", utc_now(), status="Failed")
        await tried_by_all(stage)
        before = {name: len(stage.shouter.heard[name]) for name in POLITE}
        rotate(stage, base)
        world.set(LATE, utc_now(), status="Failed")
        await until(lambda: all(len(stage.shouter.heard[name]) > before[name] for name in POLITE))
        places = {"command line": command_line(daemon), **await pages(daemon)}
        places |= await commands(stage)
        places |= {f"running {place}": text for place, text in remains(daemon).items()}
        assert await asyncio.to_thread(daemon.stop) == 0
        check_rotation(stage, before)
        check_hashes(stage)
    places |= remains(daemon)
    assert "render_error" in places["log"]
    assert "heartbeat.failed" in places["log"]
    assert "attempts" in places["store"]
    assert findings(places) == []


async def until(done: Callable[[], bool], within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while not done():
            await asyncio.sleep(0.1)


async def tried_by_all(stage: Stage) -> None:
    """Every receiver was tried, and whoever shouts said each of the things that it says."""
    configured = set(stage.daemon.config["receivers"])
    await until(lambda: set(stage.attempted()) == configured)
    await until(lambda: all(len(stage.shouter.heard[name]) >= JOBS for name in SECRETS))
    await until(lambda: bool(stage.shouter.heard["heartbeat"]))


def command_line(daemon: Daemon) -> str:
    assert daemon.process is not None
    line = Path(f"/proc/{daemon.process.pid}/cmdline")
    return line.read_text(encoding="utf-8") if line.exists() else ""


async def pages(daemon: Daemon) -> dict[str, str]:
    paths = ("/", "/metrics", "/readyz", "/healthz", "/schemas/", "/nothing")
    return {
        f"page {path}": (await asyncio.to_thread(get, f"http://127.0.0.1:{daemon.port}{path}"))[1]
        for path in paths
    }


async def commands(stage: Stage) -> dict[str, str]:
    """What every command that looks at receivers, events or the configuration prints, for people and for scripts."""
    ((delivery,),) = stage.daemon.query("SELECT max(id) FROM deliveries WHERE receiver = 'filed'")
    plain: list[tuple[str, ...]] = [
        ("check",), ("jobs",), ("sources",), ("receivers",), ("events",), ("deliveries",),
        ("job", "prod/job-1"), ("explain", "prod/job-1"), ("mutes",),
        ("mute", "--source", "prod", "--for", "1h", "--reason", "known"),
        ("redeliver", str(delivery), "--dry-run"), ("redeliver", str(delivery)),
    ]  # fmt: skip
    found: dict[str, str] = {}
    for words in plain:
        found |= await said(stage.daemon, words, {0})
    for name in stage.daemon.config["receivers"]:
        found |= await said(stage.daemon, ("receivers", "test", name), {0, 1, 2})
        found |= await said(stage.daemon, ("redeliver", "--receiver", name, "--since", "1h"), {0})
    return found


async def said(daemon: Daemon, words: tuple[str, ...], codes: Iterable[int]) -> dict[str, str]:
    found = {}
    forms: list[tuple[str, ...]] = [(), ("--output", "json")]
    for form in forms:
        done: Done = await aside(*words, *form, "--config", daemon.folder / "jobwatch.yaml")
        assert done.returncode in codes, f"{words}: {done.stderr}"
        assert "Traceback" not in done.stderr
        found[" ".join((*words, *form))] = done.stdout + done.stderr
    return found


def check_rotation(stage: Stage, before: dict[str, int]) -> None:
    """What a file says now is used without a restart, and what it said before is used no more."""
    for name, old in (("filed", "filed"), ("paged", "filed"), ("robot", "filed")):
        first, last = stage.shouter.heard[name][0], stage.shouter.heard[name][-1]
        assert len(stage.shouter.heard[name]) > before[name]
        if name != "robot":  # its secret never travels
            assert secret(old) in _whole(first)
            assert secret(old) not in _whole(last)
            assert secret("turned") in _whole(last)
    check_signature(stage.shouter.heard["filed"][0], signing("filed"))
    check_signature(stage.shouter.heard["filed"][-1], signing("turned"))
    check_robot(stage.shouter.heard["robot"][0], secret("filed"))
    check_robot(stage.shouter.heard["robot"][-1], secret("turned"))


def _whole(heard: Heard) -> str:
    return f"{heard.target} {heard.headers} {heard.body.decode()}"


def check_signature(heard: Heard, key: str) -> None:
    assert len(heard.headers["webhook-signature"].split()) == 1
    Webhook(key).verify(heard.body, dict(heard.headers))


def check_robot(heard: Heard, key: str) -> None:
    document = json.loads(heard.body)
    content = f"{document['timestamp']}\n{key}".encode()
    assert document["sign"] == base64.b64encode(hmac.digest(content, b"", "sha256")).decode()


def check_hashes(stage: Stage) -> None:
    """What the store keeps of a URL or a configuration is a hash under the store's own key: nobody can try words on it."""
    daemon = stage.daemon
    kept = {key for (key,) in daemon.query("SELECT key FROM gates")}
    kept |= {key for (key,) in daemon.query("SELECT config_hash FROM receivers")}
    kept |= {key for (key,) in daemon.query("SELECT gate FROM receivers")}
    ((store_id,),) = daemon.query("SELECT value FROM meta WHERE key = 'store_id'")
    urls = [each["url"] for each in daemon.config["receivers"].values() if "url" in each]
    keyed = {hmac.digest(store_id.encode(), url.encode(), "sha256").hex()[:32] for url in urls}
    assert keyed & kept, "this test does not know how a URL is hashed"
    for url in urls:
        plain = url.encode()
        guesses = {
            hashlib.new(name, plain).hexdigest() for name in ("md5", "sha1", "sha256", "blake2b")
        }
        guesses |= {hmac.digest(key, plain, "sha256").hex() for key in (b"\0", b"jobwatch", plain)}
        assert not {guess[:length] for guess in guesses for length in (16, 32, 64)} & kept


def remains(daemon: Daemon) -> dict[str, str]:
    """What the daemon left on disk, besides its configuration."""
    files = [path for path in daemon.folder.iterdir() if path.name.startswith("jobwatch.db")]
    return {
        "log": daemon.log.read_text(encoding="utf-8"),
        "store": "\n".join(path.read_bytes().decode("latin-1") for path in files),
    }
