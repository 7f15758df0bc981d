"""The keys of a pod's own role in TKE: its service account's token for temporary keys, at the token service.

`AssumeRoleWithWebIdentity` (https://cloud.tencent.com/document/product/1312/73070) is not signed: the token is the
proof. The service says errors with HTTP 200, in `Response.Error`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.providers.issued_keys import (
    Issuer,
    NothingThere,
    parse,
    read_expiry,
    read_issued,
    read_object,
    shown,
)
from jobwatch.providers.keys import TOKEN_LIMIT, wrong_key

ISSUER: Final = Issuer(kind="tke-oidc", name="the token service")
VERSION = "2018-08-13"
ACTION = "AssumeRoleWithWebIdentity"
SESSION_NAME = "jobwatch"
"""Shown in the account's audit as who used the role."""
VALID_FOR = timedelta(hours=2)
"""The service's own default; 12 hours at most."""

TOKEN_FILE = "TKE_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105  # the name of a variable
VARIABLES = ("TKE_REGION", "TKE_PROVIDER_ID", TOKEN_FILE, "TKE_ROLE_ARN")
"""What TKE sets in a pod whose service account has a role; the names of Tencent Cloud's own SDKs."""

_REGION = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PodIdentity:
    """Who a pod is, as TKE tells it. `token_path` is where its token stands; TKE replaces it now and then."""

    region: str
    provider_id: str
    role_arn: str
    token_path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """A pod with the token that proves it."""

    pod: PodIdentity
    token: str = field(repr=False)


def read_identity(environ: Mapping[str, str]) -> PodIdentity:
    """Read the variables. Raises `NothingThere` where none is set, `NoCredentials` where only some are."""
    values = {name: environ.get(name, "").strip() for name in VARIABLES}
    missing = [name for name, value in values.items() if not value]
    if len(missing) == len(VARIABLES):
        raise NothingThere(f"tke-oidc: {', '.join(VARIABLES)} are not set, as in a pod with a role")
    if missing:
        raise NoCredentials(
            f"tke-oidc: {', '.join(missing)} not set, while other variables of TKE are; "
            "check the pod's service account"
        )
    region, provider_id, token_file, role_arn = values.values()
    if _REGION.fullmatch(region) is None:
        raise NoCredentials("tke-oidc: TKE_REGION is not the name of a region")
    return PodIdentity(
        region=region, provider_id=provider_id, role_arn=role_arn, token_path=Path(token_file)
    )


def prove(pod: PodIdentity, text: str) -> WebIdentity:
    """Join a pod with the text of its token file. Raises `NoCredentials` that shows nothing of it."""
    token = text.strip()
    wrong = wrong_key(token, limit=TOKEN_LIMIT)
    if wrong is not None:
        raise NoCredentials(f"tke-oidc: the token in {pod.token_path} {wrong}")
    return WebIdentity(pod=pod, token=token)


def assume_role(endpoint: str, identity: WebIdentity, now: datetime) -> HttpRequest:
    """Ask for keys; sent as the SDK does, with `Authorization: SKIP` where a signature would stand."""
    pod = identity.pod
    body = {
        "ProviderId": pod.provider_id,
        "WebIdentityToken": identity.token,
        "RoleArn": pod.role_arn,
        "RoleSessionName": SESSION_NAME,
        "DurationSeconds": int(VALID_FOR.total_seconds()),
    }
    headers = {
        "Content-Type": "application/json",
        "Authorization": "SKIP",
        "X-TC-Action": ACTION,
        "X-TC-Version": VERSION,
        "X-TC-Region": pod.region,
        "X-TC-Timestamp": str(int(now.timestamp())),
    }
    return HttpRequest(
        method="POST", url=f"{endpoint}/", headers=headers, body=json.dumps(body).encode()
    )


def read_keys(response: HttpResponse, identity: WebIdentity, now: datetime) -> Credentials:
    """Read the keys. Raises `NoCredentials` with the service's own words, `identity`'s token masked in them."""
    error = _part(_part(parse(response.body), "Response"), "Error")
    if error:
        code = shown(error.get("Code"), secret=identity.token)
        message = shown(error.get("Message"), secret=identity.token)
        raise ISSUER.refuse(f"refused the role {shown(identity.pod.role_arn)}: {code}: {message}")
    if response.status != _OK:
        raise ISSUER.refuse(f"answered HTTP {response.status}")
    answer = _part(read_object(response, ISSUER), "Response")
    keys = _part(answer, "Credentials")
    expires_at = read_expiry(answer.get("ExpiredTime"), answer.get("Expiration"))
    return read_issued(keys, expires_at, ISSUER, now)


def _part(document: Any, name: str) -> dict[str, Any]:
    """An object inside an object; empty where there is none."""
    part = document.get(name) if isinstance(document, dict) else None
    return part if isinstance(part, dict) else {}
