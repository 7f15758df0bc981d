"""What a provider promises: the protocol between the pure codecs and the client that drives them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, TypeAlias

from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import JobDetail, JobKey, JobPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A key pair, with a token when it is temporary. Nothing of the keys is ever shown.

    `kind` says where they come from, in a word of the settings' `use`; `expires_at` is when they stop working, by the
    clock of whoever issued them, None where they do not expire or nobody said.
    """

    secret_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    kind: str = "configuration"
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """What a signature needs besides the request: the keys, and the time by the cloud's clock."""

    credentials: Credentials
    now: datetime


class Walk(NamedTuple):
    """One paging run: the scope that is listed, and the status asked for (None = every job)."""

    scope: str = ""
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The members already known by their bytes.

    `slots` maps the xxh3-64 hash (with `seed`) of a member's bytes to the caller's slot for that job.
    """

    seed: int = 0
    slots: Mapping[int, int] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopePage:
    """One page of the scopes that a source has: those wanted, of so many `listed`. `next_token` is None at the end."""

    scopes: tuple[str, ...]
    listed: int
    next_token: str | None = None


class ScopeList(Protocol):
    """How a source is asked for its scopes."""

    def request(self, token: str | None, signing: Signing) -> HttpRequest:
        """Build the signed request for one page."""
        ...

    def read(self, response: HttpResponse) -> ScopePage:
        """Read one page. Raises `ApiError`."""
        ...


CallName: TypeAlias = Literal["ListVaults", "ListJobs", "DescribeJob"]
"""Every call that a provider may make: the bounded values of the label `call`."""


class Provider(Protocol):
    """One cloud API as a codec. `account` with `region` and `kind` is the identity of a source.

    `operations` are the operations of the vendor's table: the bounded values of the label `operation`. `page_size`
    is how many jobs one call of `list_jobs` shows at most. `calls` are those that this API has. `scopes` are the parts
    that have to be listed one by one, where they are known without asking: `("",)` for an API without any.
    """

    @property
    def kind(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def lifecycle(self) -> Lifecycle: ...
    @property
    def operations(self) -> tuple[str, ...]: ...
    @property
    def page_size(self) -> int: ...
    @property
    def calls(self) -> tuple[CallName, ...]: ...
    @property
    def scopes(self) -> tuple[str, ...] | ScopeList: ...

    def list_jobs(self, walk: Walk, token: str | None, signing: Signing) -> HttpRequest:
        """Build the signed request for one page."""
        ...

    def describe_job(self, key: JobKey, signing: Signing) -> HttpRequest:
        """Build the signed request for the detail of one job."""
        ...

    def read_page(self, response: HttpResponse, walk: Walk, known: Known) -> JobPage:
        """Read one page, skipping members whose bytes are known. Raises `ApiError`."""
        ...

    def read_detail(self, response: HttpResponse, key: JobKey) -> JobDetail:
        """Read one detail. Raises `ApiError`."""
        ...

    def request_id(self, response: HttpResponse) -> str:
        """The id by which the vendor finds the call that was answered; "" where there is none."""
        ...

    def answered_at(self, response: HttpResponse) -> datetime | None:
        """The time of an answer by the cloud's clock (whole seconds); None unless the cloud itself answered."""
        ...
