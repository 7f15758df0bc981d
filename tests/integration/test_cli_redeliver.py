"""`jobwatch redeliver` and `jobwatch receivers`: what is sent again, to whom, and how each receiver fares."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.cli.ending import Exit
from jobwatch.cli.receiver_test import MASK, masked_body, masked_headers, masked_url
from jobwatch.core.outbox import DeliveryState, Result, Settlement
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store import Store
from jobwatch.store.settings import SqliteSettings
from jobwatch.store.values import JobRow
from jobwatch.story.lines import Known, story
from tests.cli_rig import aside, configuration, fill_story, jobwatch, read
from tests.contract.watcher import claim, outcome
from tests.factories import MINUTE, NOW, job, snapshot
from tests.overviews import delivery_row

SINCE = ("--receiver", "ops", "--since", "1h")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which everything for `ops` was given up, but for what is tried again in a minute."""
    file = fill_story(tmp_path_factory.mktemp("filled"))
    asyncio.run(give_up(file))
    return file


@pytest.fixture
def file(filled: Path, tmp_path: Path) -> Path:
    """The same for each test."""
    return shutil.copytree(filled.parent, tmp_path / "copied") / filled.name


@pytest.fixture
def dead(file: Path) -> list[int]:
    listed = read("deliveries", "--state", "dead", "--config", file)["deliveries"]
    return sorted(each["id"] for each in listed)


async def give_up(file: Path) -> None:
    """Try what may be sent to `ops`, again and again, and give it up."""
    settings = SqliteSettings(path=file.parent / "jobwatch.db")
    store = await Store.open(settings, owner="test", clock=utc_now, exclusive=True)
    while claimed := await claim(store):
        for each in claimed:
            attempt = outcome(each, utc_now(), Result.HTTP_5XX).attempt
            gone = Settlement(delivery=each, attempt=attempt, state=DeliveryState.DEAD)
            await store.settle([gone])
    await store.close()


@contextmanager
def without(file: Path, receiver: str) -> Iterator[None]:
    """The configuration without a receiver."""
    text = file.read_text()
    tree = yaml.safe_load(text)
    del tree["receivers"][receiver]
    file.write_text(yaml.safe_dump(tree))
    yield
    file.write_text(text)


def test_a_dry_run_says_what_would_be_sent_again_and_changes_nothing(
    file: Path, dead: list[int]
) -> None:
    asked = ("redeliver", *SINCE, "--dry-run", "--config", file)
    shown = read(*asked)
    assert (sorted(shown["deliveries"]), shown["left"], shown["dry_run"]) == (dead, 0, True)
    done = jobwatch(*asked)
    words = f"{len(dead)} deliveries to ops would be sent again, the oldest first\n"
    assert (done.returncode, done.stdout) == (Exit.DONE, words)
    assert len(read("deliveries", "--state", "dead", "--config", file)["deliveries"]) == len(dead)


def test_one_is_sent_again_by_its_number_and_then_there_is_nothing_to_do(
    file: Path, dead: list[int]
) -> None:
    number = str(dead[0])
    done = jobwatch("redeliver", number, "--config", file)
    assert (done.returncode, done.stderr) == (Exit.DONE, "")
    assert done.stdout.startswith(f"delivery {number} (job.")
    assert "to ops) is sent again; it was: given up" in done.stdout
    assert "within seconds where it runs, or by `jobwatch once`; for 3 d" in done.stdout
    again = jobwatch("redeliver", number, "--config", file)
    assert (again.returncode, again.stderr) == (Exit.DONE, "")
    assert "waits already: nothing to do" in again.stdout
    listed = jobwatch("deliveries", "--state", "pending", "--receiver", "ops", "--config", file)
    assert ", by hand" in listed.stdout


