"""The command line, in this process or as a child, and a store that was filled by it."""

import asyncio
import io
import json
import logging
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.cli import main
from jobwatch.core.conditions import Condition, ConditionName, ConditionState, Move, Subject
from jobwatch.core.model import FailureReason, Job, JobKey
from jobwatch.core.news import condition_event
from jobwatch.core.outbox import Result
from jobwatch.core.overview import LastError, LastSweep, SourceKeys, Spending, WalkState
from jobwatch.core.plan import SweepKind
from jobwatch.core.recording import batch_for, notice_for
from jobwatch.core.watched import Gap, Gaps
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET, Simulation
from jobwatch.simulator.world import World
from jobwatch.store import Store
from jobwatch.store.settings import SqliteSettings
from jobwatch.store.values import Learnt, Release, SweepFailure, SweepReport
from tests import factories
from tests.contract.watcher import Clock, Watcher, claim, outcome

COMMAND = (sys.executable, "-m", "jobwatch")
PATIENCE = 30.0

HOSTILE = "[bold red]pwned[/] \u202egpj.exe\u2066 :boom: \N{ZERO WIDTH SPACE}end"
"""Markup, a bidirectional override, an isolate without end, an emoji code, an invisible character."""

TAMED = "[bold red]pwned[/] \ufffdgpj.exe\ufffd :boom: \ufffdend"


def environment(**more: str) -> dict[str, str]:
    """The environment of a child: ours without any setting of jobwatch or of the terminal's width."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("JOBWATCH_") and name not in ("COLUMNS", "FORCE_COLOR", "TERM")
    }
    return {**kept, **more}


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def child(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Done:
    """Run a command to its end, as a process of its own."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def jobwatch(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Done:
    """Run a command to its end in this process, which spares the second that its imports take."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, _logging_kept():
        patch.setattr(sys, "argv", ["jobwatch", *map(str, arguments)])
        patch.setattr(os, "environ", environment(**(env or {})))
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


async def aside(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Done:
    """The same while this thread's loop goes on, so that the command may talk to a simulation on it."""
    return await asyncio.to_thread(jobwatch, *arguments, env=env)


@contextmanager
def _logging_kept() -> Iterator[None]:
    """Give the other tests of this process their logging back."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)


async def spawn(
    *arguments: str | Path, env: Mapping[str, str] | None = None, stderr: int = PIPE
) -> Process:
    """Start a command that goes on; `stderr` is where it complains to."""
    return await asyncio.create_subprocess_exec(
        *COMMAND, *map(str, arguments), env=environment(**(env or {})), stdout=PIPE, stderr=stderr
    )


async def line_with(process: Process, wanted: str) -> str:
    """Read the child's output up to a line that contains these words."""
    return await _line_with(process.stdout, wanted)


async def logged(process: Process, wanted: str) -> str:
    """Read the child's log up to a line that contains these words."""
    return await _line_with(process.stderr, wanted)


async def _line_with(stream: asyncio.StreamReader | None, wanted: str) -> str:
    assert stream is not None
    lines: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while line := (await stream.readline()).decode():
            lines.append(line)
            if wanted in line:
                return line
    raise AssertionError(f"nothing with {wanted!r} in: {''.join(lines)}")


async def complaints(process: Process) -> str:
    """Everything the child said on standard error, once it ended."""
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE):
        return (await process.stderr.read()).decode()


async def end_of(process: Process) -> int:
    """Wait for the end of a child; its exit code."""
    async with asyncio.timeout(PATIENCE):
        return await process.wait()


def configuration(
    folder: Path, *, endpoint: str = "http://127.0.0.1:9", hooks: Mapping[str, str] | None = None
) -> Path:
    """Write a configuration that watches one source."""
    receivers = {
        name: {"url": url, "secrets": [DEMO_WEBHOOK_SECRET], "wants": {"types": ["*"]}}
        for name, url in (hooks or {}).items()
    }
    provider = {
        "kind": "cos-batch",
        "region": "ap-chengdu",
        "uin": "100000000001",
        "appid": "1250000000",
        "endpoint": endpoint,
        "credentials": {"secret_id": "AKIDdemo-not-a-real-id", "secret_key": "demo-not-a-real-key"},
    }
    tree: dict[str, Any] = {
        "sources": {"prod": {"every": "1s", "provider": provider}},
        "receivers": receivers,
        "http": {"listen": "127.0.0.1:0"},
    }
    file = folder / "jobwatch.yaml"
    file.write_text(yaml.safe_dump(tree))
    return file


def slowly(file: Path) -> Path:
    """Let sweeps be so seldom that only who asks sees one, and that data is not old for a while."""
    tree = yaml.safe_load(file.read_text())
    tree["sources"]["prod"]["every"] = "1h"
    file.write_text(yaml.safe_dump(tree))
    return file


def life(job_id: str, *statuses: str, **more: Any) -> JobScript:
    """A job that came to the last of these statuses two minutes ago."""
    steps = [Step(status, timedelta(minutes=1), done=1.0) for status in statuses[:-1]]
    created_at = utc_now() - timedelta(minutes=2 + len(steps))
    return JobScript(id=job_id, created_at=created_at, steps=(*steps, Step(statuses[-1])), **more)


def lives() -> list[JobScript]:
    """A success, a completion with failures, a failure with hostile words, and one that runs."""
    reason = FailureReason(code="[red]Code[/]", message=HOSTILE)
    partly = Step("Active", timedelta(minutes=1), done=1.0, failing=0.6)
    return [
        life("job-succeeded", "Active", "Complete", description="迁移历史账单"),
        life("job-failed", "Active", "Failed", description=HOSTILE, failures=(reason,)),
        JobScript(
            id="job-partly",
            created_at=utc_now() - timedelta(minutes=3),
            steps=(partly, Step("Complete")),
        ),
        life("-job-running", "Ready", "Active"),
    ]


