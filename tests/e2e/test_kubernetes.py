"""The plain manifests, played by podman: a pod watches, tells, and its successor on the same volume tells nothing twice."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from jobwatch.simulator.simulation import DEMO_CREDENTIALS
from tests.deploying.helm import CONFIG_FOLDER, SECRET_FOLDER
from tests.deploying.image import IMAGE, Engine
from tests.e2e.container_stage import SECRET, reachable, simulated
from tests.e2e.kube_stage import CONTAINER, KubeStage, prepare

JOBS = 500
USER = 65532

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def cloud() -> Iterator[int]:
    with simulated(JOBS) as port:
        yield port


@pytest.fixture
async def stage(built: Engine, cloud: int, tmp_path: Path) -> AsyncIterator[KubeStage]:
    await asyncio.to_thread(prepare, built)
    async with reachable(cloud, tmp_path) as outside:
        made = KubeStage(engine=built, outside=outside, volume="jobwatch", folder=tmp_path)
        yield made
        await asyncio.to_thread(made.clear)


async def test_a_pod_watches_and_its_successor_on_the_volume_tells_nothing_twice(
    stage: KubeStage,
) -> None:
    took = await asyncio.to_thread(stage.play)
    await stage.endings(2)
    await asyncio.to_thread(mounted, stage)
    copy = await asyncio.to_thread(asked, stage)
    said = await asyncio.to_thread(stage.down)
    before = await stage.endings(0)

    again = await asyncio.to_thread(stage.play)
    after = await stage.endings(2)
    assert len(set(after)) == len(after) > len(before)
    told = [event["type"] for event in stage.told()]
    assert told.count("source.baselined") == 1
    jobs = [event for event in stage.told() if event["type"].startswith("job.")]
    assert {event["source"] for event in jobs} == {"/jobwatch/jobwatch/prod"}
    assert [each for each in stage.outside.sink.received if not each.valid] == []
    said += await asyncio.to_thread(stage.down)
    assert "jobwatch.db.before-restore-" in await asyncio.to_thread(stage.put_back, copy)
    for secret in (SECRET, DEMO_CREDENTIALS.secret_key):
        assert secret not in said
    print(f"\nready after {took:.2f} s and {again:.2f} s")


def mounted(stage: KubeStage) -> None:
    """The pod is nobody, holds nothing, reads what is mounted, and writes to its volume alone."""
    podman, attempt = stage.engine.podman, stage.engine.try_podman
    status = podman("exec", CONTAINER, "cat", "/proc/1/status")
    found = {line.split(":")[0]: line.split()[1:] for line in status.splitlines() if ":" in line}
    assert (found["Uid"], found["Gid"]) == ([str(USER)] * 4, [str(USER)] * 4)
    assert (found["CapEff"], found["NoNewPrivs"]) == (["0000000000000000"], ["1"])
    assert podman("exec", CONTAINER, "ls", CONFIG_FOLDER) == "jobwatch.yaml"
    files = podman("exec", CONTAINER, "ls", SECRET_FOLDER).split()
    assert files == ["ca.pem", "ops-secret", "ops-url", "secret-id", "secret-key"]
    for place in ("/x", "/tmp/x", f"{CONFIG_FOLDER}/x", f"{SECRET_FOLDER}/x"):
        assert "Read-only file system" in attempt("exec", CONTAINER, "touch", place).stderr, place


def asked(stage: KubeStage) -> Path:
    """What the page tells people to ask in the pod is answered; gives a copy of the store."""
    podman = stage.engine.podman
    assert podman("exec", CONTAINER, "jobwatch", "health", "--ready") == "ready"
    checked = json.loads(
        podman("exec", CONTAINER, "jobwatch", "check", "--online", "--output", "json")
    )
    assert checked["configuration"]["instance"] == "jobwatch"
    assert podman("exec", CONTAINER, "jobwatch", "receivers", "test", "ops")
    inside, copy = "/var/lib/jobwatch/copy.db", stage.folder / "copy.db"
    podman("exec", CONTAINER, "sh", "-c", f"jobwatch backup - > {inside}")
    podman("cp", f"{CONTAINER}:{inside}", str(copy))
    assert copy.read_bytes().startswith(b"SQLite format 3")
    return copy


def test_a_disk_as_kubernetes_hands_it_over_holds_the_store(built: Engine, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    disk = tmp_path / "disk"
    (disk / "lost+found").mkdir(parents=True, mode=0o700)
    os.chown(disk, 0, USER)
    disk.chmod(0o2775)  # of root, for the group that fsGroup names
    prefix = "JOBWATCH_SOURCES__PROD__PROVIDER__"
    source = {
        "KIND": "cos-batch", "REGION": "ap-chengdu", "UIN": "100000000001", "APPID": "1250000000",
        "ENDPOINT": "http://127.0.0.1:9",
        "CREDENTIALS__SECRET_ID": DEMO_CREDENTIALS.secret_id,
        "CREDENTIALS__SECRET_KEY": DEMO_CREDENTIALS.secret_key,
    }  # fmt: skip
    given = [word for key, value in source.items() for word in ("--env", f"{prefix}{key}={value}")]
    options = ("--rm", "--read-only", "--cap-drop", "ALL", f"--volume={disk}:/var/lib/jobwatch")
    done = built.try_podman("run", *options, *given, IMAGE, "once")
    assert done.returncode == 3, done.stdout + done.stderr  # the store is there, the cloud is not
    store = (disk / "jobwatch.db").stat()
    assert (store.st_uid, store.st_gid, store.st_mode & 0o777) == (USER, USER, 0o600)
