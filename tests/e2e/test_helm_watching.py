"""What the chart makes for others to read: Prometheus and its operator, Grafana's sidecar, the network."""

import json
import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from operator import itemgetter
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from tests.deploying.chart_cases import CASES
from tests.deploying.deployed import DASHBOARDS, DEPLOY, read
from tests.deploying.helm import MINIMAL, Document, Rendered, overlaid, render
from tests.programs import NODE, node_module, program, said_by

TYPED = """
import type { I%(kind)s } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/%(kind)s";
export const document: I%(kind)s = %(document)s;
"""
JUDGE = """
import { %(kind)s } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/%(kind)s";
new %(kind)s(%(document)s).validate();
"""
RULES = read(DEPLOY / "prometheus" / "rules.yaml")
OWN = overlaid(CASES["everything"], {"nameOverride": ""})


@pytest.fixture(scope="module")
def everything() -> Rendered:
    return render(OWN)


# ── the operator ────────────────────────────────────────────────────────────────────


@pytest.fixture
def beside_node(tmp_path: Path) -> Iterator[Path]:
    """A folder in which programs of Node find what is installed for tests."""
    modules = node_module("@kubernetes-models/prometheus-operator").parents[1]
    (tmp_path / "node_modules").symlink_to(modules)
    yield tmp_path
    assert NODE.is_dir()


def operated() -> list[Document]:
    """Each kind once with everything on, and the ServiceMonitor in its other forms."""
    full = render(OWN)
    others = [render(CASES[name]) for name in ("by TLS", "what is there already")]
    monitors = [each.one("ServiceMonitor") for each in others]
    return [full.one("ServiceMonitor"), full.one("PrometheusRule"), *monitors]


def test_the_operator_knows_every_field(beside_node: Path) -> None:
    for number, document in enumerate(operated()):
        kind, text = document["kind"], json.dumps(document)
        (beside_node / f"{number}.ts").write_text(TYPED % {"kind": kind, "document": text}, "utf-8")
        judge = beside_node / f"{number}.mjs"
        judge.write_text(JUDGE % {"kind": kind, "document": text}, "utf-8")
        said_by(program("node"), str(judge))
    options = (
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--module",
        "nodenext",
        "--target",
        "es2022",
    )
    files = [str(each) for each in sorted(beside_node.glob("*.ts"))]
    assert len(files) == 4
    said_by(program("tsc"), *options, *files, cwd=beside_node)


def endpoint(rendered: Rendered) -> dict[str, Any]:
    [found] = rendered.one("ServiceMonitor")["spec"]["endpoints"]
    assert isinstance(found, dict)
    return found


def test_the_token_and_the_authority_are_handed_to_prometheus() -> None:
    by_tls = endpoint(render(CASES["by TLS"]))
    assert by_tls["authorization"]["credentials"] == {"name": "jobwatch", "key": "read-token"}
    assert by_tls["scheme"] == "https"
    assert by_tls["tlsConfig"]["serverName"] == "jobwatch.watching.svc"
    assert by_tls["tlsConfig"]["ca"]["secret"]["name"] == "jobwatch-tls"
    named = endpoint(render(CASES["what is there already"]))
    assert named["authorization"]["credentials"] == {"name": "kept", "key": "token"}
    assert (named["scheme"], "tlsConfig" in named) == ("http", False)
    plain = endpoint(render(overlaid(MINIMAL, {"serviceMonitor": {"enabled": True}})))
    assert "authorization" not in plain


def test_series_keep_their_labels_when_the_pod_is_another(
    everything: Rendered, tmp_path: Path
) -> None:
    seen = [
        labels_after(everything, tmp_path, f"10.0.0.{n}:19870", f"jobwatch-{n}") for n in (1, 2)
    ]
    assert seen[0] == seen[1]
    assert seen[0]["instance"] == "jobwatch"
    assert seen[0]["namespace"] == "watching"
    assert "pod" not in seen[0]


def test_two_releases_of_one_name_get_a_job_each_as_the_page_says(tmp_path: Path) -> None:
    page = (DEPLOY / "kubernetes" / "README.md").read_text("utf-8")
    [shown] = re.findall(r"```yml\n( +serviceMonitor:\n +relabelings:.*?)```", page, re.DOTALL)
    values = yaml.safe_load(dedent(shown))
    enabled = overlaid(values, {"serviceMonitor": {"enabled": True}})
    labels = labels_after(render(overlaid(MINIMAL, enabled)), tmp_path, "10.0.0.1:1", "jobwatch-1")
    assert (labels["job"], labels["instance"]) == ("watching/jobwatch", "jobwatch")


def labels_after(rendered: Rendered, folder: Path, address: str, pod: str) -> dict[str, str]:
    """What a real Prometheus makes of a target's labels, relabelled as the operator would have it."""
    rules = [
        {snake(key): value for key, value in each.items()}
        for each in endpoint(rendered)["relabelings"]
    ]
    found = {
        "targets": [address],
        "labels": {"pod": pod, "namespace": "watching", "endpoint": "http"},
    }
    job = {"job_name": "jobwatch", "static_configs": [found], "relabel_configs": rules}
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump({"scrape_configs": [job]}), encoding="utf-8")
    said = said_by(
        program("promtool"), "check", "service-discovery", "--timeout=1s", str(file), "jobwatch"
    )
    [target] = json.loads(said[said.index("[") :])
    labels: dict[str, str] = target["labels"]
    assert labels.pop("__address__") == address
    return labels