def test_the_dead_of_a_receiver_are_sent_again_so_many_at_once(file: Path, dead: list[int]) -> None:
    done = jobwatch("redeliver", *SINCE, "--limit", "1", "--config", file)
    assert done.stdout.startswith("1 delivery to ops is sent again, the oldest first; ")
    assert f"{len(dead) - 1:,} more are left" in done.stdout
    shown = read("redeliver", *SINCE, "--config", file)
    assert (len(shown["deliveries"]), shown["left"]) == (len(dead) - 1, 0)
    none = jobwatch("redeliver", *SINCE, "--config", file)
    assert (none.returncode, none.stdout) == (
        Exit.DONE, "no delivery to ops was given up since then\n",
    )  # fmt: skip


def test_what_was_given_up_is_explained_with_its_last_answer(file: Path, dead: list[int]) -> None:
    assert dead
    document = read("explain", "prod/job-slow", "--config", file)
    words = [line["words"] for line in document["story"] if line["kind"] == "delivery"]
    assert "ops, job.stalled: given up (http_5xx (HTTP 200): said)" in words


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name one delivery by its number, or a receiver"),
        (("1", *SINCE), "name one delivery by its number, or a receiver"),
        (("--receiver", "ops"), "--receiver and --since belong together"),
        (("1", "--since", "1h"), "--receiver and --since belong together"),
        (("--receiver", "ops", "--since", "soon"), "--since soon: write how long ago"),
        (("--receiver", "ops", "--since", "2026-11-21T20:00:00"), "a time with its zone"),
        (("--receiver", "nobody", "--since", "1h"), "receiver nobody is not configured"),
        (("0",), "greater than or equal to 1"),
        ((*SINCE, "--limit", "10001"), "less than or equal to 10000"),
    ],
)
def test_words_that_make_no_sense_are_refused(
    file: Path, words: tuple[str, ...], says: str
) -> None:
    done = jobwatch("redeliver", *words, "--config", file)
    assert (done.returncode, done.stdout) == (Exit.MISUSED, "")
    assert says in done.stderr


def test_a_delivery_that_is_not_there_or_has_no_receiver_any_more_is_refused(
    file: Path, dead: list[int]
) -> None:
    done = jobwatch("redeliver", "999999", "--config", file)
    assert (done.returncode, done.stderr) == (
        Exit.FAILED,
        "jobwatch: there is no delivery 999999\n",
    )
    with without(file, "ops"):
        gone = jobwatch("redeliver", str(dead[0]), "--config", file)
    assert gone.returncode == Exit.MISUSED
    assert "receiver ops is not configured (any more)" in gone.stderr


def test_a_moment_may_be_named_as_such(file: Path, dead: list[int]) -> None:
    moment = (utc_now() - timedelta(hours=1)).isoformat()
    asked = ("redeliver", "--receiver", "ops", "--since", moment, "--dry-run")
    assert len(read(*asked, "--config", file)["deliveries"]) == len(dead)
    ahead = (utc_now() + timedelta(hours=1)).isoformat()
    asked = ("redeliver", "--receiver", "ops", "--since", ahead, "--dry-run")
    assert read(*asked, "--config", file)["deliveries"] == []


