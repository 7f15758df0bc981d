"""What people do to values: words that YAML reads as something else, nothing at all, text in braces, a chart around it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobwatch.settings import load_settings
from tests.deploying.helm import (
    CHART,
    MINIMAL,
    Rendered,
    check_fields,
    overlaid,
    refused,
    render,
)

OPERATED = {"ServiceMonitor", "PrometheusRule"}
NULLABLE: dict[str, Any] = {
    **dict.fromkeys(
        ("nameOverride", "fullnameOverride", "imagePullSecrets", "existingSecret", "secrets", "rollOnChange", "extraEnv",
         "envFrom", "extraVolumes", "extraVolumeMounts", "resources", "labels", "annotations", "podLabels",
         "podAnnotations", "nodeSelector", "tolerations", "affinity", "priorityClassName", "serviceMonitor",
         "prometheusRule", "dashboards", "networkPolicy")
    ),
    "image": {"tag": None, "digest": None},
    "persistence": {"annotations": None, "storageClass": None, "existingClaim": None, "keep": None},
    "serviceAccount": {"annotations": None, "name": None, "tkeRoleArn": None},
    "service": {"annotations": None},
    "podSecurityContext": {"runAsUser": None, "fsGroup": None},
}  # fmt: skip
NEEDED = {
    "": ("config", "startupProbe", "livenessProbe", "readinessProbe", "podSecurityContext", "securityContext"),
    "image": ("repository", "pullPolicy"),
    "persistence": ("enabled", "size"),
    "serviceAccount": ("create",),
    "service": ("port",),
}  # fmt: skip


def checked(rendered: Rendered) -> Rendered:
    for document in rendered.documents:
        if document["kind"] not in OPERATED:
            check_fields(document, "1.34")
    return rendered


@pytest.mark.parametrize("word", ["true", "on", "null", "123", "1e3"])
def test_a_name_that_yaml_takes_for_something_else_stays_a_name(word: str) -> None:
    values = {
        "existingSecret": word,
        "priorityClassName": word,
        "persistence": {"existingClaim": word},
        "serviceAccount": {"name": word},
        "serviceMonitor": {"enabled": True, "tokenSecret": {"name": word, "key": word}},
    }
    rendered = checked(render(overlaid(MINIMAL, values), release=word))
    [endpoint] = rendered.one("ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["authorization"]["credentials"] == {"name": word, "key": word}
    selector = rendered.one("Deployment")["spec"]["selector"]["matchLabels"]
    assert selector["app.kubernetes.io/instance"] == word


def test_everything_may_be_named_by_a_word_that_yaml_takes_for_something_else() -> None:
    rendered = checked(render(overlaid(MINIMAL, {"fullnameOverride": "true"})))
    assert {each["metadata"]["name"] for each in rendered.documents} == {"true"}


def test_a_file_of_secrets_may_have_a_name_that_yaml_takes_for_something_else() -> None:
    names = ("true", "123", "1e3", "null", "0644", ".x")
    values = {"secrets": {name: f"of {name}" for name in names}}
    assert render(overlaid(MINIMAL, values)).secrets == values["secrets"]


def test_a_release_named_by_a_digit_has_a_service_that_begins_with_a_letter() -> None:
    rendered = render(MINIMAL, release="9-lives")
    assert rendered.one("Service")["metadata"]["name"] == "jobwatch-9-lives"


def test_names_of_the_longest_release_stay_within_their_limits() -> None:
    everything = {kind: {"enabled": True} for kind in ("dashboards", "serviceMonitor")}
    for release in ("a" * 52 + "b", "a" * 52 + "c"):
        rendered = checked(render(overlaid(MINIMAL, everything), release=release))
        assert len(rendered.one("Service")["metadata"]["name"]) <= 63
        named = [each["metadata"]["name"] for each in rendered.all("ConfigMap")]
        assert len({*named}) == 3
        assert all(release in name for name in named)


def test_nothing_where_a_value_may_be_left_out_is_its_being_left_out() -> None:
    checked(render(overlaid(MINIMAL, NULLABLE)))


@pytest.mark.parametrize("within", NEEDED)
def test_nothing_where_a_value_is_needed_is_told_by_its_name(within: str) -> None:
    for key in NEEDED[within]:
        nothing = {within: {key: None}} if within else {key: None}
        assert f"{key} is null: leave it out" in refused(overlaid(MINIMAL, nothing))


@pytest.mark.parametrize("nothing", [{"provider": {"credentials": None}}, {"provider": None}])
def test_a_source_that_is_not_yet_filled_in_is_left_to_jobwatch_to_judge(
    nothing: dict[str, Any],
) -> None:
    rendered = render(overlaid(MINIMAL, {"config": {"sources": {"prod": nothing}}}))
    assert "null" in rendered.configuration


def test_a_label_of_everything_gives_way_to_one_of_a_document() -> None:
    values = {
        "labels": {"team": "data", "grafana_dashboard": "0"},
        "serviceMonitor": {"enabled": True, "labels": {"team": "monitoring"}},
        "prometheusRule": {"enabled": True, "labels": {"team": "alerts"}},
        "dashboards": {"enabled": True},
    }
    rendered = render(overlaid(MINIMAL, values))
    found = {each["kind"]: each["metadata"]["labels"]["team"] for each in rendered.documents}
    assert (found["ServiceMonitor"], found["PrometheusRule"]) == ("monitoring", "alerts")
    assert found["Deployment"] == "data"
    boards = [each["metadata"] for each in rendered.all("ConfigMap")][1:]
    assert {each["labels"]["grafana_dashboard"] for each in boards} == {"1"}


def test_braces_chinese_and_line_breaks_of_a_template_reach_jobwatch_as_they_were_written(
    tmp_path: Path,
) -> None:
    text = '{{ message.title | tojson }}: {# 作业 #}{% if event %}\n  "{{ event.subject }}" 失败\n\t{%- endif %}\n\n'
    near = {"url": "http://127.0.0.1:8080/x", "format": "template", "template": text}
    rendered = render(overlaid(MINIMAL, {"config": {"receivers": {"near": near}}}))
    file = tmp_path / "jobwatch.yaml"
    file.write_text(rendered.configuration, encoding="utf-8")
    settings = load_settings(None, {"JOBWATCH_CONFIG": str(file)}).settings
    found = settings.receivers["near"].template
    assert found is not None
    assert found.get_secret_value() == text


def test_another_chart_may_have_this_one_in_it_and_switch_it_off(tmp_path: Path) -> None:
    around = {
        "apiVersion": "v2",
        "name": "around",
        "version": "1.0.0",
        "dependencies": [{"name": "jobwatch", "version": "*", "condition": "jobwatch.enabled"}],
    }
    (tmp_path / "Chart.yaml").write_text(json.dumps(around), encoding="utf-8")
    shutil.copytree(CHART, tmp_path / "charts" / "jobwatch")
    for enabled in (True, False):
        values = {"global": {"a": 1}, "jobwatch": {**MINIMAL, "enabled": enabled}}
        made = render(values, release="team", chart=tmp_path).documents
        assert {each["metadata"]["name"] for each in made} == (
            {"team-jobwatch"} if enabled else set()
        )
