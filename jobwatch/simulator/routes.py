"""Which call a path is: pure.

COS Batch has `/jobs` and `/jobs/<JobId>`, CAS everything under `/<UID>/vaults`, with UID a number or `-`. Paths of CAS are
taken apart before they are decoded, as a vault or a job may have any letters in its name.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

Call: TypeAlias = Literal["list", "describe", "vaults"]

_OF_CAS = re.compile(r"/(?P<uid>-|[0-9]{1,20})(?P<rest>/.*)?")
_REST = re.compile(r"/vaults(?:/(?P<vault>[^/]+)/jobs(?:/(?P<job>[^/]+))?)?")


class Route(NamedTuple):
    """A path of CAS, understood. `call` None: a path that no page of it documents, or that is not used here."""

    uid: str
    call: Call | None = None
    vault: str = ""
    job_id: str = ""


@lru_cache(maxsize=4096)
def vault_route(url: str) -> Route | None:
    """The route of a URL of CAS, as it was sent; None where it is one of COS."""
    path = _OF_CAS.fullmatch(urlsplit(url).path)
    if path is None:
        return None
    rest = _REST.fullmatch(path["rest"] or "")
    if rest is None:
        return Route(path["uid"])
    vault, job_id = (unquote(each or "") for each in rest.group("vault", "job"))
    call: Call = "describe" if job_id else "list" if vault else "vaults"
    return Route(path["uid"], call, vault, job_id)
