"""Values for the chart, as people would write them: one case for each way to install jobwatch.

Law of this module: every value of the chart is set to something other than its default in one of the cases at least.
"""

from typing import Any

from tests.deploying.deployed import DEPLOY, read
from tests.deploying.helm import MINIMAL, SECRET_FOLDER, overlaid

DIGEST = "sha256:" + "0123456789abcdef" * 4
TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
ROLE = "qcs::cam::uin/100000000001:roleName/jobwatch"

SECRETS = {
    "ops-url": "https://hooks.example.com/canary-of-the-chart",
    "ops-secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "read-token": TOKEN,
}
TOLD: dict[str, Any] = {
    "config": {
        "receivers": {
            "ops": {
                "url_file": f"{SECRET_FOLDER}/ops-url",
                "secret_files": [f"{SECRET_FOLDER}/ops-secret"],
            },
            # null has a meaning of its own: each event by itself.
            "near": {"url": "http://127.0.0.1:8080/x", "format": "slack", "digest": None},
        },
        "http": {"read_token_file": f"{SECRET_FOLDER}/read-token"},
    },
    "secrets": SECRETS,
}
AFFINITY = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "Exists"}]}]
        }
    }
}

PLACED: dict[str, Any] = {
    "nameOverride": "watcher",
    "imagePullSecrets": [{"name": "tcr"}],
    "nodeSelector": {"disk": "cbs"},
    "tolerations": [{"key": "spot", "operator": "Exists"}],
    "affinity": AFFINITY,
    "priorityClassName": "high",
    "labels": {"team": "data"},
    "annotations": {"example.com/a": "1"},
    "podLabels": {"example.com/b": "2"},
    "podAnnotations": {"example.com/c": "3"},
    "persistence": {"storageClass": "cbs", "size": "20Gi", "annotations": {"example.com/d": "4"}},
    "serviceAccount": {"annotations": {"example.com/e": "5"}, "tkeRoleArn": ROLE},
    "service": {"port": 80, "annotations": {"example.com/f": "6"}},
    "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
    "startupProbe": {"failureThreshold": 240},
}
WATCHED: dict[str, Any] = {
    "serviceMonitor": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "interval": "30s",
        "scrapeTimeout": "10s",
        "relabelings": [{"action": "labeldrop", "regex": "endpoint"}],
        "metricRelabelings": [
            {"action": "drop", "sourceLabels": ["__name__"], "regex": "jobwatch_job_.*"}
        ],
    },
    "prometheusRule": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "ruleLabels": {"team": "storage"},
        "disabled": ["JobwatchAbsent"],
        "runbookBaseUrl": "https://git.example.com/jobwatch/blob/main/",
    },
    "dashboards": {"enabled": True, "annotations": {"grafana_folder": "jobwatch"}},
    "networkPolicy": {
        "enabled": True,
        "ingressFrom": [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
        ],
        "metadata": True,
        "extraEgress": [{"ports": [{"port": 3128, "protocol": "TCP"}]}],
    },
}
BY_TLS: dict[str, Any] = {
    "config": {"http": {"tls": {"cert_file": "/run/tls/tls.crt", "key_file": "/run/tls/tls.key"}}},
    "extraVolumes": [{"name": "tls", "secret": {"secretName": "jobwatch-tls"}}],
    "extraVolumeMounts": [{"name": "tls", "mountPath": "/run/tls", "readOnly": True}],
    "serviceMonitor": {
        "enabled": True,
        "tlsConfig": {"ca": {"secret": {"name": "jobwatch-tls", "key": "ca.crt"}}},
    },
}

CASES: dict[str, dict[str, Any]] = {
    "the least": MINIMAL,
    "told": overlaid(MINIMAL, TOLD),
    "everything": overlaid(overlaid(overlaid(MINIMAL, TOLD), PLACED), WATCHED),
    "by TLS": overlaid(overlaid(MINIMAL, TOLD), BY_TLS),
    "what is there already": overlaid(
        MINIMAL,
        {
            "fullnameOverride": "watch.dog",
            "image": {"repository": "registry.example.com/a/b", "digest": DIGEST},
            "existingSecret": "kept",
            "config": {"instance": "own", "http": {"listen": "[::]:8080"}},
            "persistence": {"existingClaim": "old"},
            "serviceAccount": {"create": False, "name": "shared"},
            "serviceMonitor": {"enabled": True, "tokenSecret": {"name": "kept", "key": "token"}},
            "extraEnv": [{"name": "TZ", "value": "UTC"}],
            "envFrom": [{"secretRef": {"name": "keys"}}],
        },
    ),
    "nothing kept": overlaid(
        MINIMAL,
        {
            "image": {"tag": "edge", "pullPolicy": "Always"},
            "persistence": {"enabled": False},
            "rollOnChange": False,
            "networkPolicy": {"enabled": True},
        },
    ),
    "plain": read(DEPLOY / "kubernetes" / "values.yaml"),
}

INLINE = overlaid(
    MINIMAL,
    {
        "config": {
            "receivers": {"ops": {"url": SECRETS["ops-url"], "secrets": [SECRETS["ops-secret"]]}}
        }
    },
)
"""Secrets where they do not belong."""
