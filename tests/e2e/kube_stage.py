"""The plain manifests as podman plays them, and the cloud and the receiver that the pod reaches.

What podman 4.3 cannot do is done to a copy of the manifests, and nothing else is:

- it would fetch the image: the one that was built here is named,
- it asks probes with curl inside of the container, where there is none: they are left out, and the test asks instead,
- it has no Service: the port is one of this machine,
- it takes Secrets from its own list, neither decoded nor without the word `optional`,
- it mounts ConfigMaps, Secrets and claims out of one list of names: each gets a name of its own,
- it makes a claim once: the second time it is there already.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jobwatch.simulator.simulation import DEMO_ACCOUNT, DEMO_CREDENTIALS
from tests.daemon import get
from tests.deploying.helm import SECRET_FOLDER
from tests.deploying.image import BASE, IMAGE, Engine
from tests.deploying.manifests import FOLDER, manifests
from tests.e2e.container_stage import HOST, PATIENCE, SECRET, Stage

PAUSE = "localhost/jobwatch-pause:test"
WAITS = (
    '["python3", "-c", "from signal import *; pthread_sigmask(SIG_BLOCK, [SIGTERM]); '
    'sigwait([SIGTERM])"]'
)
CLAIM = "persistentvolumeclaim.yaml"
PLAYED = ("configmap.yaml", CLAIM, "deployment.yaml")
MAP, SECRETS = "jobwatch-configuration", "jobwatch-secrets"
POD = "jobwatch-pod-0"
CONTAINER = f"{POD}-jobwatch"
RESTORING = "jobwatch-restore-jobwatch"


def prepare(engine: Engine) -> None:
    """Make the image that holds a pod's network, which engines fetch elsewhere."""
    container = engine.buildah("from", "--pull-never", BASE)
    engine.buildah("config", "--entrypoint", WAITS, container)
    engine.buildah("commit", "--quiet", "--format", "docker", container, PAUSE)
    engine.buildah("rm", container)
    with (engine.folder / "containers.conf").open("a", encoding="utf-8") as configuration:
        configuration.write(f'infra_image = "{PAUSE}"\n')


@dataclass(slots=True, kw_only=True)
class KubeStage(Stage):
    """`folder` is where the files are that podman is given."""

    folder: Path
    played: list[str] = field(default_factory=list)

    def play(self) -> float:
        """Apply what is not there yet; gives how many seconds it took to be ready."""
        if not self.played:
            self._make_secret()
        files = manifests(self._account())
        wanted = [files[name] for name in PLAYED if name != CLAIM or not self.played]
        file = self.folder / f"played-{len(self.played)}.yaml"
        file.write_text("---\n".join(self._adapted(text) for text in wanted), encoding="utf-8")
        began = time.monotonic()
        self.engine.podman("kube", "play", str(file))
        self.played.append(str(file))
        while get(f"http://127.0.0.1:{self.port}/readyz")[0] != 200:
            assert time.monotonic() - began < PATIENCE, self.said(CONTAINER)
            assert self.engine.inspect("container", CONTAINER)["State"]["Running"], self.said(
                CONTAINER
            )
            time.sleep(0.05)
        return time.monotonic() - began

    def down(self) -> str:
        """End the pod as a node that is drained does; what the daemon said in its life."""
        self.engine.podman("pod", "stop", "--time", "30", POD)
        said = self.said(CONTAINER)
        state = self.engine.inspect("container", CONTAINER)["State"]
        assert (state["ExitCode"], state["OOMKilled"]) == (0, False), said
        self.engine.podman("kube", "down", self.played[-1])
        return said

    def put_back(self, copy: Path) -> str:
        """Restore a copy by the pod and the commands of the page; what jobwatch said."""
        files = (FOLDER / "restore" / "pod.yaml", FOLDER / "configmap.yaml")
        file = self.folder / "restore.yaml"
        texts = [self._adapted(each.read_text("utf-8")) for each in files]
        file.write_text("---\n".join(texts), encoding="utf-8")
        self.engine.podman("kube", "play", str(file))
        inside = "/var/lib/jobwatch/backup.db"
        copy.chmod(0o644)
        self.engine.podman("cp", str(copy), f"{RESTORING}:{inside}")
        said = self.engine.podman("exec", RESTORING, "jobwatch", "restore", inside, "--force")
        self.engine.podman("exec", RESTORING, "rm", "-f", inside)
        self.engine.podman("kube", "down", str(file))
        return said

    def clear(self) -> None:
        self.engine.try_podman("pod", "rm", "--force", "--all", "--time", "1")
        self.engine.try_podman("volume", "rm", "--all", "--force")
        self.engine.try_podman("secret", "rm", "--all")

    def _account(self) -> dict[str, Any]:
        """What a user would have written into values.yaml."""
        provider = {
            "uin": DEMO_ACCOUNT.uin,
            "appid": DEMO_ACCOUNT.appid,
            "endpoint": f"https://{HOST}:{self.outside.cloud_port}",
        }
        source = {
            "every": "1s",
            "rate_limit": {"requests_per_second": 200},
            "first_sight": "baseline",
            "provider": provider,
        }
        wants = {"types": ["endings", "source.baselined"]}
        config = {
            "sources": {"prod": source},
            "receivers": {"ops": {"wants": wants}},
            "egress": {"ca_file": f"{SECRET_FOLDER}/ca.pem"},
        }
        return {"config": config}

    def _make_secret(self) -> None:
        data = {
            "secret-id": DEMO_CREDENTIALS.secret_id,
            "secret-key": DEMO_CREDENTIALS.secret_key,
            "ops-url": f"https://{HOST}:{self.outside.sink_port}/ops",
            "ops-secret": SECRET,
            "ca.pem": self.outside.trusted.file.read_text("utf-8"),
        }
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRETS},
            "data": data,
        }
        file = self.folder / "secret.yaml"
        file.write_text(yaml.safe_dump(secret), encoding="utf-8")
        self.engine.podman("secret", "create", SECRETS, str(file))

    def _adapted(self, text: str) -> str:
        document = yaml.safe_load(text)
        if document["kind"] == "ConfigMap":
            document["metadata"]["name"] = MAP
        spec = document.get("spec", {})
        pod = spec if document["kind"] == "Pod" else spec.get("template", {}).get("spec")
        if pod is None:
            return yaml.safe_dump(document)
        [container] = pod["containers"]
        container |= {"image": IMAGE, "imagePullPolicy": "Never"}
        for port in container.get("ports", ()):
            port["hostPort"] = self.port
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            container.pop(probe, None)
        for volume in pod["volumes"]:
            if "configMap" in volume:
                volume["configMap"]["name"] = MAP
            if "secret" in volume:
                volume["secret"] |= {"secretName": SECRETS, "optional": False}
        return yaml.safe_dump(document)
