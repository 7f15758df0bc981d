"""What is in `deploy/` is well formed, safe as it comes, and asks for what there is."""

import configparser
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobwatch.app.assembling import GRACE
from jobwatch.cli.ending import Exit
from jobwatch.settings import load_settings
from jobwatch.simulator.simulation import DEMO_CREDENTIALS, DEMO_WEBHOOK_SECRET
from tests.deploying.deployed import (
    DEMO,
    DEPLOY,
    PRODUCTION,
    UNIT,
    mounts,
    read,
)
from tests.programs import program, said_by

COMPOSE = [folder / "compose.yaml" for folder in (DEMO, PRODUCTION)]
MOST_EXPOSED = 2.0


# ── systemd ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit as it would stand on a machine where the program is installed."""
    text = UNIT.read_text(encoding="utf-8")
    placed = tmp_path / UNIT.name
    installed = "/opt/jobwatch/bin/jobwatch"
    assert installed in text
    placed.write_text(text.replace(installed, sys.executable), encoding="utf-8")
    return placed


def settings_of_the_unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text("utf-8"), flags=re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def test_systemd_understands_every_line_of_the_unit(unit: Path) -> None:
    assert said_by(program("systemd-analyze"), "verify", "--man=no", str(unit)) == ""


def test_the_unit_leaves_the_service_little_to_do_harm_with(unit: Path) -> None:
    said = said_by(
        program("systemd-analyze"), "--no-pager", "security", "--offline=true", str(unit)
    )
    level = re.search(r"exposure level for jobwatch.service: ([0-9.]+)", said)
    assert level, said
    assert float(level[1]) < MOST_EXPOSED


def test_the_unit_agrees_with_the_daemon() -> None:
    known = settings_of_the_unit()
    assert known["RestartPreventExitStatus"] == [str(int(Exit.MISUSED))]
    stop = int(known["TimeoutStopSec"][0].removesuffix("s"))
    assert stop >= GRACE.total_seconds() + 10
    assert known["Type"] == ["notify"]
    assert known["StateDirectory"] == ["jobwatch"]
    assert "JOBWATCH_STORE__PATH=%S/jobwatch/jobwatch.db" in known["Environment"]
    assert read_sysusers() == {known["User"][0]}


def read_sysusers() -> set[str]:
    lines = (DEPLOY / "systemd" / "sysusers.conf").read_text("utf-8").splitlines()
    return {line.split()[1] for line in lines if line.startswith("u ")}


def test_no_key_of_the_unit_is_said_twice_but_those_that_add_up() -> None:
    adding = {"Environment", "SystemCallFilter"}
    twice = {key for key, values in settings_of_the_unit().items() if len(values) > 1}
    assert twice <= adding
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(UNIT.read_text("utf-8"))
    assert parser.sections() == ["Unit", "Service", "Install"]


# ── compose ─────────────────────────────────────────────────────────────────────────


def test_compose_files_are_what_the_specification_says() -> None:
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    said_by(*command, *map(str, COMPOSE))


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.parent.name)
def test_what_is_mounted_is_there_and_cannot_be_written(file: Path) -> None:
    found = [
        mount
        for service in read(file)["services"].values()
        for mount in mounts(file.parent, service)
    ]
    assert found
    for mount in found:
        assert mount.source.exists(), mount
        assert mount.read_only, mount


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.parent.name)
def test_nothing_is_published_beyond_this_machine(file: Path) -> None:
    ports = [port for each in read(file)["services"].values() for port in each.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.parent.name)
def test_images_have_a_tag_that_does_not_move(file: Path) -> None:
    for service in read(file)["services"].values():
        image = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", service["image"])
        assert ":" in image
        assert not image.endswith(":latest") or image.startswith("jobwatch:")


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.parent.name)
def test_containers_of_jobwatch_may_do_nothing_but_their_work(file: Path) -> None:
    ours = [each for each in read(file)["services"].values() if "jobwatch:" in each["image"]]
    assert ours
    for service in ours:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"] == "256m"


def test_production_is_made_to_last() -> None:
    file = read(PRODUCTION / "compose.yaml")
    service = file["services"]["jobwatch"]
    assert service["restart"] == "unless-stopped"
    assert int(service["stop_grace_period"].removesuffix("s")) >= GRACE.total_seconds() + 10
    assert "store:/var/lib/jobwatch" in service["volumes"]
    assert "store" in file["volumes"]
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])


def test_the_configuration_of_the_demo_is_accepted_and_holds_nobodys_keys() -> None:
    loaded = load_settings(DEMO / "jobwatch.yaml", {})
    assert not loaded.warnings
    text = (DEMO / "jobwatch.yaml").read_text("utf-8")
    receiver = read(DEMO / "compose.yaml")["services"]["receiver"]
    assert DEMO_CREDENTIALS.secret_id in text
    assert DEMO_CREDENTIALS.secret_key in text
    assert DEMO_WEBHOOK_SECRET in text
    assert receiver["environment"]["WEBHOOK_SECRETS"] == DEMO_WEBHOOK_SECRET


def test_the_configuration_for_production_takes_every_secret_from_a_file_that_git_leaves_alone(
    tmp_path: Path,
) -> None:
    service = read(PRODUCTION / "compose.yaml")["services"]["jobwatch"]
    places = {mount.target: mount.source for mount in mounts(PRODUCTION, service)}
    text = (places["/etc/jobwatch"] / "jobwatch.yaml").read_text("utf-8")
    ignored = (places["/run/secrets"] / ".gitignore").read_text("utf-8").splitlines()
    assert [line for line in ignored if not line.startswith("#")] == ["*", "!.gitignore"]
    given = set(re.findall(r"/run/secrets/(\w+)", text))
    assert len(given) > 3
    values = {"ops_url": "https://hooks.example.com/x", "ops_secret": DEMO_WEBHOOK_SECRET}
    for name in given:
        (tmp_path / name).write_text(values.get(name, "example"), encoding="utf-8")
    file = tmp_path / "jobwatch.yaml"
    file.write_text(text.replace("/run/secrets", str(tmp_path)), encoding="utf-8")
    assert not load_settings(file, {}).warnings


def test_prometheus_and_alertmanager_accept_their_files(tmp_path: Path) -> None:
    prometheus: dict[str, Any] = read(DEMO / "prometheus.yml")
    [rules] = prometheus["rule_files"]
    service = read(DEMO / "compose.yaml")["services"]["prometheus"]
    places = {mount.target: str(mount.source) for mount in mounts(DEMO, service)}
    prometheus["rule_files"] = [places[rules]]
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(prometheus), encoding="utf-8")
    assert "rules found" in said_by(program("promtool"), "check", "config", str(file))
    said_by(program("amtool"), "check-config", str(DEMO / "alertmanager.yml"))
