"""The chart through a real helm: what it renders is what Kubernetes, the operator and jobwatch itself accept."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from jobwatch.cli.commands import app
from jobwatch.providers.tke_oidc import VARIABLES
from jobwatch.settings import load_settings
from tests.deploying.chart_cases import CASES, DIGEST, INLINE, ROLE, SECRETS, TOLD
from tests.deploying.helm import (
    CHART,
    MINIMAL,
    SECRET_FOLDER,
    Rendered,
    check_fields,
    helm,
    overlaid,
    render,
)
from tests.programs import program, said_by
from tests.tls_front import certificate

ALL = tuple(CASES)
VERSIONS = ("1.25", "1.28", "1.31", "1.34", "1.37")
OPERATED = {"ServiceMonitor", "PrometheusRule"}
USER = 65532


@cache
def case(name: str) -> Rendered:
    return render(CASES[name], release="my-rel" if name == "everything" else "jobwatch")


@pytest.mark.parametrize("name", ["the least", "everything"])
def test_helm_finds_nothing_to_say_about_the_chart(name: str) -> None:
    done = helm("lint", "--strict", str(CHART), values=CASES[name])
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ALL)
def test_kubernetes_knows_every_field(name: str, version: str) -> None:
    documents = [each for each in case(name).documents if each["kind"] not in OPERATED]
    assert len(documents) >= 3
    for document in documents:
        check_fields(document, version)


@pytest.mark.parametrize("name", ALL)
def test_pods_are_what_pod_security_calls_restricted(name: str) -> None:
    spec, container = case(name).pod["spec"], case(name).container
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(spec)
    kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
    assert kinds <= {"configMap", "secret", "persistentVolumeClaim", "emptyDir"}
    pod, own = spec["securityContext"], container["securityContext"]
    assert (pod["runAsNonRoot"], pod["runAsUser"], pod["runAsGroup"]) == (True, USER, USER)
    assert (pod["fsGroup"], pod["fsGroupChangePolicy"]) == (USER, "OnRootMismatch")
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert (own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"]) == (False, True)
    assert "hostPort" not in container["ports"][0]


@pytest.mark.parametrize("name", ALL)
def test_one_pod_writes_one_store_and_ends_before_the_next(name: str) -> None:
    deployment, pod = case(name).one("Deployment")["spec"], case(name).pod["spec"]
    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] == 30


@pytest.mark.parametrize("name", ALL)
def test_what_selects_the_pod_is_on_it_and_holds_nothing_that_changes(name: str) -> None:
    rendered = case(name)
    carried = rendered.pod["metadata"]["labels"].items()
    selector = rendered.one("Deployment")["spec"]["selector"]["matchLabels"]
    assert set(selector) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
    assert rendered.one("Service")["spec"]["selector"] == selector
    assert selector.items() <= carried
    for policy in rendered.all("NetworkPolicy"):
        assert policy["spec"]["podSelector"]["matchLabels"] == selector
    for monitor in rendered.all("ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"]
        assert wanted.items() <= rendered.one("Service")["metadata"]["labels"].items()


@pytest.mark.parametrize("name", ALL)
def test_jobwatch_takes_the_configuration_as_it_is_mounted(name: str, tmp_path: Path) -> None:
    rendered = case(name)
    mounts = {each["mountPath"]: each for each in rendered.container["volumeMounts"]}
    assert "subPath" not in json.dumps(mounts)
    here = lay_out(rendered, tmp_path)
    settings = load_settings(None, here).settings
    assert Path(here["JOBWATCH_CONFIG"]).parent == tmp_path / "etc/jobwatch"
    assert settings.store.path == tmp_path / "var/lib/jobwatch/jobwatch.db"  # type: ignore[union-attr]
    assert settings.http.address.port == rendered.container["ports"][0]["containerPort"]
    assert settings.instance in ("jobwatch", "my_rel", "own")
    written = rendered.configuration
    assert all(each in written for each in ("instance:", "listen:", "path: /var/lib/jobwatch/"))


def lay_out(rendered: Rendered, folder: Path) -> dict[str, str]:
    """Lay the pod's files out below a folder; gives the environment that points there."""
    trusted = certificate(folder, "jobwatch")
    files = {
        "/etc/jobwatch/jobwatch.yaml": rendered.configuration,
        "/run/tls/tls.crt": trusted.file.read_text("utf-8"),
        "/run/tls/tls.key": trusted.key.read_text("utf-8"),
        **{f"{SECRET_FOLDER}/{name}": each for name, each in {**SECRETS, **KEYS}.items()},
    }
    moved = re.compile(r"(?<![\w/])/(?=(?:etc|var/lib)/jobwatch|run/(?:secrets/jobwatch|tls))")
    for path, text in files.items():
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(moved.sub(f"{folder}/", text), encoding="utf-8")
    given = {each["name"]: each["value"] for each in rendered.container["env"] if "value" in each}
    return {name: moved.sub(f"{folder}/", value) for name, value in given.items()}


