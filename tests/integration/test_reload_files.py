"""Files that a running daemon reads: what of them is taken up, when, and what is refused with a reason."""

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from jobwatch.app.reloading import HANGS, Trigger
from jobwatch.core.errors import StoreError, TransportError
from jobwatch.core.http import HttpRequest
from jobwatch.transport import Sender
from tests.certificates import make_pair
from tests.integration.reload_parts import OTHER_SECRET, SECRET, Bench, bench, source

LABELS = {"sources": {"prod": source() | {"labels": {"team": "data"}}}}


def labels(at: Bench) -> dict[str, str]:
    return dict(at.parts.settings.sources["prod"].labels)


async def test_a_file_is_taken_up_once_it_looks_the_same_twice(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        at.write("sources: {prod: {provider: {kind: cos-ba")  # an editor that writes in pieces
        with capture_logs() as entries:
            await at.look()
            at.tree |= LABELS
            at.write()
            await at.look()
            assert labels(at) == {}
            await at.look()
        assert labels(at) == {"team": "data"}
        assert [each["event"] for each in entries] == ["configuration.reloaded"]


async def test_a_mistake_in_a_file_is_told_once_and_its_correction_takes_it_back(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as at:
        good = at.file.read_text() if at.file else ""
        at.write("sources: []")
        with capture_logs() as entries:
            await at.look(5)
            assert not at.successful
            at.write(good)
            await at.look(5)
        assert at.successful
        said = [(each["event"], each["trigger"]) for each in entries]
        assert said == [("configuration.refused", "file"), ("configuration.reloaded", "file")]
        assert entries[1]["changed"] == ()


async def test_a_change_while_a_reload_is_under_way_is_another_change(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        at.tree["sources"]["other"] = source("2")
        at.write()
        load = at.reloader.origin.load

        def load_and_change() -> object:
            loaded = load()
            if "other" in loaded.settings.sources and not labels(at):
                at.tree["sources"]["prod"] = LABELS["sources"]["prod"]
                at.write()
            return loaded

        object.__setattr__(at.reloader.origin, "load", load_and_change)
        assert (await at.ask()).changed == ("sources.other added",)
        await at.look(2)
        assert labels(at) == {"team": "data"}


async def test_what_changed_before_the_store_was_free_is_taken_up(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        at.tree |= LABELS
        at.write()
        await at.reloader.begin()
        await at.look()
        assert labels(at) == {"team": "data"}


async def test_a_change_waits_for_a_store_that_fails_and_is_not_forgotten(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        at.execute("ALTER TABLE sources RENAME TO gone")
        at.tree |= LABELS
        at.write()
        await at.look()
        for _ in range(2):
            with pytest.raises(StoreError):
                await at.look()
        assert not at.successful
        at.execute("ALTER TABLE gone RENAME TO sources")
        await at.look()
        assert (labels(at), at.successful) == ({"team": "data"}, True)


async def test_a_signal_that_met_a_failing_store_is_answered_later(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        at.execute("ALTER TABLE sources RENAME TO gone")
        at.reloader.origin.bell.ask()
        with pytest.raises(StoreError):
            await at.look()
        at.execute("ALTER TABLE gone RENAME TO sources")
        with capture_logs() as entries:
            await at.look(2)
        assert [each["trigger"] for each in entries] == ["signal"]


async def test_parts_that_were_built_in_half_are_finished_by_the_next_look(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        # The store refuses the lease of the new source alone.
        at.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE OF lease_owner ON sources WHEN OLD.name = 'other' "
            "BEGIN SELECT RAISE(ABORT, 'no lease'); END"
        )
        at.tree["sources"]["other"] = source("2")
        at.tree["receivers"]["chat"] = at.tree["receivers"]["ops"] | {"concurrency": 1}
        at.write()
        with pytest.raises(StoreError, match="no lease"):
            await at.ask()
        assert (set(at.parts.watched), at.successful) == ({"prod"}, False)
        at.execute("DROP TRIGGER refuse")
        with capture_logs() as entries:
            await at.look()
        assert set(at.parts.watched) == {"prod", "other"}
        assert (set(at.parts.notifiers), at.successful) == ({"ops", "chat"}, True)
        (said,) = (each for each in entries if each["event"] == "configuration.reloaded")
        assert said["changed"] == ("sources.other added", "receivers.chat added")


async def test_a_fault_of_ours_is_seen_and_tried_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        at.tree |= LABELS
        at.write()
        doors, at.parts.doors = at.parts.doors, None  # type: ignore[assignment]
        at.tree["egress"] = {"allow_http": True}
        at.write()
        with pytest.raises(AttributeError):
            await at.ask()
        assert not at.successful
        at.parts.doors = doors
        await at.look()
        assert (labels(at), at.successful) == ({"team": "data"}, True)


async def test_a_secret_that_is_renewed_says_that_nothing_changed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    ops = {"url": "http://127.0.0.1:9/ops", "secret_files": ["secret"]}
    async with bench(tmp_path, tree={"receivers": {"ops": ops}}) as at:
        post = at.parts.notifiers["ops"].post
        secret.write_text(OTHER_SECRET)
        with capture_logs() as entries:
            await at.look(3)
        assert [(each["event"], each["changed"]) for each in entries] == [
            ("configuration.reloaded", ())
        ]
        assert at.parts.notifiers["ops"].post is post
        assert post.recipient().secrets == (OTHER_SECRET,)


async def test_a_secret_that_is_renewed_badly_is_told_and_the_last_good_one_is_used(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    ops = {"url": "http://127.0.0.1:9/ops", "secret_files": ["secret"]}
    async with bench(tmp_path, tree={"receivers": {"ops": ops}}) as at:
        recipient = at.parts.notifiers["ops"].post.recipient
        assert recipient().secrets == (SECRET,)
        secret.write_text("canary, no key")
        with capture_logs() as entries:
            await at.look(3)
            assert recipient().secrets == (SECRET,)
        assert not at.successful
        assert [each["event"] for each in entries] == ["configuration.refused", "secret.unread"]
        assert "canary" not in repr(entries)
        secret.write_text(OTHER_SECRET)
        await at.look(3)
        assert (recipient().secrets, at.successful) == ((OTHER_SECRET,), True)


async def test_a_config_map_that_is_swapped_is_taken_up(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    file, data = tmp_path / "jobwatch.yaml", tmp_path / "..data"
    data.symlink_to(one)
    (one / "jobwatch.yaml").touch()
    file.symlink_to(Path("..data") / "jobwatch.yaml")
    async with bench(tmp_path, file=file) as at:
        at.tree |= LABELS
        text = (one / "jobwatch.yaml").read_text().replace("sources:", "x-new: 1\nsources:")
        (two / "jobwatch.yaml").write_text(text.replace("prod:", "prod:\n    every: 7s"))
        swap = tmp_path / "..tmp"
        swap.symlink_to(two)
        swap.replace(data)
        await at.look(2)
        assert at.parts.settings.sources["prod"].every == timedelta(seconds=7)
        assert at.parts.watched["prod"].source.pace.every == timedelta(seconds=7)


async def test_a_file_of_the_same_size_and_time_is_another_one_by_its_bytes(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as at:
        assert at.file is not None
        before = at.file.stat()
        at.write(at.file.read_text().replace("/ops", "/opt"))
        os.utime(at.file, ns=(before.st_atime_ns, before.st_mtime_ns))
        with capture_logs() as entries:
            await at.look(2)
        assert [each["changed"] for each in entries] == [("receivers.ops changed",)]


@pytest.mark.parametrize("become", ["gone", "folder", "pipe", "huge"])
async def test_a_file_that_is_none_any_more_is_refused_and_taken_back(
    tmp_path: Path, become: str
) -> None:
    async with bench(tmp_path) as at:
        assert at.file is not None
        good = at.file.read_text()
        at.file.unlink()
        match become:
            case "folder":
                at.file.mkdir()
            case "pipe":
                os.mkfifo(at.file)
            case "huge":
                with at.file.open("wb") as file:
                    file.truncate(4 * 1024**3)
            case _:
                pass
        with capture_logs() as entries:
            await at.look(3)
        assert [each["event"] for each in entries] == ["configuration.refused"]
        assert str(at.file) in entries[0]["problems"][0]
        at.file.rmdir() if become == "folder" else at.file.unlink(missing_ok=True)
        at.write(good)
        await at.look(2)
        assert at.successful


async def test_a_file_that_was_found_and_is_gone_is_no_reason_to_go_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "jobwatch.yaml"
    file.write_text(f"sources: {{prod: {source()}}}\n")
    other = {"UIN": "2", "APPID": "1", "KIND": "cos-batch", "REGION": "ap-chengdu"}
    environ = {f"JOBWATCH_SOURCES__OTHER__PROVIDER__{key}": text for key, text in other.items()}
    async with bench(tmp_path, environ=environ) as at:
        assert set(at.parts.watched) == {"prod", "other"}
        file.unlink()
        refused = await at.ask()
        assert refused.problems == (
            "jobwatch.yaml: is gone; put it back, or restart jobwatch without it",
        )
        assert set(at.parts.watched) == {"prod", "other"}


async def test_a_file_that_appears_is_taken_up_by_a_signal_and_looked_at_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "jobwatch.yaml"
    only = {"UIN": "1", "APPID": "1", "KIND": "cos-batch", "REGION": "ap-chengdu"}
    environ = {f"JOBWATCH_SOURCES__PROD__PROVIDER__{key}": text for key, text in only.items()}
    async with bench(tmp_path, environ=environ) as at:
        file.write_text("sources: {prod: {every: 7s}}\n")
        assert (await at.ask(Trigger.SIGNAL)).changed == ("sources.prod changed",)
        file.write_text("sources: {prod: {every: 9s}}\n")
        await at.look(2)
        assert at.parts.watched["prod"].source.pace.every == timedelta(seconds=9)


async def test_a_mount_that_hangs_holds_up_nobody_and_is_told(tmp_path: Path) -> None:
    free = threading.Event()
    free.set()
    async with bench(tmp_path, blocked=free) as at:
        at.tree |= LABELS
        at.write()
        free.clear()
        with capture_logs() as entries:
            for _ in range(2):
                assert (await at.ask()).problems == (HANGS,)
        assert not at.successful
        assert len(entries) == 2
        free.set()
        await at.look(3)
        assert (labels(at), at.successful) == ({"team": "data"}, True)


@asynccontextmanager
async def served(context: SSLContext) -> AsyncIterator[str]:
    """A server that only whoever trusts its certificate talks to."""
    app = web.Application()

    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"https://{host}:{port}/"
    finally:
        await runner.cleanup()


async def reaches(door: Sender, url: str) -> bool:
    request = HttpRequest(method="GET", url=url)
    try:
        await door.send(request, timeout=timedelta(seconds=5), max_body=100)
    except TransportError:
        return False
    return True


async def test_whom_to_trust_is_taken_up_also_where_it_came_with_a_mistake(tmp_path: Path) -> None:
    pair, other = make_pair(tmp_path), make_pair(tmp_path, name="other")
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(other.cert.read_bytes())
    egress = {"ca_file": "ca.pem"}
    async with served(context) as url, bench(tmp_path, tree={"egress": egress}) as at:
        door = at.parts.doors.out
        assert not await reaches(door, url)
        trusted.write_bytes(pair.cert.read_bytes())
        good = at.file.read_text() if at.file else ""
        at.write("sources: []")
        assert (await at.ask()).refused
        at.write(good)
        assert not (await at.ask()).refused
        assert await reaches(door, url)
        trusted.write_text("no certificate")
        await at.look(2)
        assert not at.successful
        assert await reaches(door, url)


async def test_a_configuration_that_is_wrong_is_refused_before_anything_is_touched(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as at:
        watched, doors = at.parts.watched["prod"], at.reloader.through
        at.tree["sources"] = {"prod": source("3"), "more": source("2")}
        at.tree["egress"] = {"allow_http": True}
        at.write()
        refused = await at.ask()
        assert "sources.prod" in refused.problems[0]
        assert at.parts.watched == {"prod": watched}
        assert at.reloader.through == doors
        assert {each.identity.name for each in await at.parts.store.sources()} == {"prod"}
