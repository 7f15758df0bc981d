"""A configuration in which every key can be set through its variable, and for each key a value that it does not have there."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jobwatch.settings.describing import descriptions
from tests.certificates import Pair, make_pair
from tests.documents.configuration_page import PROVIDER, Key
from tests.unit.settings_cases import SECRET

BASE = f"""
sources:
  prod:
    provider: {{kind: cos-batch, region: ap-chengdu, uin: "100000000001", appid: "1250000000"}}
  vaults:
    provider: {{kind: cas, region: ap-guangzhou}}
receivers:
  plain: {{url: "https://hooks.example.com/a", secrets: [{SECRET}]}}
  pager: {{format: pagerduty, routing_key: "{"0" * 32}"}}
  chat: {{format: wecom, url: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=x"}}
"""
OWN = {"format": "template", "url": "https://hooks.example.com/b", "template": "x"}
"""Trying a template takes longer than all the rest, so only who asks for it has it."""
OF_RECEIVERS = {
    **dict.fromkeys(("url", "secrets", "secret_files"), "PLAIN"),
    **dict.fromkeys(("format", "digest", "mention"), "CHAT"),
    "template": "OWN",
}
"""Which receiver takes a key; the pager takes all others."""

CREDENTIALS = f"{PROVIDER}.credentials"
TOKEN, OTHER_TOKEN = "0123456789abcdef", "fedcba9876543210"
URL, PROXY = "https://other.example.com/x", "http://proxy.example.com:3128"
VALUES: dict[str, object] = {
    "instance": "other",
    PROVIDER: {"region": "ap-beijing"},
    f"{PROVIDER}.region": "ap-beijing",
    f"{PROVIDER}.uin": "100000000009",
    f"{PROVIDER}.appid": "1250000009",
    f"{PROVIDER}.uid": "100000000009",
    f"{PROVIDER}.vaults": ["a", "b"],
    f"{PROVIDER}.endpoint": "https://cos.example.com",
    CREDENTIALS: {"use": "profile"},
    f"{CREDENTIALS}.secret_id": "AKIDother",
    f"{CREDENTIALS}.secret_key": "other",
    f"{CREDENTIALS}.token": "example",
    f"{CREDENTIALS}.role": "ops",
    f"{CREDENTIALS}.metadata_endpoint": "http://169.254.0.23",
    f"{CREDENTIALS}.sts_endpoint": "https://sts.example.com",
    "sources.NAME.rate_limit": {"burst": 3},
    "sources.NAME.labels": {"team": "data"},
    "sources.NAME.rules": {"stalled_after": "1h"},
    "receivers.NAME.format": "slack",
    "receivers.NAME.url": URL,
    "receivers.NAME.secrets": ["whsec_" + "B" * 32],
    "receivers.NAME.routing_key": "1" * 32,
    "receivers.NAME.headers": {"x-a": "b"},
    "receivers.NAME.digest": {"first": 1},
    "receivers.NAME.timezone": "Asia/Shanghai",
    "receivers.NAME.mention": {"all": True},
    "receivers.NAME.mention.mobiles": ["13800000000"],
    "receivers.NAME.wants": {"types": ["*"]},
    "receivers.NAME.wants.sources": ["prod"],
    "receivers.NAME.wants.except": {"sources": ["vaults"]},
    "receivers.NAME.wants.except.sources": ["prod"],
    "rules.failing": {"ratio": 0.5},
    "egress.allow_cidrs": ["10.0.0.0/8"],
    "egress.proxy": PROXY,
    "store.path": "other.db",
    "http.listen": "127.0.0.1:1",
    "http.public_url": "https://jobwatch.example.com",
    "http.read_token": TOKEN,
    "http.operate_token": OTHER_TOKEN,
    "metrics.per_job": {"enabled": True},
    "heartbeat.url": URL,
}
"""Values that no rule of thumb gives."""

OF_TYPES: Mapping[str, object] = {
    "boolean": True,
    "integer": 2,
    "number": 0.5,
    "array": ["job.failed"],
    "string": "other",
}

HELD = {
    f"{CREDENTIALS}.secret_id_file": "AKIDother",
    f"{CREDENTIALS}.secret_key_file": "other",
    f"{CREDENTIALS}.token_file": "example",
    "receivers.NAME.url_file": URL,
    "receivers.NAME.routing_key_file": "1" * 32,
    "receivers.NAME.header_files": "b",
    "receivers.NAME.secret_files": SECRET,
    "egress.proxy_file": PROXY,
    "http.read_token_file": TOKEN,
    "http.operate_token_file": OTHER_TOKEN,
    "heartbeat.url_file": URL,
}
"""What the files hold whose paths are set."""


def variable(key: Key) -> str:
    """The variable of a key, with the name of a source or receiver that takes it."""
    _, _, rest = key.path.partition(".NAME.")
    name = {"cas": "VAULTS"}.get(key.kind, "PROD")
    if key.path.startswith("receivers."):
        name = OF_RECEIVERS.get(rest.partition(".")[0], "PAGER")
    return key.variable.replace("NAME", name, 1)


def before(key: Key, folder: Path) -> dict[str, str]:
    """The variables without which a key means nothing."""
    own = variable(key)
    if key.path.startswith(f"{CREDENTIALS}.") and key.name.startswith(("secret_", "token")):
        start = own.partition("CREDENTIALS__")[0] + "CREDENTIALS__"
        return {f"{start}SECRET_ID": "AKIDexample", f"{start}SECRET_KEY": "example"}
    if key.path == "receivers.NAME.template":
        return {"JOBWATCH_RECEIVERS__OWN": json.dumps(OWN)}
    if key.path.startswith("http.tls."):
        pair = _pair(folder)
        return {
            "JOBWATCH_HTTP__TLS__CERT_FILE": str(pair.cert),
            "JOBWATCH_HTTP__TLS__KEY_FILE": str(pair.key),
        }
    return {}


def after(key: Key, folder: Path) -> dict[str, str]:
    """The variables that set a key to something else."""
    return setting(key, folder, _value(key, folder))


def setting(key: Key, folder: Path, value: object) -> dict[str, str]:
    """The variables that set a key to a value, and what cannot stand beside it to null."""
    own = variable(key)
    text = value if isinstance(value, str) else json.dumps(value)
    beside = key.name.removesuffix("_file")
    instead = beside != key.name and beside in key.model.model_fields
    nothing = {own.removesuffix("_FILE"): "null"} if instead else {}
    return {**before(key, folder), **nothing, own: text}


@cache
def _pair(folder: Path) -> Pair:
    return make_pair(folder, name="old")


def _value(key: Key, folder: Path) -> object:
    if key.path in VALUES:
        return VALUES[key.path]
    if key.path in HELD:
        file = folder / key.name
        file.write_text(HELD[key.path])
        return {"header_files": {"x-a": str(file)}, "secret_files": [str(file)]}.get(
            key.name, str(file)
        )
    if key.path.startswith("http.tls") or key.path == "egress.ca_file":
        return _of_certificates(key, folder)
    said = descriptions(key.model)[key.name]
    return said.bounds.longest if said.bounds else _by_type(key.node)


def _of_certificates(key: Key, folder: Path) -> object:
    """The same pair in other places, or a certificate to trust."""
    pair = _pair(folder)
    new = {"cert_file": folder / "new.crt", "key_file": folder / "new.key"}
    for name, old in zip(new, pair, strict=True):
        new[name].write_bytes(old.read_bytes())
        new[name].chmod(0o600)
    if key.path == "http.tls":
        return {name: str(path) for name, path in new.items()}
    return str(new.get(key.name, pair.cert))


def _by_type(node: Mapping[str, Any]) -> object:
    """A value of the first type that a key takes; the last word of a list, or the one before it."""
    first = node["anyOf"][0] if "anyOf" in node else node
    if "const" in first:
        return first["const"]
    if "enum" in first:
        return next(word for word in reversed(first["enum"]) if word != node.get("default"))
    return OF_TYPES[first["type"]]