KEYS = {
    "secret-id": "AKIDexampleexampleexampleexampleexam",
    "secret-key": "example-of-a-secret-key-0000000",
}


def test_only_the_secret_holds_secrets() -> None:
    for name in ("told", "everything", "by TLS"):
        rendered = case(name)
        assert rendered.secrets == SECRETS
        shown = [each for each in rendered.documents if each["kind"] != "Secret"]
        assert not [each for each in SECRETS.values() if each in json.dumps(shown)]
    [volume] = [each for each in case("told").pod["spec"]["volumes"] if each["name"] == "secrets"]
    assert volume["secret"]["defaultMode"] == 0o440
    assert not case("what is there already").all("Secret")


def test_null_and_long_numbers_arrive_as_they_were_written(tmp_path: Path) -> None:
    account = {"provider": {"uin": 100000000001, "appid": 1250000000}}
    values = overlaid(overlaid(MINIMAL, TOLD), {"config": {"sources": {"prod": account}}})
    settings = load_settings(None, lay_out(render(values), tmp_path)).settings
    assert settings.sources["prod"].provider.uin == "100000000001"  # type: ignore[union-attr]
    assert settings.receivers["near"].digest is None
    assert "digest" in settings.receivers["near"].model_fields_set


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        ({"config": {"rules": {"stuck_after": "3h"}}}, {"checksum/config"}),
        ({"secrets": {"ops-url": "https://hooks.example.com/other"}}, {"checksum/secret"}),
        ({"service": {"port": 81}}, set()),
    ],
)
def test_a_change_rolls_the_pod_by_its_checksum_and_by_nothing_else(
    changed: dict[str, Any], touched: set[str]
) -> None:
    before, after = case("told").pod, render(overlaid(CASES["told"], changed)).pod
    old, new = before["metadata"]["annotations"], after["metadata"]["annotations"]
    assert {name for name in new if new[name] != old[name]} == touched
    assert set(old) == {"checksum/config", "checksum/secret"}
    assert before["spec"] == after["spec"]


def test_without_the_roll_a_change_of_the_configuration_leaves_the_pod_alone() -> None:
    values = overlaid(CASES["told"], {"rollOnChange": False})
    changed = overlaid(values, {"config": {"rules": {"stuck_after": "3h"}}})
    assert render(values).pod == render(changed).pod
    moved = overlaid(values, {"config": {"http": {"listen": "0.0.0.0:8080"}}})
    assert render(values).pod != render(moved).pod  # jobwatch cannot take that up while it runs


@pytest.mark.parametrize(
    ("release", "instance"),
    [("my-rel.2", "my_rel_2"), ("9-lives", "jobwatch_9_lives"), ("jobwatch", "jobwatch")],
)
def test_the_name_in_event_ids_is_written_down(release: str, instance: str) -> None:
    rendered = render(MINIMAL, release=release)
    assert f"\ninstance: {instance}\n" in f"\n{rendered.configuration}\n"
    assert re.fullmatch(r"[a-z][a-z0-9-]*", rendered.one("Service")["metadata"]["name"])


