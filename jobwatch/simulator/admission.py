"""Who may ask: account, signature and security token, checked as the cloud checks them. Pure."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from jobwatch.core.codec import Credentials
from jobwatch.core.http import HttpRequest
from jobwatch.providers.signing import Canon, VerifyFailure, verify
from jobwatch.simulator.answers import Question, Refusal
from jobwatch.simulator.quirks import Quirks

KNOWN_KEYS = 100
CONTROL_HOST = re.compile(r"(?P<uin>\d+)\.cos-control\.[a-z0-9-]+\.")
MESSAGES = {
    VerifyFailure.ACCESS_DENIED: "Access Denied.",
    VerifyFailure.INVALID_ACCESS_KEY_ID: "The Access Key Id you provided does not exist",
    VerifyFailure.SIGNATURE_DOES_NOT_MATCH: "The Signature you specified is invalid.",
    VerifyFailure.TOO_SKEWED: "The difference between the request time and the current time is "
    "too large.",
}
CAS_MESSAGES = {
    VerifyFailure.ACCESS_DENIED: "The authorization cannot be read",
    VerifyFailure.INVALID_ACCESS_KEY_ID: "Invalid access key ID or security token",
    VerifyFailure.SIGNATURE_DOES_NOT_MATCH: "Invalid signature for the request",
    VerifyFailure.EXPIRED: "Request has expired",
    VerifyFailure.TOO_SKEWED: "RequestTimeTooSkewed: the signature is not valid yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose jobs they are, and the keys that may read them.

    `keys` holds several pairs while they are rotated; temporary ones stop working at `expires_at`.
    Where the Host header names a uin (it does not on loopback), it has to be this one. For CAS the account is `appid`.
    """

    keys: tuple[Credentials, ...]
    uin: str = "100000000001"
    appid: str = "1250000000"

    def with_keys(self, keys: Credentials) -> "Account":
        """This account when it takes these keys, too; of the others the latest hundred stay known."""
        return replace(self, keys=(*self.keys[:1], *self.keys[1:][-KNOWN_KEYS:], keys))

    def without_keys(self, secret_id: str) -> "Account":
        """This account when it does not know this id any more."""
        return replace(self, keys=tuple(each for each in self.keys if each.secret_id != secret_id))


def admit(question: Question, account: Account, quirks: Quirks, now: datetime) -> None:
    """Let a request pass, or raise `Refusal`."""
    appid = question.headers.get("x-cos-appid")
    if not appid:
        raise Refusal(
            status=400, code="InvalidArgument", message="The x-cos-appid header is required"
        )
    request = HttpRequest(method=question.method, url=question.url, headers=question.headers)
    failures = [verify(request, keys, now=now) for keys in account.keys]
    if None not in failures:
        raise _refusal(_nearest(failures), question, quirks)
    used = account.keys[failures.index(None)]
    if used.expires_at is not None and used.expires_at <= now:
        raise Refusal(status=400, code="ExpiredToken", message="The provided token has expired.")
    host = CONTROL_HOST.match(urlsplit(question.url).hostname or "")
    if appid != account.appid or (host and host["uin"] != account.uin):
        raise _refusal(VerifyFailure.ACCESS_DENIED, question, quirks)


def admit_as_cas(question: Question, account: Account, now: datetime) -> None:
    """Let a request to CAS pass, or raise `Refusal`. `-` for a UID is the account of the keys."""
    if not question.headers.get("authorization"):
        raise _of_cas(
            400, "MissingAuthenticationTokenException", "No authentication data was found"
        )
    request = HttpRequest(method=question.method, url=question.url, headers=question.headers)
    failures = [verify(request, keys, canon=Canon.LOWERCASE, now=now) for keys in account.keys]
    if None not in failures:
        failure = _nearest(failures)
        # Only the message of such a refusal can say that it is about the time: CAS has one code for all signatures.
        unknown = failure is VerifyFailure.INVALID_ACCESS_KEY_ID
        code = "UnrecognizedClientException" if unknown else "InvalidSignatureException"
        raise _of_cas(400, code, CAS_MESSAGES[failure])
    used = account.keys[failures.index(None)]
    if used.expires_at is not None and used.expires_at <= now:
        raise _of_cas(403, "ExpiredTokenException", "The security token has expired")
    if question.route is None or question.route.uid not in ("-", account.appid):
        raise _of_cas(403, "AccessDeniedException", "The account ID in the URI is not yours")


def _of_cas(status: int, code: str, message: str) -> Refusal:
    return Refusal(status=status, code=code, message=message)


def _nearest(failures: list[VerifyFailure | None]) -> VerifyFailure:
    """The failure of the pair that was meant: the one whose id is known, if any is."""
    known = [each for each in failures if each and each is not VerifyFailure.INVALID_ACCESS_KEY_ID]
    return known[0] if known else VerifyFailure.INVALID_ACCESS_KEY_ID


def _refusal(failure: VerifyFailure, question: Question, quirks: Quirks) -> Refusal:
    hidden = quirks.has(quirks.hidden_code, "hidden_code", f"{failure}{question.path}")
    # An expired signature has no code of its own: only the message says it.
    if hidden or failure is VerifyFailure.EXPIRED:
        return Refusal(status=403, code="AccessDenied", message=failure.value)
    return Refusal(status=403, code=failure.value, message=MESSAGES[failure])
