"""Where the commands of the pages run: a daemon that watches a simulated cloud, in a folder that looks like a reader's."""

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jobwatch.app.clock import utc_now
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.cli_rig import Done, environment, jobwatch, lives
from tests.daemon import Daemon, configuration, free_port
from tests.documents.shown import ROOT, blocks
from tests.programs import NODE, said_by

PATIENCE = 60.0
TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
FROM_THE_REPOSITORY = (
    "config",
    "deploy",
    "docs",
    "tests",
    "Makefile",
    "Dockerfile",
    "pyproject.toml",
)
SHELL = re.compile(r"[|<>;&$*`\n]|jobwatch (once|backup -)")
"""What only a shell understands, or wants a real standard output. All else runs in this process: imports take a second."""

NOWHERE = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Scene:
    """A daemon with a history: ends of all kinds, a receiver that takes nothing, backups. `rest` has a store of its own."""

    folder: Path
    daemon: Daemon

    @property
    def rest(self) -> Path:
        return self.folder / "rest"

    def run(self, command: str, *, at: Path | None = None) -> Done:
        """Run a command line to its end in a folder."""
        at = at or self.folder
        line = command.replace("19870", str(self.daemon.port))
        if line.startswith("jobwatch ") and not SHELL.search(line):
            return self._here(line, at)
        done = subprocess.run(
            ["bash", "-euc", line], cwd=at, env=self.environment(), capture_output=True, text=True,
            timeout=PATIENCE, check=False, errors="replace",
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def _here(self, line: str, at: Path) -> Done:
        with contextlib.chdir(at):
            return jobwatch(*shlex.split(line)[1:])

    def environment(self) -> dict[str, str]:
        """A reader's: jobwatch, helm and kubectl are installed, no cluster or engine can be reached."""
        path = os.pathsep.join([str(self.folder / "bin"), str(NODE / "bin"), os.environ["PATH"]])
        answers = {
            "WEBHOOK_ID": "evt_x",
            "SWEEP": "swp_x",
            "TOKEN": TOKEN,
            "HOME": str(self.folder),
        }
        return environment(PATH=path, KUBECONFIG="/dev/null", **answers)

    def prepare(self, command: str) -> str:
        """Let a command find what its page takes for granted; gives it with the number of what was made for it."""
        file = re.search(r"jobwatch backup (\./\S+)(?!.*--force)", command)
        if file is not None:
            (self.folder / file[1]).unlink(missing_ok=True)
        file = re.search(r"jobwatch restore (?:--\S+ )*(\./\S+)", command)
        if file is not None:
            shutil.copy(self.folder / "backups" / "kept.db", self.folder / file[1])
            shutil.copy(self.folder / "backups" / "kept.db", self.rest / "jobwatch.db")
            if "--force" not in command:
                (self.rest / "jobwatch.db").unlink()
        if command.startswith("jobwatch unmute "):
            said = self.run("jobwatch mute --source prod --for 1h --reason planned --output json")
            return f"jobwatch unmute {yaml.safe_load(said.stdout)['mute']['id']}"
        return command

    def tidy(self, command: str) -> None:
        """Let a paused receiver go on."""
        paused = re.match(r"jobwatch receivers pause (\w+)", command)
        if paused is not None:
            assert self.run(f"jobwatch receivers resume {paused[1]}").returncode == 0


@contextmanager
def simulated() -> Iterator[Simulation]:
    """A simulated cloud on a thread of its own."""
    began, ended = threading.Event(), asyncio.Event()
    found: list[Any] = []

    async def play() -> None:
        async with Simulation(World(lives()), clock=utc_now) as simulation:
            found.extend([simulation, asyncio.get_running_loop()])
            began.set()
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(play(),))
    thread.start()
    assert began.wait(PATIENCE)
    try:
        yield found[0]
    finally:
        found[1].call_soon_threadsafe(ended.set)
        thread.join(PATIENCE)


@contextmanager
def scene(folder: Path, receivers: Iterable[str]) -> Iterator[Scene]:
    """Set it up in an empty folder; every receiver that a page names is there."""
    with simulated() as simulation:
        simulation.sink.always("/deaf", Reply(status=410, body=b"no more"))
        port = free_port()
        daemon = Daemon(folder=folder, config=_configured(simulation, port, receivers), port=port)
        _furnish(folder)
        daemon.start()
        try:
            daemon.wait_ready()
            _wait_told(daemon)
            made = Scene(folder, daemon)
            _copy_to_rest(made)
            yield made
        finally:
            daemon.stop()


def _configured(simulation: Simulation, port: int, receivers: Iterable[str]) -> dict[str, Any]:
    config = configuration(simulation, port)
    ops = config["receivers"]["ops"]
    ops["wants"] = {"types": ["*"]}
    for name in receivers:
        config["receivers"][name] = {**ops, "url": simulation.hook_url(f"/{name}")}
    config["receivers"]["deaf"] = {**ops, "url": simulation.hook_url("/deaf")}
    config["metrics"] = {"per_job": {"enabled": True}}
    return config


def _furnish(folder: Path) -> None:
    for path in (*map(ROOT.joinpath, FROM_THE_REPOSITORY), *ROOT.glob("*.lock")):
        (folder / path.name).symlink_to(path)
    for name in ("bin", "backups", "rest", "root", "secrets"):
        (folder / name).mkdir()
    for name in (
        "systemd/system",
        "jobwatch",
    ):  # what a machine has, and what a page makes a line before
        (folder / "root" / "etc" / name).mkdir(parents=True)
    said_by("git", "init", "--quiet", "--bare", str(folder / "nowhere.git"))
    (folder / "rest" / "backups").symlink_to(folder / "backups")
    for name in ("read-token", "operate-token"):
        (folder / name).write_text(TOKEN + "\n", encoding="ascii")
    for block in blocks("yml"):  # a block that begins with the name of a file is that file
        named = re.match(r"# (\w+\.yaml)\n", block.text)
        if named is not None:
            (folder / named[1]).write_text(block.text, encoding="utf-8")
    program = folder / "bin" / "jobwatch"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m jobwatch "$@"\n', encoding="ascii")
    program.chmod(0o755)
    (folder / "jobwatch.log").symlink_to(folder / "daemon.log")


def _wait_told(daemon: Daemon) -> None:
    """Wait until all three endings were delivered, and the deaf receiver is paused."""
    deadline = time.monotonic() + PATIENCE
    while (
        len(daemon.query("SELECT 1 FROM deliveries WHERE state = 'delivered' AND receiver = 'ops'"))
        < 3
    ):
        assert time.monotonic() < deadline, daemon.tail()
        time.sleep(0.1)


def _copy_to_rest(made: Scene) -> None:
    config = {**made.daemon.config, "http": {"listen": f"127.0.0.1:{free_port()}"}}
    (made.rest / "jobwatch.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    assert made.run("jobwatch backup backups/kept.db").returncode == 0
    shutil.copy(made.folder / "backups" / "kept.db", made.rest / "jobwatch.db")
