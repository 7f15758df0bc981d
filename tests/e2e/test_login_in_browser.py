"""The login form in a real browser, and a page of another site that tries to use the session or this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from jobwatch.web import serve
from jobwatch.web.entrance.access import Reason
from tests.browser import browser
from tests.integration.exposed import CHANGE, HOST, READ, Door

pytestmark = pytest.mark.timeout(60)


async def test_a_person_logs_in_looks_around_and_logs_out_on_a_phone() -> None:
    door = Door(read=READ)
    async with serve(door.app(), HOST, 0) as url, browser(url) as chrome:
        for scheme in ("light", "dark"):
            async with chrome.visit(scheme, "phone") as visit:
                assert await visit.go("/metrics") == 200
                assert visit.page.url == f"{url}/login?next=%2Fmetrics"
                assert await visit.sideways() == 0
                await visit.picture(f"login-{scheme}")
                await visit.page.fill("#token", "not the token")
                visit.complaints.clear()
                await visit.page.click("button")
                assert "That is not the read token." in await visit.text()
                visit.complaints.clear()  # the browser reports a 403 as an error
                await visit.page.fill("#token", READ)
                await visit.page.click("button")
                await visit.page.wait_for_url(f"{url}/metrics")
                assert "jobwatch_build_info" in await visit.text()
                assert await visit.run("document.cookie") == ""
                await visit.go("/login")
                await visit.page.click("button")
                await visit.page.wait_for_url(f"{url}/login")
                await visit.go("/metrics")
                assert "/login" in visit.page.url
                assert visit.complaints == []


async def test_a_browser_behind_an_https_address_keeps_its_session_on_this_machine() -> None:
    door = Door(read=READ, public_url="https://jobwatch.example.com")
    async with (
        serve(door.app(), "localhost", 0) as url,
        browser(url) as chrome,
        chrome.visit() as visit,
    ):
        await visit.go("/schemas/")
        await visit.page.fill("#token", READ)
        await visit.page.click("button")
        await visit.page.wait_for_url(f"{url}/schemas/")
        (cookie,) = await visit.page.context.cookies()
        assert (cookie["name"], cookie["secure"]) == ("__Host-jobwatch", True)


ATTACK = """<!doctype html><form id="f" method="post" action="{target}"><input name="a" value="b"></form>
<script>
const tries = [
  fetch("{target}", {{method: "POST", mode: "no-cors", credentials: "include", body: "x"}}),
  fetch("{target}", {{method: "POST", mode: "no-cors", referrerPolicy: "no-referrer"}}),
  fetch("{target}", {{method: "POST", headers: {{"Content-Type": "application/json"}}, body: "{{}}"}}),
  fetch("{target}", {{method: "DELETE"}}),
];
navigator.sendBeacon("{target}", "x");
Promise.allSettled(tries).then(() => document.getElementById("f").submit());
</script>"""


@asynccontextmanager
async def foreign(target: str) -> AsyncIterator[str]:
    """A site on another port of this machine, whose page attacks."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=ATTACK.format(target=target), content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    async with serve(app, HOST, 0) as url:
        yield url


async def test_a_page_of_another_site_changes_nothing_through_a_browser_on_this_machine() -> None:
    door = Door()
    with capture_logs() as logs:
        async with (
            serve(door.app(), HOST, 0) as url,
            foreign(url + CHANGE) as evil,
            browser(evil) as chrome,
            chrome.visit() as visit,
        ):
            await visit.go("/")
            await visit.page.wait_for_url(url + CHANGE)
            assert "foreign_page" in await visit.text()
    assert door.changed == 0
    denied = [each["reason"] for each in logs if each["event"] == "request.denied"]
    assert len(denied) >= 4
    assert set(denied) == {Reason.FOREIGN_PAGE}
