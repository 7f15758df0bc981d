"""The commands there are, and how they end."""

import json
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from jobwatch import __version__
from jobwatch.cli.commands import app
from jobwatch.cli.ending import Exit, Failed, sentences, wants_traceback
from jobwatch.core.errors import ConfigError, StoreError, StoreLocked, StoreUnusable
from tests.cli_rig import COMMAND, PATIENCE, child, configuration, environment, jobwatch

COMMANDS = (
    *("backup", "health", "restore"),
    *("receivers", "redeliver", "mute", "mutes", "unmute"),
    "run",
    "demo",
    "check",
    "once",
    "sources",
    "jobs",
    "job",
    "explain",
    "events",
    "deliveries",
    "simulate",
    "schema",
    "version",
)
READING = (
    ["sources"],
    ["sources", "prod"],
    ["jobs"],
    ["job", "prod/x"],
    ["explain", "prod/x"],
    ["events"],
    ["deliveries"],
)


def test_these_commands_exist_and_no_other() -> None:
    assert set(getattr(get_command(app), "commands")) == set(COMMANDS)  # noqa: B009  typer's own class


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = jobwatch(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"jobwatch {command}" in done.stdout


def test_without_a_command_there_is_help() -> None:
    done = jobwatch()
    assert done.returncode == Exit.MISUSED
    assert "Usage: jobwatch" in done.stdout + done.stderr


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_the_version_is_told(argument: str) -> None:
    done = child(argument)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"jobwatch {__version__} ")


def test_the_version_is_told_as_json() -> None:
    assert json.loads(jobwatch("version", "--output", "json").stdout)["version"] == __version__


def test_telling_the_version_takes_no_longer_than_200_ms() -> None:
    def seconds() -> float:
        begun = time.perf_counter()
        child("version")
        return time.perf_counter() - begun

    # The best of several: what is measured is the program, not what else the machine does.
    assert min(seconds() for _ in range(5)) <= 0.2


def test_the_schema_is_a_json_schema() -> None:
    schema = json.loads(jobwatch("schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "sources" in schema["properties"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["jobz"],
        ["jobs", "--limit", "0"],
        ["jobs", "--phase", "sleeping"],
        ["jobs", "--no-such-option"],
        ["job"],
        ["demo", "--for", "60"],
        ["demo", "--port", "70000"],
        ["simulate", "--speed", "0"],
        ["simulate", "--faults", "nonsense"],
        ["check", "--output", "xml"],
        ["sources", "sweep", "prod", "--timeout", "60"],
        ["explain"],
    ],
)
def test_bad_usage_exits_with_2(arguments: list[str]) -> None:
    done = jobwatch(*arguments)
    assert done.returncode == Exit.MISUSED
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "check", "jobs"])
def test_every_mistake_in_the_configuration_is_told_on_its_own_line(
    command: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("receiverz: {}\nrules: {stalled_afer: 5m}\n")
    done = child(command, "--config", file)
    assert done.returncode == Exit.MISUSED
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("jobwatch: ") for line in lines)
    assert any("receiverz" in line and "receivers" in line for line in lines)


def test_a_missing_configuration_is_told_with_what_to_do(tmp_path: Path) -> None:
    done = jobwatch("check", "--config", tmp_path / "none.yaml")
    assert done.returncode == Exit.MISUSED
    assert "none.yaml" in done.stderr


@pytest.mark.parametrize("arguments", READING)
def test_without_a_store_reading_commands_say_so_and_make_none(
    arguments: list[str], tmp_path: Path
) -> None:
    file = configuration(tmp_path)
    done = jobwatch(*arguments, "--config", file)
    assert done.returncode == Exit.MISUSED
    assert done.stdout == ""
    assert "jobwatch.db yet" in done.stderr
    assert "jobwatch run" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["jobwatch.yaml"]


@pytest.mark.parametrize("arguments", [*READING, ["run"], ["once"]])
def test_a_store_that_is_none_is_refused_and_left_alone(
    arguments: list[str], tmp_path: Path
) -> None:
    file = configuration(tmp_path)
    (tmp_path / "jobwatch.db").write_text("somebody's shopping list")
    done = jobwatch(*arguments, "--config", file)
    assert done.returncode == Exit.MISUSED
    assert "jobwatch.db" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "jobwatch.db").read_text() == "somebody's shopping list"


def test_once_says_which_source_could_not_be_read(tmp_path: Path) -> None:
    file = configuration(tmp_path)  # nothing listens at its endpoint
    done = child("once", "--config", file, "--output", "json")
    assert done.returncode == Exit.UNREADABLE
    assert json.loads(done.stdout) == {"sources": ["prod"], "unreadable": ["prod"]}
    assert "jobwatch: could not read prod" in done.stderr


def test_a_taken_port_is_told_as_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    file = configuration(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        tree = yaml.safe_load(file.read_text())
        tree["http"]["listen"] = f"127.0.0.1:{taken.getsockname()[1]}"
        file.write_text(yaml.safe_dump(tree))
        done = jobwatch("run", "--config", file)
    assert done.returncode == Exit.MISUSED
    assert "jobwatch: http.listen: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_failure(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "check", "--config", str(configuration(tmp_path))],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == Exit.DONE


def test_output_is_possible_on_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    env = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = child("check", "--config", configuration(tmp_path), env=env)
    assert done.returncode == Exit.DONE
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "lines", "code"),
    [
        (ConfigError(["one", "two"]), ["one", "two"], Exit.MISUSED),
        (StoreUnusable("move it away"), ["move it away"], Exit.MISUSED),
        (StoreLocked("it is held", holder="pid=7"), ["it is held (held by pid=7)"], Exit.FAILED),
        (StoreLocked("held by pid=7", holder="pid=7"), ["held by pid=7"], Exit.FAILED),
        (StoreError("disk full"), ["disk full"], Exit.FAILED),
        (Failed("no such job"), ["no such job"], Exit.FAILED),
        (ExceptionGroup("tasks", [StoreError("disk full")]), ["disk full"], Exit.FAILED),
        (
            ExceptionGroup("tasks", [ValueError("x"), ConfigError(["port taken"])]),
            ["port taken"],
            Exit.MISUSED,
        ),
    ],
)
def test_each_error_is_told_in_its_own_words(
    error: Exception, lines: list[str], code: Exit
) -> None:
    assert sentences(error) == (lines, code)


def test_a_fault_of_the_program_is_one_line_that_says_how_to_learn_more() -> None:
    (line,), code = sentences(RuntimeError("what\nnow\x1b[2J"))
    assert code == Exit.FAILED
    assert line.startswith("internal error: RuntimeError: what␊now␛[2J; ")
    assert "JOBWATCH_LOG__LEVEL=debug" in line


def test_only_a_fault_of_the_program_has_a_traceback_and_only_for_who_debugs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault, expected = RuntimeError("what"), ExceptionGroup("tasks", [StoreError("disk full")])
    monkeypatch.delenv("JOBWATCH_LOG__LEVEL", raising=False)
    assert not wants_traceback(fault)
    monkeypatch.setenv("jobwatch_log__level", "DEBUG")
    assert wants_traceback(fault)
    assert not wants_traceback(expected)
