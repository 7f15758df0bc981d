"""The client against the simulated cloud: signatures, pages, details."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

import pytest

from jobwatch.client import ApiClient
from jobwatch.core.codec import Known, Provider, Signing, Walk
from jobwatch.core.errors import BrokenReason, BrokenWalk, CallResult, Malformed, NoSuchJob
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.model import JobKey, JobPage
from jobwatch.core.paging import Cursor
from jobwatch.simulator import faults as f
from jobwatch.simulator.quirks import LastToken, Quirks
from jobwatch.simulator.simulation import Simulation
from jobwatch.transport import Transport
from tests.client_rig import T0, TEMPORARY, Around, Keys, client_of, cloud_of, walk


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.fixture
async def cloud(around: Around) -> AsyncIterator[Simulation]:
    async with cloud_of(around, jobs=2500) as running:
        yield running


@pytest.fixture
def client(transport: Transport, around: Around, cloud: Simulation) -> ApiClient:
    return client_of(transport, around, cloud.endpoint)


@pytest.mark.parametrize("last_token", [LastToken.ABSENT, LastToken.EMPTY, LastToken.ECHO])
async def test_a_walk_shows_every_job_once_whatever_the_last_page_says(
    client: ApiClient, cloud: Simulation, around: Around, last_token: LastToken
) -> None:
    cloud.cloud.quirks = Quirks(last_token=last_token)
    pages = await walk(client)
    assert [len(page) for page in pages if page] == [1000, 1000, 500]
    assert [name for page in pages for name in page] == [
        f"job-{number:04}" for number in range(2500)
    ]
    assert set(around.calls) == {("ListJobs", CallResult.OK)}
    assert around.slept == []


async def test_a_walk_asks_for_one_status(client: ApiClient, cloud: Simulation) -> None:
    cloud.world.set("job-0007", T0, status="Suspended")
    assert await walk(client, "Suspended") == [["job-0007"]]
    assert cloud.cloud.count("/jobs", status="Suspended") == 1


async def test_temporary_keys_are_accepted(
    transport: Transport, around: Around, cloud: Simulation
) -> None:
    client = client_of(transport, around, cloud.endpoint, Keys(TEMPORARY))
    assert len(await walk(client)) == 3


async def test_a_walk_whose_token_was_refused_begins_again(
    client: ApiClient, cloud: Simulation
) -> None:
    cloud.faults.add(f.TOKEN_REJECTED, f.When(has_token=True, times=1))
    pages = await walk(client)
    assert [len(page) for page in pages] == [1000, 1000, 1000, 500]
    assert pages[0] == pages[1]


class Lax:
    """A provider that lets every token pass: always the same one."""

    def __init__(self, provider: Any, token: str) -> None:
        self._provider = provider
        self._token = token

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def list_jobs(self, walk: Walk, _token: str | None, signing: Signing) -> HttpRequest:
        return cast("HttpRequest", self._provider.list_jobs(walk, None, signing))

    def read_page(self, response: HttpResponse, walk: Walk, known: Known) -> JobPage:
        page: JobPage = self._provider.read_page(response, walk, known)
        return replace(page, next_token=self._token)


async def put_down(client: ApiClient, pages: int) -> Cursor:
    """A walk that its caller leaves after so many pages."""
    cursor = Cursor()
    async with aclosing(client.pages(Walk(), Known(), cursor)) as walking:
        async for _ in walking:
            if cursor.pages == pages:
                break
    return cursor


async def test_a_walk_that_was_put_down_is_taken_up_where_it_stood(client: ApiClient) -> None:
    stood = await put_down(client, pages=1)
    cursor = Cursor.resumed(stood.asked, pages=stood.pages)
    pages = [page async for page in client.pages(Walk(), Known(), cursor)]
    assert [page.listed for page in pages if page.listed] == [1000, 500]
    assert pages[0].jobs[0].id == "job-1000"
    assert (cursor.pages, cursor.restarted) == (1 + len(pages), False)


async def test_a_resumed_walk_whose_token_is_refused_shows_every_page_and_says_so(
    client: ApiClient, cloud: Simulation
) -> None:
    stood = await put_down(client, pages=2)
    cloud.faults.add(f.TOKEN_REJECTED, f.When(has_token=True, times=1))
    cursor = Cursor.resumed(stood.asked, pages=stood.pages)
    said = [
        (page.jobs[0].id, cursor.restarted, cursor.pages)
        async for page in client.pages(Walk(), Known(), cursor)
        if page.jobs
    ]
    assert said == [("job-0000", True, 1), ("job-1000", True, 2), ("job-2000", True, 3)]


async def test_a_token_too_long_for_any_token_is_refused(
    client: ApiClient, cloud: Simulation
) -> None:
    long = b"<NextToken>" + b"x" * 4097
    cloud.faults.add(f.Rewrite(old=b"<NextToken>", new=long))
    with pytest.raises(Malformed):
        await walk(client)


@pytest.mark.parametrize(("length", "fits"), [(4096, True), (4097, False)])
async def test_no_token_longer_than_any_token_passes_whichever_provider_read_it(
    transport: Transport,
    around: Around,
    cloud: Simulation,
    length: int,
    fits: bool,  # noqa: FBT001  a column
) -> None:
    client = client_of(transport, around, cloud.endpoint)
    client.provider = cast("Provider", Lax(client.provider, "x" * length))
    with pytest.raises(BrokenWalk if fits else Malformed):
        await walk(client)


BROKEN = {
    "a token that is always refused": (f.TOKEN_REJECTED, True, BrokenReason.TOKEN_REJECTED),
    "the same token on every page": (
        f.BadToken(kind=f.Tokens.REPEATED),
        None,
        BrokenReason.TOKEN_REPEATED,
    ),
    "empty pages without end": (
        f.BadToken(kind=f.Tokens.ENDLESS_EMPTY),
        None,
        BrokenReason.EMPTY_PAGES,
    ),
}


@pytest.mark.parametrize(("fault", "has_token", "reason"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_walk_that_proves_nothing_says_why(
    client: ApiClient,
    cloud: Simulation,
    fault: f.Act,
    has_token: bool | None,  # noqa: FBT001  one column of the table
    reason: BrokenReason,
) -> None:
    cloud.faults.add(fault, f.When(has_token=has_token))
    with pytest.raises(BrokenWalk) as caught:
        await walk(client)
    assert caught.value.reason is reason
    assert len(cloud.cloud.calls) <= 5


async def test_a_job_is_described(client: ApiClient, around: Around) -> None:
    detail = await client.describe(JobKey("", "job-0007"))
    assert detail.job.id == "job-0007"
    assert around.calls == [("DescribeJob", CallResult.OK)]


async def test_an_unknown_job_is_asked_for_once(client: ApiClient, around: Around) -> None:
    with pytest.raises(NoSuchJob):
        await client.describe(JobKey("", "../job 1/%2F?x"))
    assert around.calls == [("DescribeJob", CallResult.NOT_FOUND)]
