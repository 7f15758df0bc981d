"""The pages in a real browser, over a real daemon that watches a simulated account: looked at, measured, photographed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from jobwatch.app.clock import utc_now
from jobwatch.core.model import FailureReason
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET, Simulation
from jobwatch.simulator.world import World
from tests.browser import Browser, Scheme, browser, chromium
from tests.daemon import Daemon, configuration, free_port

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

LOOKS = 300
REFRESHED_MS = 25_000
"""The page comes anew every fifteen seconds."""

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "</style><style>body{display:none}</style>",
    "\u202egnp.exe \u2066 turned",
    "W" * 1000,
    "https://elsewhere.example.com/" + "path/" * 60,
    "هذه مهمة طويلة لنسخ الملفات إلى الأرشيف",
    "迁移历史账单到归档存储桶",
)
"""What owners of jobs may call them."""

REASON = FailureReason(
    code="FailureThresholdExceeded", message="More than 50% of the executed tasks have failed."
)


def lives() -> list[JobScript]:
    """Jobs in every state, those with hostile descriptions among them."""
    now, running = utc_now(), Step("Active", timedelta(hours=1), done=1.0)
    hostile = [
        JobScript(
            id=f"hostile-{number}", created_at=now, steps=(running,), total=1000, description=words
        )
        for number, words in enumerate(HOSTILE)
    ]
    failing = Step("Active", timedelta(seconds=1), done=0.5, failing=0.8)
    return [
        JobScript(id="job-runs", created_at=now, steps=(running,), description="nightly copy"),
        JobScript(
            id="job-waits",
            created_at=now,
            steps=(Step("Suspended"),),
            description="restore the ledgers",
            suspended_cause="waits for a confirmation",
            confirmation_required=True,
        ),
        JobScript(
            id="job-failed",
            created_at=now - timedelta(minutes=4),
            steps=(failing, Step("Failed")),
            description="tag cold objects",
            failures=(REASON,),
        ),
        *(
            JobScript(
                id=f"job-done-{number}",
                created_at=now - timedelta(minutes=5 + number),
                steps=(Step("Active", timedelta(minutes=2), done=1.0), Step("Complete")),
                description=f"backup {number}",
            )
            for number in range(3)
        ),
        *hostile,
    ]


@dataclass
class Scene:
    """The simulated account, and a browser on the daemon that watches it."""

    simulation: Simulation
    browser: Browser


def config_of(simulation: Simulation, port: int) -> dict[str, object]:
    """Two receivers, one of which answers 500; two sources, one of which cannot be reached."""
    config = configuration(simulation, port)
    broken = {**config["sources"]["prod"]["provider"], "endpoint": "http://127.0.0.1:9"}
    config["sources"]["broken"] = {
        "every": "1s",
        "provider": {**broken, "uin": "100000000002", "region": "ap-guangzhou"},
    }
    config["receivers"]["deaf"] = {
        "url": simulation.hook_url("/deaf"),
        "secrets": [DEMO_WEBHOOK_SECRET],
    }
    return {**config, "instance": "ledger", "rules": {"waiting_after": "0s"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    chromium()
    folder: Path = tmp_path_factory.mktemp("page")
    port = free_port()
    async with Simulation(World(lives()), clock=utc_now) as simulation:
        simulation.sink.always("/deaf", Reply(status=500, body=b"not now"))
        daemon = Daemon(folder=folder, config=config_of(simulation, port), port=port)
        await asyncio.to_thread(daemon.start)
        try:
            await asyncio.to_thread(daemon.wait_ready)
            async with browser(f"http://127.0.0.1:{port}") as chrome:
                scene = Scene(simulation, chrome)
                await settled(scene)
                yield scene
        finally:
            await asyncio.to_thread(daemon.stop)


async def settled(scene: Scene) -> None:
    """Wait until what waits for a person is told as a problem."""
    async with scene.browser.visit() as visit:
        for _ in range(LOOKS):
            await visit.go("/?refresh=0")
            if await visit.run("document.getElementById('trouble') !== null"):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"no job came into trouble: {await visit.text()}")


@pytest.mark.parametrize(
    ("scheme", "size"),
    [
        ("light", "desktop"),
        ("dark", "desktop"),
        ("light", "phone"),
        ("dark", "phone"),
        ("light", "narrow"),
    ],
)
async def test_no_page_complains_or_is_wider_than_its_window(
    scene: Scene, scheme: Scheme, size: str
) -> None:
    pages = {
        "front": "/",
        "job": "/jobs/prod/job-waits",
        "failed": "/jobs/prod/job-failed",
        "long": "/jobs/prod/hostile-5",
        "list": "/jobs?show=unfinished",
    }
    async with scene.browser.visit(scheme, size) as visit:
        for name, path in pages.items():
            assert await visit.go(path) == 200
            assert await visit.sideways() <= 0, path
            if size != "narrow":
                await visit.picture(f"{name}-{size}-{scheme}")
        assert visit.complaints == []


async def test_hostile_words_are_words(scene: Scene) -> None:
    async with scene.browser.visit() as visit:
        for path in ("/", "/jobs", *(f"/jobs/prod/hostile-{n}" for n in range(len(HOSTILE)))):
            await visit.go(path)
            assert await visit.run("document.querySelectorAll('script, img, iframe').length") == 0
            assert await visit.run("document.querySelectorAll('style').length") == 1
        await visit.go("/jobs/prod/hostile-0")
        assert "<script>alert(1)</script>" in await visit.text("h1")
        assert visit.complaints == []


async def test_what_is_wrong_comes_first_and_leads_there(scene: Scene) -> None:
    async with scene.browser.visit("light", "phone") as visit:
        await visit.go("/?refresh=0")
        problems = await visit.text(".health")
        assert "source broken" in problems
        assert "1 waiting" in problems
        await visit.page.click(".health a[href='#source-broken']")
        assert await visit.run("document.querySelector(':target').id") == "source-broken"
        assert "cannot be" in await visit.text("#source-broken") or "unreachable" in (
            await visit.text("#source-broken")
        )
        assert visit.complaints == []


async def test_a_job_leads_to_its_story_and_back(scene: Scene) -> None:
    async with scene.browser.visit() as visit:
        await visit.go("/?refresh=0")
        await visit.page.click("text=tag cold objects")
        story = await visit.text("main")
        assert "What happened" in story
        assert "FailureThresholdExceeded: More than 50%" in story
        assert "ops" in story
        await visit.page.click("nav a[href='/']")
        assert "Unfinished jobs" in await visit.text("main")
        assert visit.complaints == []


async def test_a_keyboard_reaches_the_content_and_shows_where_it_is(scene: Scene) -> None:
    async with scene.browser.visit() as visit:
        await visit.go("/?refresh=0")
        await visit.page.keyboard.press("Tab")
        assert await visit.run("document.activeElement.className") == "skip"
        assert await visit.run("document.activeElement.getBoundingClientRect().left") >= 0
        await visit.page.keyboard.press("Tab")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert await visit.run(outline) == "solid"


async def test_the_page_comes_anew_by_itself_and_an_ended_job_moves(scene: Scene) -> None:
    async with scene.browser.visit("light", "phone") as visit:
        await visit.go("/")
        assert "nightly copy" in await visit.text("section[aria-labelledby=unfinished]")
        await visit.run("window.scrollTo(0, 400)")
        scene.simulation.world.set("job-runs", utc_now(), status="Complete")
        await visit.page.wait_for_selector(
            "section[aria-labelledby=endings] >> text=nightly copy", timeout=REFRESHED_MS
        )
        assert "nightly copy" not in await visit.text("section[aria-labelledby=unfinished]")
        assert await visit.run("window.scrollY") == 400
        assert visit.complaints == []
