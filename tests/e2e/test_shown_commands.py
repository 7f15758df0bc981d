"""Every command that a page shows is tried: most of them run as they stand, beside a daemon that watches a simulated cloud."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon import get
from tests.documents.shown import Shown, commands
from tests.documents.shown_commands import How, replaced, row_of, stood_in
from tests.documents.shown_queries import queries
from tests.e2e.shown_scene import NOWHERE, PATIENCE, Scene, scene
from tests.programs import program
from tests.prometheus import prometheus

pytestmark = pytest.mark.timeout(300)

COMMANDS = commands()
NAMES = re.compile(r"(?:receivers (?:(?:pause|resume|test) )?|--receiver )([a-z][a-z0-9_]*)")
NEEDED = {"curl", "helm", "jq", "kubectl", "openssl", "promtool", "systemd-sysusers"}
NOT_UNDERSTOOD = re.compile(
    r"unknown|unrecogni[sz]ed|invalid|usage:|path .* does not exist|no such file|expected command|is not a git command",
    re.IGNORECASE,
)


def tried(how: How) -> list[tuple[str, Shown]]:
    """The commands that are tried so, once each, in the order of the pages."""
    found: dict[str, Shown] = {}
    for each in COMMANDS:
        row = row_of(each)
        if row is not None and row.how is how:
            found.setdefault(stood_in(each.text), each)
    return list(found.items())


def need(how: How) -> None:
    """Skip the test where a program that its commands begin with is not installed."""
    for name in {command.split()[0] for command, _ in tried(how)} & NEEDED:
        program(name)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    named = {name for each in COMMANDS for name in NAMES.findall(stood_in(each.text))}
    with scene(
        tmp_path_factory.mktemp("scene"), named - {"pause", "resume", "test", "ops"}
    ) as made:
        yield made


def failed(stage: Scene, how: How, at: Path) -> list[str]:
    """Try all commands of a kind; those that did not end well, with what they said."""
    need(how)
    wrong = []
    for command, shown in tried(how):
        done = stage.run(stage.prepare(command), at=at)
        stage.tidy(command)
        if done.returncode:
            wrong.append(
                f"{shown.place}: {command}\n    {done.returncode}: {done.stderr.strip()[-400:]}"
            )
    return wrong


def test_what_runs_beside_a_daemon_does(stage: Scene) -> None:
    assert len(tried(How.BESIDE)) > 30
    assert not (wrong := failed(stage, How.BESIDE, stage.folder)), "\n".join(wrong)


def test_what_needs_a_store_at_rest_runs_on_one(stage: Scene) -> None:
    assert tried(How.AT_REST)
    assert not (wrong := failed(stage, How.AT_REST, stage.rest)), "\n".join(wrong)


def test_what_goes_on_works_until_it_is_asked_to_stop(stage: Scene) -> None:
    for command, shown in tried(How.GOES_ON):
        words = command.split()[1:]
        process = subprocess.Popen(
            [sys.executable, "-m", "jobwatch", *words], cwd=stage.rest, env=stage.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), shown
            process.send_signal(signal.SIGINT if "--follow" in words else signal.SIGTERM)
            said, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        assert process.returncode in (0, 130), (str(shown), said.decode())


REACH = {
    "docker": "podman --remote --url tcp://127.0.0.1:1",
    "kubectl": f"kubectl --server={NOWHERE}",
    "amtool": f"amtool --alertmanager.url={NOWHERE}",
    "git": "git --git-dir=./nowhere.git",
    "systemctl": "systemctl --machine=nowhere",
}
"""Programs whose command lines are read to their end before they find nobody to ask. None may reach what this machine runs."""


def test_what_asks_a_cluster_or_an_engine_is_understood_by_its_program(stage: Scene) -> None:
    for command, shown in tried(How.READ):
        name, rest = command.split(" ", 1)
        program(REACH.get(name, name).split(" ", 1)[0])
        done = stage.run(f"{REACH.get(name, name)} {rest}")
        said = done.stdout + done.stderr
        assert done.returncode or name not in REACH, shown
        assert not NOT_UNDERSTOOD.search(said), (str(shown), said)


IN_PART = (
    (r"^make ", "make --dry-run "),
    (r"^systemd-sysusers ", "systemd-sysusers --root=./root "),
    (r"^\S*python -m (tests(?:\.\w+)+).*", sys.executable + r" -m \1 --help"),
    (r"(?<=[ >])/(?=etc/|srv/|opt/)", "./root/"),
    (r"chown -R 65532(:65532)?", "chown -R $(id -u):$(id -g)"),
    (r"-o 65532 -g 65532", "-o $(id -u) -g $(id -g)"),
    (r"^helm (?:upgrade --install|install|upgrade)(.*)", r"helm template\1"),
    (r"^kubectl apply --kustomize ", "kubectl kustomize "),
    (r"^(kubectl create .*)", r"\1 --dry-run=client --output yaml"),
)
"""The part of a command that needs no cluster, no root and no network."""


def test_of_the_others_the_part_runs_that_can(stage: Scene) -> None:
    need(How.IN_PART)
    wrong = []
    for command, shown in tried(How.IN_PART):
        line = replaced(command, IN_PART)
        assert line != command, shown
        assert not re.search(r"(?<=[ >])/", line), f"{shown} would change this machine"
        done = stage.run(line)
        if done.returncode:
            wrong.append(f"{shown.place}: {line}\n    {done.stderr.strip()[-400:]}")
    assert not wrong, "\n".join(wrong)


async def test_prometheus_answers_every_query(stage: Scene, tmp_path: Path) -> None:
    async with prometheus(tmp_path / "prometheus") as server:
        server.scrape(f"127.0.0.1:{stage.daemon.port}")
        await server.until(lambda: server.query("jobwatch_build_info"))
        for each in queries():
            server.query(each.text)  # fails where it is not understood
    assert get(f"http://127.0.0.1:{stage.daemon.port}/metrics")[0] == 200