def fill_store(folder: Path) -> Path:
    """Let `jobwatch once` watch those lives; the receiver `ops` accepts, `deaf` answers 500."""
    return asyncio.run(_fill_store(folder))


async def _fill_store(folder: Path) -> Path:
    async with Simulation(World(lives()), clock=utc_now) as simulation:
        simulation.sink.always("/deaf", Reply(status=500, body=b"\x1b[31mnot now"))
        hooks = {name: simulation.hook_url(f"/{name}") for name in ("ops", "deaf")}
        file = configuration(folder, endpoint=simulation.endpoint, hooks=hooks)
        process = await spawn("once", "--config", file)
        said = await complaints(process)
        assert await end_of(process) == 0, said
    return file


BEGAN = timedelta(hours=2)
"""How long ago the watched story began."""

SWEPT = LastSweep(
    kind="hot",
    reason="hot_due",
    started_at=utc_now(),
    took=timedelta(seconds=2),
    pages=11,
    followed=2,
    calls=14,
    refused=("Pausing",),
)


def fill_story(folder: Path) -> Path:
    """A store in which `job-slow` stalls and is reminded of, and `job-lost` failed and could not be asked about."""
    hooks = {name: f"https://hooks.example.com/{name}" for name in ("ops", "chat")}
    file = slowly(configuration(folder, hooks=hooks))
    asyncio.run(_fill_story(folder / "jobwatch.db"))
    return file


async def _fill_story(path: Path) -> None:
    clock = Clock(utc_now() - BEGAN)
    store = await Store.open(SqliteSettings(path=path), owner="test", clock=clock, exclusive=True)
    watcher = await Watcher.start(store, clock)
    await store.begin_sweep(watcher.lease, clock())
    await watcher.sees(_running("job-slow", 0), _running("job-lost", 0))
    clock.advance(timedelta(minutes=10))
    await watcher.sees(_running("job-slow", 2), _lost(clock()))
    waiting = await store.awaiting_detail(watcher.lease, limit=10)
    releases = [
        Release(event_id=each.event_id, detail=None, error="AccessDenied") for each in waiting
    ]
    await store.release(watcher.lease, releases)
    claimed = await claim(store)
    await store.settle([outcome(each, clock(), Result.HTTP_5XX) for each in claimed])
    clock.advance(timedelta(minutes=10))
    await _breaks(watcher)
    clock.advance(timedelta(minutes=30))
    condition = Condition(
        id="cnd_story",
        subject=Subject(JobKey("", "job-slow"), ConditionName.STALLED),
        since=clock() - timedelta(minutes=40),
        opened_at=clock(),
    )
    condition = await _tells(watcher, Move(ConditionState.OPENED, condition))
    clock.advance(timedelta(minutes=20))
    again = replace(condition, reminded_at=clock(), reminders=1)
    await _tells(watcher, Move(ConditionState.REMINDED, again))
    clock.now = utc_now()
    await _finishes(watcher)
    await store.close()


def _running(job_id: str, succeeded: int) -> Job:
    counted = factories.progress(succeeded=succeeded)
    return factories.job(
        "Active",
        id=job_id,
        description=HOSTILE,
        created_at=utc_now() - 2 * BEGAN,
        progress=counted,
    )


def _lost(at: datetime) -> Job:
    return factories.job("Failed", id="job-lost", created_at=at - BEGAN, ended_at=at)


async def _tells(watcher: Watcher, move: Move) -> Condition:
    """Record a step of a condition; the condition as it is kept then."""
    snapshot = await watcher.snapshot(move.condition.subject.key.id)
    note = move.condition.note(move.state)
    event = condition_event(note, snapshot, watcher.desk.origin, observed_at=watcher.clock())
    notice = notice_for(event, watcher.desk, move)
    batch = batch_for((), watcher.desk, recorded_at=watcher.clock(), notices=(notice,))
    await watcher.store.record(watcher.lease, batch)
    assert notice.move is not None
    return notice.move.condition


async def _breaks(watcher: Watcher) -> None:
    error = LastError(
        at=watcher.clock(),
        error_class="denied",
        code="AccessDenied",
        message="Access \x1b[31mDenied.",
        request_id="NjEx-request",
    )
    failure = SweepFailure(at=watcher.clock(), error=error, failing_since=watcher.clock())
    await watcher.store.break_sweep(watcher.lease, failure)


async def _finishes(watcher: Watcher) -> None:
    now = watcher.clock()
    spending = Spending(
        rate=2.5,
        limit=10,
        hour=1234,
        throttled=7,
        withheld_until=now + timedelta(minutes=30),
        withheld_reason="retry_after",
    )
    report = SweepReport(
        kind=SweepKind.FULL,
        started_at=now,
        finished_at=now,
        listed=2,
        unfinished=1,
        next_sweep_at=now + timedelta(hours=1),
        next_full_at=now + timedelta(hours=2),
        gaps=Gaps().added(Gap(now - timedelta(minutes=110), now - timedelta(minutes=105))),
        walk=WalkState(started_at=now, token="next", pages=12, listed=12_000),
        suspect_since=now,
        last_sweep=SWEPT,
        learnt=Learnt(
            spending=spending,
            keys=SourceKeys(kind="tke-oidc", expires_at=now + timedelta(hours=3)),
            clock_offset=timedelta(seconds=3.2),
        ),
    )
    await watcher.store.finish_sweep(watcher.lease, report)


def read(*arguments: str | Path) -> Any:
    """The one JSON document that a command prints."""
    done = jobwatch(*arguments, "--output", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)
