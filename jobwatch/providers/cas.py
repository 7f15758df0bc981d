"""Cloud Archive Storage: jobs of vaults that fetch archives and inventories, or move them from and to COS.

https://cloud.tencent.com/document/product/572 describes the API. A vault is a scope: jobs are listed vault by vault.
There are no counts of tasks, and no priorities.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from jobwatch.core.codec import CallName, Known, ScopeList, ScopePage, Signing, Walk
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.lifecycle import Lifecycle, StatusRow
from jobwatch.core.model import JobDetail, JobKey, JobPage, Phase
from jobwatch.providers import cas_pages
from jobwatch.providers.accounts import Region
from jobwatch.providers.cas_errors import answered_at, id_of, malformed, raise_for_status
from jobwatch.providers.cas_pages import RETRIEVALS, VAULT_NAME_LIMIT
from jobwatch.providers.endpoint import read_endpoint
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.providers.signing import Canon, encode, segment, sign
from jobwatch.providers.values import UnreadableError

PAGE_SIZE = 1000
"""The most jobs or vaults that a page has: pages "List Jobs", "List Vaults"."""

CALLS: Final[tuple[CallName, ...]] = ("ListVaults", "ListJobs", "DescribeJob")

OPERATIONS = (*RETRIEVALS, "PushToCOS", "PullFromCOS")
"""The values of `Action`: page "Describe Job"."""

OWN_ACCOUNT = "-"
"""The account that the keys belong to: page "Describe Job"."""

LIFECYCLE: Final = Lifecycle(
    rows=(
        StatusRow(status="InProgress", phase=Phase.RUNNING, successors=("Succeeded", "Failed")),
        StatusRow(status="Succeeded", phase=Phase.SUCCEEDED, needs_detail=True),
        StatusRow(status="Failed", phase=Phase.FAILED, needs_detail=True),
    )
)
"""The values of `StatusCode`: page "Describe Job"."""

_GLOB = re.compile(r"[*?\[]")


def _read_uid(text: str) -> str:
    if text != OWN_ACCOUNT and re.fullmatch(r"[0-9]{1,20}", text) is None:
        raise ValueError(
            'must be the number of the account that owns the vaults, or "-" for that of the keys'
        )
    return text


def _read_vault(text: str) -> str:
    if not text or text != text.strip() or not text.isprintable():
        raise ValueError(
            "is not the name of a vault: it is empty, begins or ends with a blank, "
            "or holds a control character"
        )
    if "/" in text:
        raise ValueError("is not the name of a vault: write what stands after `vaults/` alone")
    if len(text) > VAULT_NAME_LIMIT:
        raise ValueError(f"must be at most {VAULT_NAME_LIMIT} characters long")
    return text


def _some(vaults: tuple[str, ...]) -> tuple[str, ...]:
    if not vaults:
        raise ValueError('must not be empty; write names, or globs such as "*"')
    return vaults


Uid = Annotated[
    str,
    Field(coerce_numbers_to_str=True),
    AfterValidator(_read_uid),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": "^(-|[0-9]{1,20})$"}, {"type": "integer"}]}
    ),
]
VaultName = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_read_vault)]
VaultNames = Annotated[
    tuple[VaultName, ...], AfterValidator(_some), Field(json_schema_extra={"minItems": 1})
]


class CasSettings(BaseModel):
    """The vaults of one account in one region: names, or globs that are resolved at each full sweep."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: Literal["cas"]
    """`cas`: jobs of Cloud Archive Storage, vault by vault."""
    region: Region
    """The region whose vaults are watched, as in a host name. Another region is another source.

    Examples: ["ap-chengdu"]
    """
    uid: Uid = OWN_ACCOUNT
    """The number of the account that owns the vaults, or `-` for the account of the keys. Write the number if two
    sources share a region: a source whose account is not named is not recognised under a new name.
    """
    vaults: VaultNames = ("*",)
    """Names of vaults, or globs that are resolved at each full sweep. Each vault costs a call for each sweep, even
    when it is empty. If there are only names, jobwatch need not ask which vaults exist.

    Examples: [["backup", "logs_*"]]
    """
    endpoint: Annotated[str, AfterValidator(read_endpoint)] | None = None
    """The address of the API: scheme, host and port. Null is `https://cas.<region>.myqcloud.com`. http is allowed on
    loopback only, for `jobwatch simulate`.

    Examples: ["http://127.0.0.1:8080"]
    """
    credentials: CredentialsSettings = CredentialsSettings()
    """The keys to call with. `{}` looks for them where Tencent Cloud's own tools do."""

    @property
    def base_url(self) -> str:
        """Where the API answers: page "Common Request Headers" of https://cloud.tencent.com/document/product/572."""
        return self.endpoint or f"https://cas.{self.region}.myqcloud.com"


