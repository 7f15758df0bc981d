"""HTTP as plain values, so that providers and formats can be tested without a socket."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request, complete: what is signed is what is sent.

    `url` is absolute and already percent-encoded; it is sent byte for byte. `headers` keeps the spelling given.
    `repr` shows neither URL nor headers nor body, because each of them may carry a secret.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """One answer. `headers` has lower-case names; `body` is decompressed and was capped while it arrived.

    `truncated` says that the cap cut the body short.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    truncated: bool = False