def test_probes_ask_the_port_of_the_configuration_in_its_scheme() -> None:
    for name, scheme in (("by TLS", "HTTPS"), ("told", "HTTP")):
        container = case(name).container
        paths = {
            each: container[f"{each}Probe"]["httpGet"]
            for each in ("startup", "liveness", "readiness")
        }
        assert {each["scheme"] for each in paths.values()} == {scheme}
        assert {each["port"] for each in paths.values()} == {container["ports"][0]["name"]}
        assert paths["startup"]["path"] == paths["liveness"]["path"] == "/healthz"
        assert paths["readiness"]["path"] == "/readyz"
    start = case("told").container["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] >= 600


def test_a_role_of_the_cloud_is_asked_for_by_the_annotations_of_tke() -> None:
    account = case("everything").one("ServiceAccount")
    prefix = "tke.cloud.tencent.com"
    assert account["metadata"]["annotations"] == {
        "example.com/e": "5",
        f"{prefix}/role-arn": ROLE,
        f"{prefix}/audience": "sts.cloud.tencent.com",
        f"{prefix}/token-expiration": "86400",
    }
    assert case("everything").pod["spec"]["serviceAccountName"] == account["metadata"]["name"]
    names = {each["name"] for each in case("everything").container["env"]}
    assert not names & {*VARIABLES}  # the webhook sets them, and leaves alone what is there
    assert case("what is there already").pod["spec"]["serviceAccountName"] == "shared"


def test_the_store_is_kept_where_it_was_asked_to_be() -> None:
    claim = case("everything").one("PersistentVolumeClaim")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert claim["spec"]["storageClassName"] == "cbs"
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    places: dict[str, dict[str, Any]] = {
        "everything": {"persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}},
        "what is there already": {"persistentVolumeClaim": {"claimName": "old"}},
        "nothing kept": {"emptyDir": {}},
    }
    for name, expected in places.items():
        [store] = [each for each in case(name).pod["spec"]["volumes"] if each["name"] == "store"]
        assert store == {"name": "store", **expected}
    assert not case("what is there already").all("PersistentVolumeClaim")


def test_the_image_is_named_by_digest_by_tag_or_by_the_version_of_the_chart() -> None:
    images = {name: case(name).container["image"] for name in ALL}
    version = case("the least").one("Deployment")["metadata"]["labels"]["app.kubernetes.io/version"]
    assert images["what is there already"] == f"registry.example.com/a/b@{DIGEST}"
    assert images["nothing kept"] == "jobwatch:edge"
    assert images["the least"] == f"jobwatch:{version}"


def test_what_was_packed_renders_the_same(tmp_path: Path) -> None:
    said_by(program("helm"), "package", str(CHART), "--destination", str(tmp_path))
    [package] = tmp_path.iterdir()
    again = render(CASES["everything"], release="my-rel", chart=package)
    assert again.text == case("everything").text


def test_what_is_said_after_the_installation_can_be_done() -> None:
    said = notes(CASES["told"])
    commands = re.findall(r"^  kubectl .* -- jobwatch ([\w -]+)", said, re.MULTILINE)
    known = get_command(app).commands  # type: ignore[attr-defined]
    assert [each.split()[0] for each in commands] == ["check", "receivers", "receivers", "backup"]
    assert {each.split()[0] for each in commands} <= set(known)
    assert "WARNING" not in said
    assert "WARNING: persistence.enabled is false" in notes(CASES["nothing kept"])
    assert "nobody is told anything" in notes(MINIMAL)
    assert "WARNING: allowSecretsInConfig" in notes({**INLINE, "allowSecretsInConfig": True})


def notes(values: dict[str, Any]) -> str:
    done = helm("install", "jobwatch", str(CHART), "--dry-run=client", values=values)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("\nNOTES:\n")[2]
