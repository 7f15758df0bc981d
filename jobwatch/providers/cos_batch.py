"""COS Batch Operation: jobs over the objects of buckets, listed per account and region.

https://www.tencentcloud.com/document/product/436/32961 describes the jobs, .../436/38601 and its neighbours the API.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from jobwatch.core.codec import CallName, Known, Signing, Walk
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.lifecycle import Lifecycle, StatusRow
from jobwatch.core.model import JobDetail, JobKey, JobPage, Phase
from jobwatch.providers import cos_pages, cos_xml
from jobwatch.providers.accounts import Digits, Region
from jobwatch.providers.cos_errors import answered_at, id_of, malformed, raise_for_status
from jobwatch.providers.endpoint import read_endpoint
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.providers.signing import encode, segment, sign
from jobwatch.providers.values import UnreadableError

PAGE_SIZE = 1000
"""The most jobs that ListJobs gives at once (https://cloud.tencent.com/document/product/436/38611)."""

CALLS: Final[tuple[CallName, ...]] = ("ListJobs", "DescribeJob")

OPERATIONS = (
    "COSPutObjectCopy",
    "COSInitiateRestoreObject",
    "COSPutObjectTagging",
    "COSDeleteObject",
)
"""Operation elements of CreateJob (https://cloud.tencent.com/document/product/436/38608)."""


def _row(
    status: str,
    phase: Phase,
    after: str = "",
    *,
    needs_detail: bool = False,
    passing: bool = False,
) -> StatusRow:
    return StatusRow(
        status=status,
        phase=phase,
        successors=tuple(after.split()),
        needs_detail=needs_detail,
        passing=passing,
    )


# https://www.tencentcloud.com/document/product/436/32961 has the transitions between 12 of the 13 statuses. That page
# leaves out what UpdateJobStatus and common sense add: Completing; cancelling a job that does not run; failing before
# it runs (an unreadable manifest).
LIFECYCLE: Final = Lifecycle(
    rows=(
        _row("New", Phase.PENDING, "Preparing Cancelling", passing=True),
        _row("Preparing", Phase.PENDING, "Suspended Ready Cancelling Failing", passing=True),
        _row("Suspended", Phase.WAITING, "Ready Cancelling", needs_detail=True),
        _row("Ready", Phase.PENDING, "Active Cancelling Failing"),
        _row("Active", Phase.RUNNING, "Pausing Completing Complete Cancelling Failing"),
        _row("Pausing", Phase.PAUSED, "Paused", passing=True),
        _row("Paused", Phase.PAUSED, "Active Cancelling"),
        _row("Completing", Phase.RUNNING, "Complete", passing=True),
        _row("Cancelling", Phase.RUNNING, "Cancelled", passing=True),
        _row("Failing", Phase.RUNNING, "Failed", passing=True),
        _row("Complete", Phase.SUCCEEDED, needs_detail=True),
        _row("Cancelled", Phase.CANCELLED, needs_detail=True),
        _row("Failed", Phase.FAILED, needs_detail=True),
    ),
    spellings={
        "Canceled": "Cancelled",
        "Canceling": "Cancelling",
        "Completed": "Complete",
    },
)
"""Statuses in the order a job passes through them."""


class CosBatchSettings(BaseModel):
    """One account's jobs in one region. `uin` names the account, `appid` its storage: two different numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: Literal["cos-batch"]
    """`cos-batch`: jobs of COS Batch Operation."""
    region: Region
    """The region whose jobs are listed, as in a host name. Another region is another source.

    Examples: ["ap-chengdu"]
    """
    uin: Digits
    """The number of the account, as text or as a number. It is part of the host name, and identifies the account in
    the store.

    Examples: ["100000000001"]
    """
    appid: Digits
    """The number of the account's storage, with which the names of its buckets end. It is not the `uin`.

    Examples: ["1250000000"]
    """
    endpoint: Annotated[str, AfterValidator(read_endpoint)] | None = None
    """The address of the API: scheme, host and port. Null is `https://<uin>.cos-control.<region>.myqcloud.com`. http
    is allowed on loopback only, for `jobwatch simulate`.

    Examples: ["http://127.0.0.1:8080"]
    """
    credentials: CredentialsSettings = CredentialsSettings()
    """The keys to call with. `{}` looks for them where Tencent Cloud's own tools do."""

    @property
    def base_url(self) -> str:
        """Where the API answers (https://cloud.tencent.com/document/product/436/38611)."""
        return self.endpoint or f"https://{self.uin}.cos-control.{self.region}.myqcloud.com"


@dataclass(frozen=True, slots=True)
class CosBatch:
    """The codec of one source. Implements `core.codec.Provider`."""

    settings: CosBatchSettings
    kind: str = field(default="cos-batch", init=False)
    lifecycle: Lifecycle = field(default=LIFECYCLE, init=False, repr=False)
    operations: tuple[str, ...] = field(default=OPERATIONS, init=False, repr=False)
    page_size: int = field(default=PAGE_SIZE, init=False, repr=False)
    calls: tuple[CallName, ...] = field(default=CALLS, init=False, repr=False)
    scopes: tuple[str, ...] = field(default=("",), init=False, repr=False)

    @property
    def region(self) -> str:
        """The region whose jobs are listed."""
        return self.settings.region

    @property
    def account(self) -> str:
        """The account that owns the jobs."""
        return self.settings.uin

    def list_jobs(self, walk: Walk, token: str | None, signing: Signing) -> HttpRequest:
        """`GET /jobs` (https://cloud.tencent.com/document/product/436/38611)."""
        query = {"jobStatuses": walk.status, "maxResults": str(PAGE_SIZE), "nextToken": token}
        text = "&".join(f"{name}={encode(value)}" for name, value in query.items() if value)
        return self._get(f"/jobs?{text}", signing)

    def describe_job(self, key: JobKey, signing: Signing) -> HttpRequest:
        """`GET /jobs/<JobId>` (https://cloud.tencent.com/document/product/436/38609)."""
        return self._get(f"/jobs/{segment(key.id)}", signing)

    def read_page(self, response: HttpResponse, walk: Walk, known: Known) -> JobPage:
        """Read `ListJobsResult`. Raises `ApiError`."""
        raise_for_status(response, about_job=False)
        try:
            return cos_pages.read_page(response.body, _WORDS, walk.scope, known)
        except UnreadableError as error:
            raise malformed(response, str(error)) from error

    def read_detail(self, response: HttpResponse, key: JobKey) -> JobDetail:
        """Read `DescribeJobResult`. Raises `ApiError`."""
        raise_for_status(response, about_job=True)
        try:
            detail = cos_xml.read_detail(response.body, _WORDS, key.scope)
        except UnreadableError as error:
            raise malformed(response, str(error)) from error
        if detail.job.id != key.id:
            raise malformed(response, "the answer describes another job")
        return detail

    def request_id(self, response: HttpResponse) -> str:
        """The id by which the vendor finds the call that was answered."""
        return id_of(response)

    def answered_at(self, response: HttpResponse) -> datetime | None:
        """The `Date` of an answer that COS itself gave (https://cloud.tencent.com/document/product/436/7729)."""
        return answered_at(response)

    def _get(self, target: str, signing: Signing) -> HttpRequest:
        headers = {"x-cos-appid": self.settings.appid}
        request = HttpRequest(method="GET", url=self.settings.base_url + target, headers=headers)
        return sign(request, signing)


_WORDS = cos_xml.Words(LIFECYCLE, OPERATIONS)
