"""What to do about a source that cannot be read, in words for the person who set it up."""

from typing import NamedTuple, assert_never

from jobwatch.core.codec import CallName
from jobwatch.core.errors import (
    ApiError,
    BrokenReason,
    BrokenWalk,
    CallWithheld,
    ClockSkew,
    Denied,
    KeysRejected,
    Malformed,
    NoCredentials,
    ServerError,
    Throttled,
    TransportError,
    TransportKind,
)
from jobwatch.poller.failing import Breaking
from jobwatch.providers.cas import OWN_ACCOUNT, CasSettings
from jobwatch.providers.cos_batch import CosBatchSettings
from jobwatch.settings import Source


class _Cloud(NamedTuple):
    """What differs from cloud to cloud: the name of a permission, whose jobs they are, and what may be mistaken."""

    permission: str
    whose: str
    identity: str


_ADVICE: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (NoCredentials,),
        "give the source keys: under provider.credentials, or in one of the places named here",
    ),
    (
        (KeysRejected,),
        (
            "the keys were refused: check secret_id and secret_key, that they are not disabled, and "
            "that temporary ones have not expired and come with their token"
        ),
    ),
    (
        (ClockSkew,),
        "the time of the signature was refused: set the clock of this host right (NTP)",
    ),
    (
        (Denied,),
        (
            "allow the owner of the keys {cloud.permission} on resource *, and check that {cloud.whose}"
        ),
    ),
    (
        (Throttled,),
        "the account is called too often: lower rate_limit, or look for who else calls",
    ),
    (
        (ServerError,),
        "the cloud has trouble of its own: try again; its support asks for the request id",
    ),
    (
        (Malformed, BrokenWalk),
        "what answers at {where} is not the cloud: check endpoint and region",
    ),
    ((ApiError,), "check {cloud.identity}"),
    ((CallWithheld,), "try again after that time"),
)
_ADVICE_ON_THE_WAY: dict[TransportKind, str] = {
    TransportKind.DNS: "{where} has no address: check region and endpoint, and this host's DNS",
    TransportKind.CONNECT: "{where} cannot be reached: check endpoint, firewall and routes",
    TransportKind.TIMEOUT: "{where} does not answer: check endpoint, firewall and routes",
    TransportKind.RESET: "{where} ends connections: check endpoint, firewall and proxies",
    TransportKind.TLS: "{where} has no certificate that this host trusts: check endpoint and proxies",
    TransportKind.BLOCKED: "{where} lies where jobwatch may not send to: check egress",
    TransportKind.TOO_LARGE: "what answers at {where} is not the cloud: check endpoint and proxies",
    TransportKind.PROTOCOL: "what answers at {where} is not the cloud: check endpoint and proxies",
}


def advice(call: CallName, error: Breaking, source: Source) -> str:
    """What to do about an error, for the person who set the source up."""
    if isinstance(error, BrokenWalk) and error.reason is BrokenReason.TOO_MANY_SCOPES:
        return "let `vaults` want fewer: each is a call in every sweep"
    if isinstance(error, TransportError):
        words = _ADVICE_ON_THE_WAY[error.kind]
    else:
        words = next(words for kinds, words in _ADVICE if isinstance(error, kinds))
    told = words.format(where=source.provider.base_url, cloud=_cloud(call, source))
    if call == "ListVaults" and isinstance(error, Denied):
        return (
            f"{told}; or write the names of the vaults down, without `*`: then nobody asks for them"
        )
    return told


def _cloud(call: CallName, source: Source) -> _Cloud:
    provider = source.provider
    match provider:
        case CosBatchSettings(uin=uin, appid=appid, region=region):
            return _Cloud(
                permission=f"cos:{call}",
                whose=f"uin {uin}, appid {appid} and region {region} belong together",
                identity=f"region {region}, uin {uin} and appid {appid}",
            )
        case CasSettings(uid=uid, region=region):
            return _Cloud(
                permission=f"name/cas:{call}",
                whose=_whose_vaults(uid),
                identity=f"region {region}, uid {uid} and the names under `vaults`",
            )
        case _:
            assert_never(provider)


def _whose_vaults(uid: str) -> str:
    if uid == OWN_ACCOUNT:
        return (
            "the vaults belong to the account of the keys; else write the number of theirs as uid"
        )
    return f"uid {uid} is the account that owns the vaults"