def snake(key: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", key)


# ── rules and dashboards ────────────────────────────────────────────────────────────


def alerts(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rules = [rule for group in spec["groups"] for rule in group["rules"] if "alert" in rule]
    return {rule["alert"]: rule for rule in rules}


def test_the_rules_are_those_of_the_project_and_prometheus_takes_them(
    everything: Rendered, tmp_path: Path
) -> None:
    spec = everything.one("PrometheusRule")["spec"]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(spec), encoding="utf-8")
    assert "SUCCESS" in said_by(program("promtool"), "check", "rules", str(file))
    made, original = alerts(spec), alerts(RULES)
    assert set(original) - set(made) == {"JobwatchAbsent"}
    for name, rule in made.items():
        assert rule["expr"] == original[name]["expr"]
        assert rule["labels"] == {**original[name]["labels"], "team": "storage"}
        assert rule.get("for") == original[name].get("for")


def test_without_more_said_the_rules_are_exactly_those_of_the_project() -> None:
    rendered = render(overlaid(MINIMAL, {"prometheusRule": {"enabled": True}}))
    assert rendered.one("PrometheusRule")["spec"]["groups"] == RULES["groups"]


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (
            "https://git.example.com/blob/main/",
            "https://git.example.com/blob/main/docs/runbooks/{}.md",
        ),
        ("https://docs.example.com/runbooks/%s/", "https://docs.example.com/runbooks/{}/"),
    ],
)
def test_an_alert_leads_to_its_runbook(written: str, address: str) -> None:
    values = {"prometheusRule": {"enabled": True, "runbookBaseUrl": written}}
    made = alerts(render(overlaid(MINIMAL, values)).one("PrometheusRule")["spec"])
    assert len(made) > 10
    for name, rule in made.items():
        assert rule["annotations"]["runbook_url"] == address.format(name)


def test_the_sidecar_finds_every_dashboard_as_it_is(everything: Rendered) -> None:
    maps = [
        each
        for each in everything.all("ConfigMap")
        if "grafana_dashboard" in each["metadata"]["labels"]
    ]
    found = [json.loads(text) for each in maps for text in each["data"].values()]
    originals = [json.loads(path.read_text("utf-8")) for path in DASHBOARDS]
    assert sorted(found, key=itemgetter("uid")) == sorted(originals, key=itemgetter("uid"))
    assert {each["metadata"]["annotations"]["grafana_folder"] for each in maps} == {"jobwatch"}


def test_kubectl_can_apply_a_dashboard_as_its_note_of_it_stays_far_below_the_limit(
    everything: Rendered,
) -> None:
    # `kubectl apply` keeps the document as an annotation of itself, and all annotations may be 256 KiB.
    maps = everything.all("ConfigMap")
    assert len(maps) == 1 + len(DASHBOARDS)
    assert all(len(json.dumps(each).encode()) < 128 * 1024 for each in maps)


# ── the network ─────────────────────────────────────────────────────────────────────


def lets_out(policy: dict[str, Any], address: str, port: int, protocol: str = "TCP") -> bool:
    """Whether a policy lets a connection out, as the API describes it."""
    return any(
        any((each["port"], each["protocol"]) == (port, protocol) for each in rule["ports"])
        and ("to" not in rule or any(within(peer["ipBlock"], address) for peer in rule["to"]))
        for rule in policy["egress"]
    )


def within(block: dict[str, Any], address: str) -> bool:
    place = ip_address(address)
    left_out = any(place in ip_network(each) for each in block.get("except", ()))
    return place in ip_network(block["cidr"]) and not left_out


OUT = [
    ("169.254.20.10", 53, "UDP", True),  # the cache of names on each node
    ("10.96.0.10", 53, "TCP", True),
    ("203.0.113.7", 443, "TCP", True),  # the cloud, its token service, receivers
    ("169.254.0.95", 443, "TCP", True),  # the cloud from inside of its network
    ("2001:db8::7", 443, "TCP", True),
    ("169.254.0.23", 443, "TCP", False),
    ("169.254.169.254", 443, "TCP", False),
    ("169.254.169.254", 80, "TCP", False),
    ("169.254.0.23", 80, "TCP", False),
    ("10.0.0.1", 6443, "TCP", False),
    ("10.0.0.5", 5432, "TCP", False),
    ("203.0.113.7", 80, "TCP", False),
]


@pytest.mark.parametrize(("address", "port", "protocol", "expected"), OUT)
def test_the_policy_lets_out_what_jobwatch_needs_and_nothing_else(
    address: str, port: int, protocol: str, *, expected: bool
) -> None:
    policy = render(CASES["nothing kept"]).one("NetworkPolicy")["spec"]
    assert lets_out(policy, address, port, protocol) is expected
    assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_the_policy_opens_what_it_is_told_to(everything: Rendered) -> None:
    policy = everything.one("NetworkPolicy")["spec"]
    assert lets_out(policy, "169.254.0.23", 80)
    assert not lets_out(policy, "169.254.169.254", 80)
    [rule] = policy["ingress"]
    assert rule["ports"] == [{"port": 19870, "protocol": "TCP"}]
    [peer] = rule["from"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}
    [anybody] = render(CASES["nothing kept"]).one("NetworkPolicy")["spec"]["ingress"]
    assert "from" not in anybody
    assert not render(MINIMAL).all("NetworkPolicy")