def test_a_receiver_is_paused_and_resumed_and_whoever_sends_again_is_told_so(
    file: Path, dead: list[int]
) -> None:
    paused = jobwatch("receivers", "pause", "ops", "--config", file)
    assert (paused.returncode, paused.stdout.startswith("ops: paused; ")) == (Exit.DONE, True)
    assert "paused already" in jobwatch("receivers", "pause", "ops", "--config", file).stderr
    sent = jobwatch("redeliver", str(dead[0]), "--config", file)
    assert "(by command): it waits until `jobwatch receivers resume ops`" in sent.stderr
    (row,) = read("receivers", "ops", "--config", file)["receivers"]
    assert (row["state"], row["reason"], row["pending"]) == ("paused", "command", 2)
    shown = jobwatch("receivers", "--config", file).stdout
    (line,) = [each for each in shown.splitlines() if each.startswith(" ops")]
    assert "when resumed" in line
    assert "by command" in line
    assert "http_5xx (200): said" in line
    resumed = jobwatch("receivers", "resume", "ops", "--config", file)
    assert resumed.stdout == "ops: tried again, with care; 2 deliveries wait\n"
    assert "neither paused" in jobwatch("receivers", "resume", "ops", "--config", file).stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nobody",), "there is no receiver nobody; there are chat, ops"),
        (("pause",), "name the receiver: jobwatch receivers pause NAME"),
        (("pause", "nobody"), "there is no receiver nobody"),
        (("test", "nobody"), "there is no receiver nobody"),
        (("wake", "ops"), "write `jobwatch receivers`"),
    ],
)
def test_words_on_receivers_that_make_no_sense_are_refused(
    file: Path, words: tuple[str, ...], says: str
) -> None:
    done = jobwatch("receivers", *words, "--config", file)
    assert (done.returncode, done.stdout) == (Exit.MISUSED, "")
    assert says in done.stderr


async def test_a_test_shows_request_and_answer_and_fails_where_it_was_not_accepted(
    tmp_path: Path,
) -> None:
    async with Simulation(World(), clock=utc_now) as simulation:
        simulation.sink.always("/secret-deaf", Reply(status=500, body=b"not now"))
        hooks = {
            name: simulation.hook_url(f"/secret-{name}?token=hush") for name in ("ops", "deaf")
        }
        file = configuration(tmp_path, hooks=hooks)
        good = await aside("receivers", "test", "ops", "--config", file)
        bad = await aside("receivers", "test", "deaf", "--config", file)
    assert (good.returncode, bad.returncode) == (Exit.DONE, Exit.FAILED), good.stderr
    assert "accepted" in good.stdout
    assert '"type": "receiver.test"' in good.stdout
    assert "webhook-id: evt_" in good.stdout.lower()
    assert "HTTP 500" in bad.stdout
    assert "not now" in bad.stdout
    assert "deaf did not accept the test: it has trouble of its own" in bad.stderr
    said = good.stdout + good.stderr + bad.stdout + bad.stderr
    assert "hush" not in said
    assert "/secret-" not in said


def test_what_is_shown_of_a_request_holds_no_secret() -> None:
    assert masked_url("https://user:key@oapi.example.com/robot/send?k=1") == (
        f"https://oapi.example.com/{MASK}"
    )
    headers = {"Authorization": "hush", "Content-Type": "application/json"}
    assert masked_headers(headers) == {"Authorization": MASK, "Content-Type": "application/json"}
    assert "hush" not in masked_body(b'{"sign": "hush", "payload": [{"routing_key": "hush"}]}')
    assert masked_body(b"\xff no JSON") == "\ufffd no JSON"
    assert masked_body(b"[" * 100_000).startswith("[[")


@pytest.mark.parametrize(
    ("digests", "says"),
    [
        ({}, "told in digest evt_1"),
        ({"evt_1": DeliveryState.DELIVERED}, "told in digest evt_1, that is delivered"),
        ({"evt_1": DeliveryState.PENDING}, "told in digest evt_1, that waits"),
        ({"evt_1": DeliveryState.DEAD}, "told in digest evt_1, that was given up"),
    ],
)
def test_what_a_digest_tells_is_explained_with_the_digest(
    digests: dict[str, DeliveryState], says: str
) -> None:
    row = delivery_row(
        state=DeliveryState.ABSORBED, due_at=None, settled_at=NOW + MINUTE, digest_id="evt_1"
    )
    known = Known(
        row=JobRow(source="prod", snapshot=snapshot(of=job("Failed"))),
        changes=[],
        told=[],
        conditions=[],
        deliveries=[(row, [])],
        kept_since=NOW,
    )
    line = story(replace(known, digests=digests))[-1]
    assert line.words == f"chat, job.failed: {says}"
