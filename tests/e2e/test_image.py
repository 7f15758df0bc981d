"""The container as built from the Dockerfile: run as the documentation says, configured by its environment alone.

It watches `jobwatch simulate` on the host's side, through TLS, because keys are sent nowhere without; it tells a receiver
that verifies; and it is scraped through its published port.
"""

import asyncio
import json
import re
import shlex
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobwatch import __version__
from jobwatch.simulator.simulation import DEMO_CREDENTIALS
from tests.daemon import get
from tests.deploying.image import IMAGE, REVISION, ROOT, Engine, pip_configuration
from tests.e2e.container_stage import PATIENCE, SECRET, Stage, reachable, simulated

JOBS = 4000
READY_WITHIN = 10.0

SHELL = r"""
for tool in gcc cc make pip pip3 curl wget; do command -v $tool && echo "found $tool"; done
for module in pip ensurepip hatchling asyncpg; do python -c "import $module" 2>/dev/null && echo "found $module"; done
id -u; id -g
touch /etc/x /opt/jobwatch/x /tmp/x 2>/dev/null; ls /etc/x /opt/jobwatch/x /tmp/x 2>/dev/null
find / -xdev -perm /6000 -newer /opt/jobwatch/pyvenv.cfg -type f 2>/dev/null
find / -xdev \( -name .git -o -path '*/site-packages/tests' -o -path /src \) 2>/dev/null
true
"""

UNCOMPILED = """
import importlib.util, pathlib, sys, sysconfig
import jobwatch.app.daemon, jobwatch.cli.commands, jobwatch.cli.health
ours = {name: module for name, module in sys.modules.items() if getattr(module, "__file__", None)}
missing = [
    name for name, module in ours.items()
    if module.__file__.endswith(".py")
    and not pathlib.Path(importlib.util.cache_from_source(module.__file__)).exists()
]
flags = pathlib.Path(importlib.util.cache_from_source(jobwatch.__file__)).read_bytes()[4:8]
print(missing, flags[0])
"""

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def cloud() -> Iterator[int]:
    with simulated(JOBS) as port:
        yield port


@pytest.fixture
async def stage(built: Engine, cloud: int, tmp_path: Path) -> AsyncIterator[Stage]:
    async with reachable(cloud, tmp_path) as outside:
        yield Stage(engine=built, outside=outside, volume="kept")
        built.try_podman("rm", "--force", "--all", "--time", "1")
        built.podman("volume", "rm", "kept")


