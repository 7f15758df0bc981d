"""The plain manifests are what the chart renders, and a real kubectl builds what its users apply."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploying.helm import CONFIG_FOLDER, SECRET_FOLDER, check_fields
from tests.deploying.manifests import FOLDER, manifests
from tests.programs import program, said_by

SECRETS = ("secret-id", "secret-key", "ops-url", "ops-secret")
BY_HAND = {"kustomization.yaml", "values.yaml", "namespace.yaml"}
LEFT_OUT = re.compile(r"^#  - ", re.MULTILINE)


def built(folder: Path) -> list[dict[str, Any]]:
    """What `kubectl apply -k` would send."""
    return list(yaml.safe_load_all(said_by(program("kubectl"), "kustomize", str(folder))))


def test_the_manifests_are_what_the_chart_renders() -> None:
    made = manifests()
    assert set(made) == {path.name for path in FOLDER.glob("*.yaml")} - BY_HAND
    for name, text in made.items():
        assert (FOLDER / name).read_text("utf-8") == text, f"{name}: make manifests"


@pytest.mark.parametrize("version", ["1.25", "1.37"])
def test_kubectl_builds_what_kubernetes_knows(version: str) -> None:
    documents = built(FOLDER)
    assert [each["kind"] for each in documents] == [
        "Namespace", "ServiceAccount", "ConfigMap", "Service", "PersistentVolumeClaim", "Deployment",
    ]  # fmt: skip
    for document in documents:
        check_fields(document, version)
        assert document["metadata"].get("namespace", "jobwatch") == "jobwatch"
        assert "helm" not in str(document).lower()


def test_what_was_left_out_can_be_taken_in(tmp_path: Path) -> None:
    copy = shutil.copytree(FOLDER, tmp_path / "kubernetes")
    file = copy / "kustomization.yaml"
    file.write_text(LEFT_OUT.sub("  - ", file.read_text("utf-8")), encoding="utf-8")
    more = {each["kind"] for each in built(copy)} - {each["kind"] for each in built(FOLDER)}
    assert more == {"ServiceMonitor", "PrometheusRule", "NetworkPolicy"}


def test_the_image_comes_from_where_kustomization_says() -> None:
    [deployment] = [each for each in built(FOLDER) if each["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example.com/team/jobwatch:")


def test_the_secret_that_the_page_makes_has_every_file_that_the_configuration_names(
    tmp_path: Path,
) -> None:
    for name in SECRETS:
        (tmp_path / name).write_text(f"example {name}\n", encoding="utf-8")
    command = ["create", "secret", "generic", "jobwatch", f"--from-file={tmp_path}"]
    said = said_by(program("kubectl"), *command, "--dry-run=client", "--output=yaml")
    secret = yaml.safe_load(said)
    config = yaml.safe_load((FOLDER / "configmap.yaml").read_text("utf-8"))["data"]
    named = set(re.findall(rf"{SECRET_FOLDER}/([\w-]+)", config["jobwatch.yaml"]))
    assert named == set(secret["data"]) == set(SECRETS)
    deployment = yaml.safe_load((FOLDER / "deployment.yaml").read_text("utf-8"))
    pod = deployment["spec"]["template"]["spec"]
    mounted = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    assert (mounted["config"], mounted["secrets"]) == (CONFIG_FOLDER, SECRET_FOLDER)
    [volume] = [each for each in pod["volumes"] if each["name"] == "secrets"]
    assert volume["secret"]["secretName"] == secret["metadata"]["name"]
