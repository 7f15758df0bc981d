"""A configuration in which every key can be set, and for each key a value that is not its default."""

import copy
from pathlib import Path
from typing import Any

import yaml

from jobwatch.settings import Loaded, load_settings
from tests.certificates import make_pair
from tests.configuration_page import PROVIDER, Key, all_keys
from tests.configuration_types import PART

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BASE: dict[str, Any] = yaml.safe_load(
    f"""
sources:
  prod:
    provider: {{kind: cos-batch, region: ap-chengdu, uin: "100000000001", appid: "1250000000"}}
  vaults:
    provider: {{kind: cas, region: ap-guangzhou}}
receivers:
  plain: {{url: "https://hooks.example.com/a", secrets: [{SECRET}]}}
  pager: {{format: pagerduty, routing_key: "{"0" * 32}"}}
  chat: {{format: wecom, url: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=x"}}
  own: {{format: template, url: "https://hooks.example.com/b", template: "x"}}
  bare: {{}}
"""
)
del BASE["receivers"]["bare"]

PROVIDERS = {"cas": "vaults", "": "prod"}
RECEIVERS = {
    **dict.fromkeys(("url", "url_file", "secrets", "secret_files"), "pager"),
    **dict.fromkeys(("routing_key", "routing_key_file"), "chat"),
    **dict.fromkeys(("digest", "mention"), "chat"),
    "template": "own",
}
"""Of which receiver a key can be written at its default, or can be set."""
SET_OF = {
    **dict.fromkeys(("url_file", "secret_files", "format", "headers"), "plain"),
    "secrets": "plain",
    **dict.fromkeys(("routing_key", "routing_key_file"), "pager"),
}
"""Of which one it can be set, where that is another."""

KEYS = {"secret_id": "AKIDexample", "secret_key": "example"}
VALUES: dict[str, object] = {
    "instance": "other",
    f"{PROVIDER}.uin": "100000000009",
    f"{PROVIDER}.appid": "1250000009",
    f"{PROVIDER}.uid": "100000000009",
    f"{PROVIDER}.vaults": ["a", "b"],
    f"{PROVIDER}.region": "ap-shanghai",
    f"{PROVIDER}.endpoint": "https://cos.example.com",
    f"{PROVIDER}.credentials": {"use": "profile"},
    f"{PROVIDER}.credentials.secret_id": "AKIDexample",
    f"{PROVIDER}.credentials.secret_key": "example",
    f"{PROVIDER}.credentials.token": "example",
    f"{PROVIDER}.credentials.role": "ops",
    f"{PROVIDER}.credentials.metadata_endpoint": "http://169.254.0.23",
    f"{PROVIDER}.credentials.sts_endpoint": "https://sts.example.com",
    "sources.NAME.rate_limit": {"burst": 3},
    "sources.NAME.labels": {"team": "data"},
    "sources.NAME.rules": {"stalled_after": "1h"},
    PROVIDER: {"kind": "cas", "region": "ap-beijing"},
    "receivers.NAME.url": "https://hooks.example.com/other",
    "receivers.NAME.secrets": ["whsec_" + "A" * 32],
    "receivers.NAME.routing_key": "1" * 32,
    "receivers.NAME.wants": {"types": ["*"]},
    "receivers.NAME.wants.types": ["job.failed"],
    "receivers.NAME.wants.sources": ["prod"],
    "receivers.NAME.wants.operations": ["COSDeleteObject"],
    "receivers.NAME.wants.descriptions": ["nightly*"],
    "receivers.NAME.wants.except": {"sources": ["vaults"]},
    "receivers.NAME.wants.except.types": ["job.failed"],
    "receivers.NAME.wants.except.sources": ["prod"],
    "receivers.NAME.wants.except.operations": ["COSDeleteObject"],
    "receivers.NAME.wants.except.descriptions": ["test*"],
    "receivers.NAME.headers": {"x-a": "b"},
    "receivers.NAME.digest": {"first": 1},
    "receivers.NAME.timezone": "Asia/Shanghai",
    "receivers.NAME.title_prefix": "x",
    "receivers.NAME.mention": {"all": True},
    "receivers.NAME.mention.types": ["job.failed"],
    "receivers.NAME.mention.mobiles": ["13800000000"],
    "receivers.NAME.template": "y",
    "rules.failing": {"ratio": 0.5},
    "egress.allow_cidrs": ["10.0.0.0/8"],
    "egress.proxy": "http://proxy.example.com:3128",
    "http.listen": "127.0.0.1:1",
    "http.public_url": "https://jobwatch.example.com",
    "http.read_token": "0123456789abcdef",
    "http.operate_token": "0123456789abcdef",
    "metrics.per_job": {"enabled": True},
    "heartbeat.url": "https://watchdog.example.com",
    "store.path": "other.db",
    "store.dsn": "postgresql://u:p@h/db",
}
"""Values that no rule of thumb gives."""

FILES = {
    f"{PROVIDER}.credentials.secret_id_file": "AKIDexample",
    f"{PROVIDER}.credentials.secret_key_file": "example",
    f"{PROVIDER}.credentials.token_file": "example",
    "receivers.NAME.url_file": "https://hooks.example.com/other",
    "receivers.NAME.secret_files": SECRET,
    "receivers.NAME.routing_key_file": "1" * 32,
    "receivers.NAME.header_files": "b",
    "egress.proxy_file": "http://proxy.example.com:3128",
    "http.read_token_file": "0123456789abcdef",
    "http.operate_token_file": "fedcba9876543210",
    "heartbeat.url_file": "https://watchdog.example.com",
}
"""What the files hold whose paths are set."""