@dataclass(frozen=True, slots=True)
class VaultList:
    """How the vaults of an account are asked for. Implements `core.codec.ScopeList`."""

    settings: CasSettings

    def request(self, token: str | None, signing: Signing) -> HttpRequest:
        """`GET /<UID>/vaults`: page "List Vaults"."""
        return _get(self.settings, "/vaults", {"marker": token}, signing)

    def read(self, response: HttpResponse) -> ScopePage:
        """Read one page, of which the wanted vaults are kept. Raises `ApiError`."""
        raise_for_status(response, about=None)
        try:
            return cas_pages.read_vaults(response.body, self.settings.vaults)
        except UnreadableError as error:
            raise malformed(response, str(error)) from error


@dataclass(frozen=True, slots=True)
class Cas:
    """The codec of one source. Implements `core.codec.Provider`."""

    settings: CasSettings
    kind: str = field(default="cas", init=False)
    lifecycle: Lifecycle = field(default=LIFECYCLE, init=False, repr=False)
    operations: tuple[str, ...] = field(default=OPERATIONS, init=False, repr=False)
    page_size: int = field(default=PAGE_SIZE, init=False, repr=False)
    calls: tuple[CallName, ...] = field(default=CALLS, init=False, repr=False)

    @property
    def region(self) -> str:
        """The region whose vaults are watched."""
        return self.settings.region

    @property
    def account(self) -> str:
        """The account that owns the vaults, "-" where the keys say which."""
        return self.settings.uid

    @property
    def scopes(self) -> tuple[str, ...] | ScopeList:
        """The vaults themselves where every name is written down, else the way to ask for them."""
        if any(_GLOB.search(name) for name in self.settings.vaults):
            return VaultList(self.settings)
        return tuple(dict.fromkeys(self.settings.vaults))

    def list_jobs(self, walk: Walk, token: str | None, signing: Signing) -> HttpRequest:
        """`GET /<UID>/vaults/<VaultName>/jobs`: page "List Jobs"."""
        query = {"marker": token, "statuscode": walk.status}
        return _get(self.settings, f"/vaults/{segment(walk.scope)}/jobs", query, signing)

    def describe_job(self, key: JobKey, signing: Signing) -> HttpRequest:
        """`GET /<UID>/vaults/<VaultName>/jobs/<JobID>`: page "Describe Job"."""
        path = f"/vaults/{segment(key.scope)}/jobs/{segment(key.id)}"
        return _get(self.settings, path, None, signing)

    def read_page(self, response: HttpResponse, walk: Walk, known: Known) -> JobPage:
        """Read a page of jobs. Raises `ApiError`."""
        raise_for_status(response, about=None)
        try:
            return cas_pages.read_page(response.body, LIFECYCLE, walk.scope, known)
        except UnreadableError as error:
            raise malformed(response, str(error)) from error

    def read_detail(self, response: HttpResponse, key: JobKey) -> JobDetail:
        """Read one job. Raises `ApiError`."""
        raise_for_status(response, about=key)
        try:
            detail = cas_pages.read_detail(response.body, LIFECYCLE, key.scope)
        except UnreadableError as error:
            raise malformed(response, str(error)) from error
        if detail.job.id != key.id:
            raise malformed(response, "the answer describes another job")
        return detail

    def request_id(self, response: HttpResponse) -> str:
        """The id by which the vendor finds the call that was answered."""
        return id_of(response)

    def answered_at(self, response: HttpResponse) -> datetime | None:
        """The `Date` of an answer that CAS itself gave: page "Common Response Headers"."""
        return answered_at(response)


def _get(
    settings: CasSettings, path: str, query: dict[str, str | None] | None, signing: Signing
) -> HttpRequest:
    """A signed request; a listing, which has a query, is asked for in the largest pages there are."""
    asked = {"limit": str(PAGE_SIZE), **query} if query is not None else {}
    text = "&".join(f"{name}={encode(value)}" for name, value in asked.items() if value)
    url = f"{settings.base_url}/{settings.uid}{path}" + (f"?{text}" if text else "")
    return sign(HttpRequest(method="GET", url=url), signing, canon=Canon.LOWERCASE)
