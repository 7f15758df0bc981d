"""The pages over real sockets and a real store: what is asked for, and what is answered where nothing can be."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from jobwatch.store import Store
from jobwatch.web import Configured, WebView, build_app, serve
from jobwatch.web.pages.routes import JOBS_A_PAGE
from tests.contract.watcher import OTHER, Clock, Watcher, claim, outcome
from tests.factories import MINUTE, NOW, SECOND, data_of, event, job, origin, snapshot
from tests.html_page import HtmlPage
from tests.overviews import shape
from tests.web_rig import bare_view, closed, opened_store

ODD = "a/b?c#d%2F é\u202e"


@dataclass
class Site:
    """The served pages, and who fills their store."""

    session: aiohttp.ClientSession
    prod: Watcher
    vaults: Watcher

    async def get(self, path: str, status: int = 200) -> HtmlPage:
        async with self.session.get(URL(path, encoded=True)) as answer:
            html = await answer.text()
            assert answer.status == status, html
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            return HtmlPage(html)


def view_of(store: Store) -> WebView:
    configured = Configured(
        instance="jobwatch",
        sources=(shape("prod"), shape("vault_jobs")),
        receivers={"ops": "standard"},
    )
    ticks = iter(range(0, 1_000_000, 10))
    return bare_view(
        configured=lambda: configured,
        store=lambda: store,
        missing=lambda: (),
        monotonic=lambda: next(ticks),
    )


@asynccontextmanager
async def served(view: WebView) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        serve(build_app(view), "127.0.0.1", 0) as url,
        aiohttp.ClientSession(url) as session,
    ):
        yield session


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    clock = Clock()
    async with opened_store(clock) as store, served(view_of(store)) as session:
        prod = await Watcher.start(store, clock)
        vaults = await Watcher.start(store, clock, OTHER)
        yield Site(session, prod, vaults)


async def test_a_job_moves_from_unfinished_to_endings(site: Site) -> None:
    await site.prod.sees(job())
    shown = await site.get("/")
    assert "Unfinished jobs 1" in shown.text
    await site.prod.sees(job("Failed"))
    shown = await site.get("/")
    assert "Unfinished jobs 0 None." in shown.text
    assert "failed" in shown.text.partition("Recent endings")[2]


async def test_the_page_leads_to_a_jobs_own_which_tells_who_heard_of_it(site: Site) -> None:
    await site.prod.sees(job())
    await site.prod.sees(job("Failed"))
    (link,) = {link for link in (await site.get("/")).links if link.startswith("/jobs/")}
    await site.prod.store.settle(
        [outcome(each, NOW) for each in await claim(site.prod.store, held=())]
    )
    text = (await site.get(link)).text
    assert "changed its status" in text or "ended: Active → Failed" in text
    assert "ops wants it" in text


async def test_a_job_of_any_name_has_its_page_where_events_say_it_is(site: Site) -> None:
    odd = job("Failed", id=ODD, scope=ODD)
    await site.vaults.sees(odd)
    told = event(
        snapshot(of=odd), origin=origin(source="vault_jobs", public_url="https://jobs.example.com/")
    )
    link = data_of(told)["links"]["job"]
    path = link.removeprefix("https://jobs.example.com")
    assert path.count("/") == 4
    shown = await site.get(path)
    assert "a/b?c#d%2F é" in shown.text
    (listed,) = {each for each in (await site.get("/")).links if each.startswith("/jobs/")}
    assert listed == path


async def test_an_id_alone_finds_the_job_of_a_vault_or_offers_several(site: Site) -> None:
    await site.vaults.sees(job(id="one", scope="backup", description="the only one"))
    assert "the only one" in (await site.get("/jobs/vault_jobs/one")).text
    await site.vaults.sees(job(id="one", scope="ledgers"))
    shown = await site.get("/jobs/vault_jobs/one", 300)
    assert {"/jobs/vault_jobs/backup/one", "/jobs/vault_jobs/ledgers/one"} <= set(shown.links)


@pytest.mark.parametrize(
    "path",
    ["/jobs/prod/nobody", "/jobs/nowhere/x", "/jobs/prod/%00", "/jobs/%00/x", "/jobs/prod/%ff"],
)
async def test_a_job_that_is_not_known_is_404_with_words_for_people(site: Site, path: str) -> None:
    shown = await site.get(path, 404)
    assert "retention" in shown.text
    assert "/" in shown.links


async def test_one_source_can_be_looked_at_alone(site: Site) -> None:
    await site.prod.sees(job(description="of prod"))
    await site.vaults.sees(job(id="v", scope="backup", description="of a vault"))
    shown = await site.get("/?source=vault_jobs")
    assert "of a vault" in shown.text
    assert "of prod" not in shown.text
    assert "?source=vault_jobs&refresh=0" in shown.links
    await site.get("/?source=nobody", 404)


async def test_the_list_of_jobs_goes_on_where_a_part_ended(site: Site) -> None:
    for number in range(60):
        if number == JOBS_A_PAGE:
            whole = await site.get("/jobs?show=unfinished&source=prod")
            assert not [link for link in whole.links if "cursor=" in link]
        site.prod.clock.advance(SECOND)
        await site.prod.sees(job(id=f"job-{number}"))
    first = await site.get("/jobs?show=unfinished&source=prod")
    assert "/jobs/prod/job-59" in first.links
    (older,) = [link for link in first.links if "cursor=" in link]
    rest = await site.get(older)
    assert {f"/jobs/prod/job-{number}" for number in range(10)} <= set(rest.links)
    assert "/jobs/prod/job-59" not in rest.links
    assert "/jobs?show=unfinished&source=prod" in {
        link.replace("source=prod&show=unfinished", "show=unfinished&source=prod")
        for link in rest.links
    }


@pytest.mark.parametrize(
    "query",
    ["show=all", "phase=x", "outcome=x", "cursor=x", "cursor=1.2", "cursor=" + "9" * 300],
)
async def test_what_no_list_has_is_refused_with_words(site: Site, query: str) -> None:
    shown = await site.get(f"/jobs?{query}", 400)
    assert "Not here" in shown.text


@pytest.mark.parametrize("query", ["", "?refresh=0", "?x=" + "y" * 500, "?source=%00", "?%ff=%ff"])
async def test_no_query_breaks_the_page(site: Site, query: str) -> None:
    async with site.session.get(URL("/" + query, encoded=True)) as answer:
        assert answer.status in (200, 404)


async def test_hostile_words_stay_words(site: Site) -> None:
    hostile = "<img src=x onerror=alert(1)>" + quote("</style>")
    await site.prod.sees(job(id=hostile, description=hostile, operation=hostile))
    for path in ("/", "/jobs"):
        shown = await site.get(path)
        assert "img" not in shown.tags
        (link,) = {link for link in shown.links if link.startswith("/jobs/")}
        assert "img" not in (await site.get(link)).tags


async def test_browsers_get_no_icon_and_no_error() -> None:
    async with served(bare_view()) as session, session.get("/favicon.ico") as answer:
        assert (answer.status, await answer.read()) == (204, b"")


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/prod/x", "/jobs/prod/a/b"])
async def test_while_the_store_is_not_open_every_page_says_so(path: str) -> None:
    view = bare_view(missing=lambda: ("the store is held by other:1",), store=closed)
    async with served(view) as session, session.get(path) as answer:
        assert answer.status == 503
        shown = HtmlPage(await answer.text())
    assert "the store is held by other:1" in shown.text
    assert ("http-equiv", "refresh") in shown.attributes


async def test_a_page_says_of_when_it_is_by_the_clock_of_the_store(site: Site) -> None:
    site.prod.clock.advance(MINUTE)
    assert "as of 2026-11-21 20:01:00 UTC" in (await site.get("/")).text
