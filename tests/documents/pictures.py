"""The pictures of the documents, made from the real thing: `python -m tests.documents.pictures`.

The page is that of a real daemon that watches a simulated account for a minute; the messages are what the formats build,
kept beside their picture. Each picture says what it was drawn from, so that a test notices an old one.
"""

import asyncio
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from jobwatch.app.clock import utc_now
from jobwatch.core.model import FailureReason
from jobwatch.formats import FormatName
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.vault_job import VaultJob
from jobwatch.simulator.vaults import VAULTS, VaultWorld
from jobwatch.simulator.world import World
from tests.browser import Browser, Scheme, browser
from tests.daemon import Daemon, configuration, free_port
from tests.documents import png
from tests.documents.chat_pictures import CHATS, page

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
DENSE = 2
"""Pixels of the picture for one of the page: it stays sharp on dense screens."""

PAGE_WIDTH = 1040
BOTTOM = "document.querySelector('footer').getBoundingClientRect().top + scrollY"
LOOKS = 600


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def lives() -> list[JobScript]:
    """An account on an ordinary day: one job waits for a person, some work, and some have ended."""
    now = utc_now()
    why = FailureReason(
        code="FailureThresholdExceeded",
        message="More than 50% of the executed tasks have failed.",
    )
    return [
        JobScript(
            id="7d1e9f04-33b2-4a6c-8c55-0a4be2f1d977",
            created_at=now - minutes(34),
            steps=(Step("Preparing", minutes(2)), Step("Suspended")),
            total=98_083,
            operation="COSInitiateRestoreObject",
            description="restore the ledgers of 2021",
            suspended_cause="AwaitingConfirmation",
            confirmation_required=True,
        ),
        JobScript(
            id="c0d87ef4-5e93-49e6-9a9b-a60c6b59d732",
            created_at=now - minutes(66),
            steps=(Step("Active", minutes(96), done=1.0, failing=0.012), Step("Complete")),
            total=2_400_000,
            description="nightly copy to the archive bucket",
        ),
        JobScript(
            id="021140d8-67ca-4e89-8089-0de9a1e40943",
            created_at=now - minutes(31),
            steps=(Step("Active", minutes(24), done=0.4, failing=0.62), Step("Failed")),
            total=5_000,
            description="迁移历史账单",
            failures=(why,),
        ),
        JobScript(
            id="6f0c3b52-8a41-4c06-9d7e-2b1f5a9e7c10",
            created_at=now - minutes(52),
            steps=(Step("Active", minutes(40), done=1.0, failing=0.0032), Step("Complete")),
            total=12_000,
            operation="COSInitiateRestoreObject",
            description="restore 2019 photos",
        ),
    ]


def vaults() -> VaultWorld:
    """A vault with one retrieval that is ready to be fetched."""
    world = VaultWorld.generate(start=utc_now(), jobs=0)
    world[VAULTS[0]].add(
        JobScript(
            id="r8Zt4eJ0vS6bLwXkq1nRyU3mPcD7hG9sA2fEoTiKxVjQWlBzN5",
            created_at=utc_now() - minutes(250),
            steps=(Step("InProgress", minutes(235)), Step("Succeeded")),
            total=0,
            operation="ArchiveRetrieval",
            description="fetch the ledger of 2019",
            vault_job=VaultJob(archive_id="example", archive_size=268_435_456, tier="Standard"),
        )
    )
    return world


def configured(simulation: Simulation, port: int) -> dict[str, Any]:
    """Both kinds of source, a program and a chat; the pace is the default one."""
    config = configuration(simulation, port)
    prod = config["sources"]["prod"]
    prod["every"] = "30s"
    cas = {key: prod["provider"][key] for key in ("region", "endpoint", "credentials")}
    uid = simulation.cloud.account.appid
    config["sources"]["vault_jobs"] = {
        "every": "5m",
        "provider": {"kind": "cas", "uid": uid, **cas},
    }
    config["receivers"]["team"] = {"format": "slack", "url": simulation.hook_url("/team")}
    return {**config, "instance": "production", "rules": {"waiting_after": "0s"}}


async def draw_the_page() -> None:
    """Watch the account until the pace of a job is known, and take the page as it is."""
    port = free_port()
    unsigned = Options(secrets=())  # a chat signs nothing
    async with Simulation(
        World(lives()), clock=utc_now, vaults=vaults(), options=unsigned
    ) as simulation:
        simulation.sink.always("/team", Reply(status=200, body=b"ok"))
        with TemporaryDirectory() as folder:
            daemon = Daemon(folder=Path(folder), config=configured(simulation, port), port=port)
            await asyncio.to_thread(daemon.start)
            try:
                await asyncio.to_thread(daemon.wait_ready)
                async with browser(f"http://127.0.0.1:{port}") as chrome:
                    for scheme in SCHEMES:
                        await _photograph_page(chrome, scheme)
            finally:
                await asyncio.to_thread(daemon.stop)


async def _photograph_page(chrome: Browser, scheme: Scheme) -> None:
    window = await _window(chrome, scheme, PAGE_WIDTH)
    for _ in range(LOOKS):
        await window.goto(chrome.url + "/")
        if "left, at the pace" in await window.inner_text("main"):
            break
        await asyncio.sleep(0.2)
    else:
        raise RuntimeError(f"no pace is told: {await window.inner_text('main')}")
    bottom = await window.evaluate(BOTTOM)
    shot = await window.screenshot(
        full_page=True, clip={"x": 0, "y": 0, "width": PAGE_WIDTH, "height": bottom}
    )
    (FOLDER / f"page-{scheme}.png").write_bytes(png.smaller(shot, "the page of a real daemon"))


async def _window(chrome: Browser, scheme: Scheme, width: int) -> Any:
    context = await chrome.program.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": 800},
        device_scale_factor=DENSE,
        reduced_motion="reduce",
    )
    return await context.new_page()


async def draw_the_messages() -> None:
    """Keep what each chat is sent, and draw it."""
    async with browser("about:blank") as chrome:
        for name, chat in CHATS.items():
            sent = chat.payload(name)
            written = json.dumps(sent, ensure_ascii=False, indent=2) + "\n"
            (FOLDER / f"message-{name}.json").write_text(written, encoding="utf-8")
            for scheme in SCHEMES:
                window = await _window(chrome, scheme, 456)
                await window.set_content(page(name, sent))
                shot = await window.locator("#chat").screenshot()
                drawn = png.smaller(shot, fingerprint(name, sent))
                (FOLDER / f"message-{name}-{scheme}.png").write_bytes(drawn)


def fingerprint(name: FormatName, payload: dict[str, Any]) -> str:
    """What a picture of a message says it was drawn from: the page of it, words and layout."""
    return hashlib.sha256(page(name, payload).encode()).hexdigest()


async def draw() -> None:
    """Make all pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    await draw_the_messages()
    await draw_the_page()


if __name__ == "__main__":
    asyncio.run(draw())