def test_the_image_says_what_it_is_and_holds_no_tool_and_no_secret(built: Engine) -> None:
    image = built.inspect("image", IMAGE)
    config = image["Config"]
    assert (config["User"], config["StopSignal"]) == ("65532:65532", "SIGTERM")
    assert list(config["Volumes"]) == ["/var/lib/jobwatch"]
    assert list(config["ExposedPorts"]) == ["19870/tcp"]
    assert (config["Entrypoint"], config["Cmd"]) == (["jobwatch"], ["run"])
    assert image["Healthcheck"]["Test"] == ["CMD", "jobwatch", "health"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.revision"] == REVISION
    everything = json.dumps(image)
    assert "PIP_" not in everything
    for line in pip_configuration().text.splitlines():
        assert line.partition(" = ")[2] not in everything or line.startswith(
            ("[", "disable", "default")
        )
    found = built.podman("run", "--rm", "--entrypoint", "/bin/sh", IMAGE, "-c", SHELL)
    assert found.split() == ["65532", "65532", "/tmp/x"], found


def test_everything_that_is_imported_was_compiled_and_is_not_looked_at_again(built: Engine) -> None:
    found = built.podman("run", "--rm", "--entrypoint", "python", IMAGE, "-c", UNCOMPILED)
    assert found == "[] 1"


def test_a_mounted_file_is_read_and_a_folder_of_another_user_is_told(
    built: Engine, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    minimal = (ROOT / "config" / "jobwatch.minimal.yaml").read_text(encoding="utf-8")
    file = tmp_path / "jobwatch.yaml"
    file.write_text(minimal, encoding="utf-8")
    mount = f"--volume={file}:/etc/jobwatch/jobwatch.yaml:ro"
    checked = built.podman("run", "--rm", "--read-only", mount, IMAGE, "check")
    assert "/etc/jobwatch/jobwatch.yaml" in checked
    wrong = f"--volume={tmp_path}:/var/lib/jobwatch"
    refused = built.try_podman("run", "--rm", "--read-only", mount, wrong, IMAGE, "run")
    assert refused.returncode == 2, refused.stderr
    assert "/var/lib/jobwatch" in refused.stderr


async def test_a_container_watches_tells_is_scraped_and_leaves_a_store_that_tells_nothing_twice(
    stage: Stage,
) -> None:
    took = await asyncio.to_thread(stage.start, "first")
    assert took < READY_WITHIN
    await stage.endings(3)
    await asyncio.to_thread(watched, stage)
    await asyncio.to_thread(confined, stage, "first")
    await asyncio.to_thread(asked, stage, "first")
    peak = await asyncio.to_thread(healthy, stage, "first")
    ended = await asyncio.to_thread(stage.stop, "first")
    assert (ended["ExitCode"], ended["OOMKilled"]) == (0, False), stage.said("first")
    before = await stage.endings(0)

    again = await asyncio.to_thread(stage.start, "second")
    after = await stage.endings(3)
    assert len(set(after)) == len(after) > len(before)
    told = [event["type"] for event in stage.told()]
    assert told.count("source.baselined") == 1
    assert [each for each in stage.outside.sink.received if not each.valid] == []
    ended = await asyncio.to_thread(stage.stop, "second")
    assert (ended["ExitCode"], ended["OOMKilled"]) == (0, False), stage.said("second")
    for secret in (SECRET, DEMO_CREDENTIALS.secret_key):
        assert secret not in stage.said("first") + stage.said("second")
    print(f"\nready after {took:.2f} s and {again:.2f} s, at most {peak} MB with {JOBS} jobs")


def watched(stage: Stage) -> None:
    """The scrape shows the account as it is, once the series are next taken from the store."""
    deadline = time.monotonic() + PATIENCE
    while not (page := scraped(stage.port)).get("jobwatch_jobs_finished_total", 0) >= 3:
        assert time.monotonic() < deadline, page
        time.sleep(0.2)
    assert page["jobwatch_jobs"] > 0
    assert page["jobwatch_source_up"] == 1
    assert page["jobwatch_build_info"] == 1


def scraped(port: int) -> dict[str, float]:
    """Each series with the sum of its samples."""
    status, page = get(f"http://127.0.0.1:{port}/metrics")
    assert status == 200
    sums: dict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(page):
        for each in family.samples:
            sums[each.name] += each.value
    return sums


def confined(stage: Stage, name: str) -> None:
    """The program is nobody's, holds nothing, and not even root in its container writes outside of the volume."""
    podman, attempt = stage.engine.podman, stage.engine.try_podman
    status = podman("exec", name, "cat", "/proc/1/status")
    found = {line.split(":")[0]: line.split()[1:] for line in status.splitlines() if ":" in line}
    assert (found["Uid"], found["Gid"]) == (["65532"] * 4, ["65532"] * 4)
    assert (found["CapEff"], found["NoNewPrivs"]) == (["0000000000000000"], ["1"])
    for place in ("/x", "/etc/x", "/tmp/x", "/opt/jobwatch/x"):
        refused = attempt("exec", "--user", "0", name, "touch", place)
        assert "Read-only file system" in refused.stderr
    limit = stage.engine.inspect("container", name)["HostConfig"]["Memory"]
    assert limit == 256 * 2**20


def asked(stage: Stage, name: str) -> None:
    """What the page tells people to ask in the container is answered."""
    page = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    questions = re.findall(r"^docker exec jobwatch (jobwatch .*?)(?: +#.*)?$", page, re.MULTILINE)
    answers = {each: stage.engine.podman("exec", name, *shlex.split(each)) for each in questions}
    assert answers["jobwatch health --ready"] == "ready"
    assert len(answers) == 4
    copy = "jobwatch backup - > /var/lib/jobwatch/copy.db && head -c 15 /var/lib/jobwatch/copy.db"
    assert stage.engine.podman("exec", name, "sh", "-c", copy) == "SQLite format 3"


def healthy(stage: Stage, name: str) -> int:
    """The image's own check, before, while and after nothing in the container goes on; the most memory in MB."""
    podman, attempt = stage.engine.podman, stage.engine.try_podman
    assert attempt("healthcheck", "run", name).returncode == 0
    peak = podman(
        "exec",
        name,
        "sh",
        "-c",
        "cat /sys/fs/cgroup/memory.peak 2>/dev/null || cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes",
    )
    podman("kill", "--signal", "STOP", name)
    hung = attempt("exec", name, "jobwatch", "health", "--timeout", "500ms")
    assert (hung.returncode, hung.stdout) == (1, "not answering: no answer within 0.5 s\n")
    assert attempt("healthcheck", "run", name).returncode == 1
    podman("kill", "--signal", "CONT", name)
    assert attempt("healthcheck", "run", name).returncode == 0
    return int(peak) // 10**6
