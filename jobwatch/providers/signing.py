"""The signature of Tencent Cloud's storage APIs: `q-sign-algorithm=sha1`.

https://cloud.tencent.com/document/product/436/7778 describes it for COS, and CAS signs alike but for `Canon`. The
path is signed decoded, the host with its port, exactly as both are sent.
"""

import hashlib
import hmac
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from jobwatch.core.codec import Credentials, Signing
from jobwatch.core.http import HttpRequest

TOKEN_HEADER = "x-cos-security-token"  # noqa: S105  # the name of a header
START_EARLY = timedelta(seconds=60)
VALID_FOR = timedelta(minutes=15)
SKEW_LIMIT = timedelta(minutes=15)

_SAFE = "-_.~"
_DIGITS = 12
_PORTS = {"http": 80, "https": 443}
# What the official SDKs sign besides `x-cos-*` and `x-ci-*`; the cloud verifies whatever the signature names.
_SIGNED = frozenset(
    (
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-length",
        "content-md5",
        "content-type",
        "expect",
        "expires",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "origin",
        "pic-operations",
        "range",
        "transfer-encoding",
    )
)
_PARTS = (
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
)


class Canon(Enum):
    """How values of the query enter the signature.

    CAS lower-cases them before they are encoded, and an empty value drops its `=`: the page "Signature Algorithm" of
    CAS says half of it, its Python SDK (tencentyun/cas_python_sdk) does both.
    """

    AS_SENT = "as_sent"
    LOWERCASE = "lowercase"


class VerifyFailure(StrEnum):
    """Why a signature is refused, in the words of COS."""

    ACCESS_DENIED = "AccessDenied"
    INVALID_ACCESS_KEY_ID = "InvalidAccessKeyId"
    SIGNATURE_DOES_NOT_MATCH = "SignatureDoesNotMatch"
    EXPIRED = "Request has expired"
    TOO_SKEWED = "RequestTimeTooSkewed"


class _Canonical(NamedTuple):
    """Sorted pairs joined for hashing, and the list of their names."""

    text: str
    names: str


def encode(text: str) -> str:
    """Percent-encode all but letters, digits and `-_.~`, with upper-case hex: the form COS signs and reads."""
    return quote(text, safe=_SAFE)


def segment(text: str) -> str:
    """One segment of a path. Dots alone would be taken for a way up; everything else is encoded as the query is."""
    return encode(text) if text.strip(".") else text.replace(".", "%2E")


def sign(
    request: HttpRequest,
    signing: Signing,
    *,
    canon: Canon = Canon.AS_SENT,
    start_early: timedelta = START_EARLY,
    ttl: timedelta = VALID_FOR,
) -> HttpRequest:
    """Add `Host`, the security token if there is one, and `Authorization`.

    The signature holds from `start_early` before now until `ttl` after now, by the cloud's clock.
    """
    keys = signing.credentials
    headers = {"Host": _host(request.url), **request.headers}
    if keys.token is not None:
        headers[TOKEN_HEADER] = keys.token
    start = int((signing.now - start_early).timestamp())
    key_time = f"{start};{int((signing.now + ttl).timestamp())}"
    signed = _headers(headers, _SIGNED)
    params = _params(request.url, canon)
    signature = _signature(request, params, signed, key_time, keys.secret_key)
    values = ("sha1", keys.secret_id, key_time, key_time, signed.names, params.names, signature)
    headers["Authorization"] = "&".join(f"{k}={v}" for k, v in zip(_PARTS, values, strict=True))
    return replace(request, headers=headers)


def verify(
    request: HttpRequest,
    credentials: Credentials,
    *,
    canon: Canon = Canon.AS_SENT,
    now: datetime,
) -> VerifyFailure | None:
    """Check a signed request as the cloud would; None when it is good.

    Any set of signed headers is accepted if `host` is among them, and a security token whether signed or not, because
    official SDKs do both. Stricter than COS, the whole query has to be signed.
    """
    sent = {name.lower(): value for name, value in request.headers.items()}
    claim = dict(pair.partition("=")[::2] for pair in sent.get("authorization", "").split("&"))
    if tuple(claim) != _PARTS or claim["q-sign-algorithm"] != "sha1":
        return VerifyFailure.ACCESS_DENIED
    if not _is_known(claim["q-ak"], sent.get(TOKEN_HEADER), credentials):
        return VerifyFailure.INVALID_ACCESS_KEY_ID
    names = frozenset(claim["q-header-list"].split(";"))
    signed = _headers(sent, names, vendor=False)
    params = _params(request.url, canon)
    key_time = claim["q-key-time"]
    expected = _signature(request, params, signed, key_time, credentials.secret_key)
    named = (claim["q-header-list"], claim["q-url-param-list"], claim["q-sign-time"])
    good = named == (signed.names, params.names, key_time) and "host" in names
    if not (hmac.compare_digest(expected.encode(), claim["q-signature"].encode()) and good):
        return VerifyFailure.SIGNATURE_DOES_NOT_MATCH
    return _check_time(key_time, now)


def _is_known(secret_id: str, token: str | None, credentials: Credentials) -> bool:
    same_id = hmac.compare_digest(secret_id.encode(), credentials.secret_id.encode())
    same_token = hmac.compare_digest((token or "").encode(), (credentials.token or "").encode())
    return same_id and same_token


def _check_time(key_time: str, now: datetime) -> VerifyFailure | None:
    start, _, end = key_time.partition(";")
    if not all(each.isdecimal() and len(each) < _DIGITS for each in (start, end)):
        return VerifyFailure.ACCESS_DENIED
    seconds = now.timestamp()
    if seconds > int(end):
        return VerifyFailure.EXPIRED
    if seconds < int(start) - SKEW_LIMIT.total_seconds():
        return VerifyFailure.TOO_SKEWED
    return None


def _signature(
    request: HttpRequest, params: _Canonical, headers: _Canonical, key_time: str, secret_key: str
) -> str:
    path = unquote(urlsplit(request.url).path) or "/"
    http_string = f"{request.method.lower()}\n{path}\n{params.text}\n{headers.text}\n"
    digest = hashlib.sha1(http_string.encode(), usedforsecurity=False).hexdigest()
    sign_key = _hmac(secret_key, key_time)
    return _hmac(sign_key, f"sha1\n{key_time}\n{digest}\n")


def _hmac(key: str, message: str) -> str:
    """The vendor chains two of these by their hex text, not by their bytes."""
    return hmac.digest(key.encode(), message.encode(), "sha1").hex()


def _headers(headers: dict[str, str], names: frozenset[str], *, vendor: bool = True) -> _Canonical:
    chosen = sorted(
        (encode(name).lower(), encode(value))
        for name, value in headers.items()
        if name.lower() in names or (vendor and name.lower().startswith(("x-cos-", "x-ci-")))
    )
    return _join(chosen)


def _params(url: str, canon: Canon) -> _Canonical:
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    if canon is Canon.LOWERCASE:
        return _join(sorted((encode(k).lower(), encode(v.lower())) for k, v in query), bare=True)
    return _join(sorted((encode(k).lower(), encode(v)) for k, v in query))


def _join(pairs: list[tuple[str, str]], *, bare: bool = False) -> _Canonical:
    text = "&".join(name if bare and not value else f"{name}={value}" for name, value in pairs)
    return _Canonical(text, ";".join(name for name, _ in pairs))


def _host(url: str) -> str:
    """The `Host` header as it is sent: without user, and without the port that the scheme implies."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return host if parts.port in (None, _PORTS.get(parts.scheme)) else f"{host}:{parts.port}"
