"""The keys of the role that is bound to a CVM, from the instance's metadata service.

https://cloud.tencent.com/document/product/213/4934 (its sample of the answer lacks a quote and is no JSON). The
service knows the machine by its address: requests carry no keys, and whoever runs on the machine may ask.
"""

import re
from datetime import datetime
from typing import Final
from urllib.parse import quote

from jobwatch.core.codec import Credentials
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.providers.issued_keys import (
    Issuer,
    NothingThere,
    read_expiry,
    read_issued,
    read_object,
    shown,
)

PATH = "/latest/meta-data/cam/security-credentials/"
ISSUER: Final = Issuer(kind="cvm-role", name="the metadata service")

_ROLE = re.compile(r"[A-Za-z0-9+=,.@_-]{1,128}", re.ASCII)
_OK = 200
_NOT_FOUND = 404


def list_roles(endpoint: str) -> HttpRequest:
    """Ask which roles are bound."""
    return HttpRequest(method="GET", url=endpoint + PATH)


def read_role(response: HttpResponse) -> str:
    """Read the first role of the list: one name a line, blank lines are skipped.

    Raises `NothingThere` where no role is bound, `NoCredentials` where the answer is no such list.
    """
    if response.status == _NOT_FOUND:
        raise NothingThere("cvm-role: no role is bound to this instance")
    if response.status != _OK:
        raise ISSUER.refuse(f"answered HTTP {response.status} when asked for the role")
    lines = response.body.decode("utf-8", errors="replace").splitlines()
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise NothingThere("cvm-role: no role is bound to this instance")
    if response.truncated or _ROLE.fullmatch(names[0]) is None:
        raise ISSUER.refuse("answered with something that is no list of roles")
    return names[0]


def ask_keys(endpoint: str, role: str) -> HttpRequest:
    """Ask for the keys of a role."""
    return HttpRequest(method="GET", url=endpoint + PATH + quote(role, safe=""))


def read_keys(response: HttpResponse, role: str, now: datetime) -> Credentials:
    """Read the keys of a role. Raises `NoCredentials`, `NothingThere` where the role is not bound.

    `ExpiredTime` is Unix seconds, `Expiration` the same in ISO 8601; either is enough. Where neither can be read the
    keys are given without a time of expiry.
    """
    if response.status == _NOT_FOUND:
        raise NothingThere(f"cvm-role: the role {role} is not bound to this instance")
    if response.status != _OK:
        raise ISSUER.refuse(f"answered HTTP {response.status} when asked for the keys of {role}")
    document = read_object(response, ISSUER)
    code = document.get("Code", "Success")
    if code != "Success":
        raise ISSUER.refuse(f"gave no keys for the role {role}: {shown(code)}")
    expires_at = read_expiry(document.get("ExpiredTime"), document.get("Expiration"))
    return read_issued(document, expires_at, ISSUER, now)
