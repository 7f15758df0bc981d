"""What the chart refuses, before anything of it reaches a cluster: by the key, and with what would be right."""

import inspect
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr

from jobwatch.settings.model import Settings
from tests.deploying.chart_cases import INLINE, ROLE, SECRETS, TOLD
from tests.deploying.helm import MINIMAL, overlaid, refused, render

HARMLESS = {"receivers.x.template"}
"""May hold a secret by its type; it is the text of a message, and has no file of its own."""
BY_SCHEMA = {"store.dsn": "'/config/store'"}
"""The chart has one replica and no database: whoever names one is told by the schema."""


def secret_keys(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every key of the configuration that holds a secret; `x` stands for what the user names."""
    for name, field in model.model_fields.items():
        here = f"{path}{name}"
        for kind in parts(field.annotation):
            if kind is SecretStr:
                yield here
            elif inspect.isclass(kind) and issubclass(kind, BaseModel):
                named = here in ("sources", "receivers")
                yield from secret_keys(kind, f"{here}.x." if named else f"{here}.")


def parts(annotation: Any) -> Iterator[Any]:
    """The types that an annotation is made of."""
    below = get_args(annotation)
    if not below:
        yield annotation
    for each in below:
        yield from parts(each)


SECRET_KEYS = sorted({*secret_keys(Settings)} - HARMLESS)


def test_the_configuration_has_the_secrets_that_this_test_looks_for() -> None:
    assert {"receivers.x.url", "http.read_token", "egress.proxy"} <= set(SECRET_KEYS)
    assert "sources.x.provider.credentials.secret_key" in SECRET_KEYS
    assert len(SECRET_KEYS) >= 12


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_no_secret_may_stand_in_the_configmap(key: str) -> None:
    canary = "https://user:sesame@hooks.example.com/canary"
    values: Any = [canary] if key.endswith("secrets") else canary
    values = {"A": canary} if key.endswith("headers") else values
    for part in reversed(key.replace(".x.", ".prod.").split(".")):
        values = {part: values}
    said = refused(overlaid(MINIMAL, {"config": values}))
    told = key.replace(".x.", ".prod.")
    assert BY_SCHEMA.get(key, told) in said, said
    assert "sesame" not in said


def test_secrets_stand_in_the_configmap_where_somebody_insists() -> None:
    assert "allowSecretsInConfig" in refused(INLINE)
    insisting = render({**INLINE, "allowSecretsInConfig": True})
    assert SECRETS["ops-url"] in insisting.configuration


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no source": ({"config": {"sources": None}}, "/config/sources"),
    "a value's name": ({"persistnce": {}}, "additional properties 'persistnce' not allowed"),
    "a key's name": ({"image": {"tga": "1"}}, "'/image': additional properties 'tga' not allowed"),
    "a kind": ({"service": {"port": "http"}}, "'/service/port': got string, want integer"),
    "a digest": ({"image": {"digest": "sha256:12"}}, "'/image/digest'"),
    "a role": ({"serviceAccount": {"tkeRoleArn": "jobwatch"}}, "'/serviceAccount/tkeRoleArn'"),
    "an instance": ({"config": {"instance": "My-Own"}}, "'/config/instance'"),
    "a size": ({"persistence": {"size": "10"}}, "'/persistence/size'"),
    "a token's half": ({"serviceMonitor": {"enabled": True, "tokenSecret": {"name": "x"}}}, "tokenSecret has a name and no key"),
    "postgres": ({"config": {"store": {"kind": "postgres"}}}, "'/config/store/kind'"),
    "both secrets": ({"secrets": {"a": "b"}, "existingSecret": "x"}, "keep one of them"),
    "a file that nobody has": (
        {"config": TOLD["config"], "secrets": {"ops-url": "https://x"}},
        "config names /run/secrets/jobwatch/ops-secret, and secrets has no ops-secret",
    ),
    "loopback": (
        {"config": {"http": {"listen": "127.0.0.1:19870"}}},
        "config.http.listen is 127.0.0.1:19870, where neither probes nor Prometheus reach it",
    ),
    "any port": ({"config": {"http": {"listen": "0.0.0.0:0"}}}, "config.http.listen is 0.0.0.0:0"),
    "a store elsewhere": ({"config": {"store": {"path": "/data/a.db"}}}, "config.store.path is /data/a.db"),
    "a setting beside": (
        {"extraEnv": [{"name": "JOBWATCH_HTTP__LISTEN", "value": "0.0.0.0:1"}]},
        "extraEnv[0] sets JOBWATCH_HTTP__LISTEN",
    ),
    "a secret beside": (
        {"extraEnv": [{"name": "A", "value": "b"}, {"name": "TENCENTCLOUD_SECRET_KEY", "value": "b"}]},
        "extraEnv[1] shows TENCENTCLOUD_SECRET_KEY",
    ),
    "a receiver beside": (
        {"extraEnv": [{"name": "JOBWATCH_RECEIVERS__OPS__URL", "value": "https://x"}]},
        "extraEnv[0] shows JOBWATCH_RECEIVERS__OPS__URL",
    ),
    "a role for nobody": (
        {"serviceAccount": {"create": False, "tkeRoleArn": ROLE}},
        "serviceAccount.tkeRoleArn annotates an account that the chart does not make",
    ),
    "a token unknown to Prometheus": (
        {
            "config": {"http": {"read_token_file": "/run/tokens/read"}},
            "serviceMonitor": {"enabled": True},
        },
        "say in serviceMonitor.tokenSecret where Prometheus finds the token",
    ),
    "a name that no Service may have": ({"fullnameOverride": "Job_Watch"}, "Job_Watch cannot name a Service"),
    "a name that no label may have": ({"nameOverride": "a b", "fullnameOverride": "a"}, "nameOverride is a b, which cannot be a label"),
    "a label of the chart": ({"podLabels": {"app.kubernetes.io/instance": "x"}}, "invalid propertyName 'app.kubernetes.io/instance'"),
    "a tag that no image may have": ({"image": {"tag": "a b"}}, "'/image/tag'"),
    "a number for a tag": ({"image": {"tag": 1.1}}, "'/image/tag': got number, want string"),
    "a volume of the chart's": ({"extraVolumes": [{"name": "store", "emptyDir": {}}]}, "'/extraVolumes/0/name'"),
    "a number in the environment": ({"extraEnv": [{"name": "A", "value": 8080}]}, "'/extraEnv/0/value': got number, want string"),
    "a port beyond all ports": ({"config": {"http": {"listen": "0.0.0.0:65536"}}}, "config.http.listen is 0.0.0.0:65536"),
    "no such alert": (
        {"prometheusRule": {"enabled": True, "disabled": ["JobwatchAbsnet"]}},
        "prometheusRule.disabled names JobwatchAbsnet, and there is no such alert; there are",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", list(WRONG))
def test_a_wrong_value_is_refused_by_its_path(wrong: str) -> None:
    values, told = WRONG[wrong]
    assert told in refused(overlaid(MINIMAL, values))


def test_nothing_at_all_is_refused_with_what_to_write() -> None:
    assert "config.sources is empty: write at least one source" in refused({})


def test_all_mistakes_are_told_at_once() -> None:
    several = overlaid(
        INLINE, {"config": {"store": {"path": "/x"}}, "existingSecret": "a", "secrets": {"b": "c"}}
    )
    said = refused(several)
    assert all(each in said for each in ("ops.url", "ops.secrets", "store.path", "existingSecret"))


def test_secrets_that_a_driver_mounts_are_believed_to_be_there() -> None:
    driver = {"name": "vault", "csi": {"driver": "secrets-store.csi.k8s.io", "readOnly": True}}
    mount = {"name": "vault", "mountPath": "/run/secrets/jobwatch"}
    values = {"config": TOLD["config"], "extraVolumes": [driver], "extraVolumeMounts": [mount]}
    assert render(overlaid(MINIMAL, values)).one("Deployment")
