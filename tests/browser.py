"""A real browser over the pages: it notes whatever a page does that it should not, and takes pictures."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.programs import program

ARTEFACTS = Path(os.environ.get("JOBWATCH_ARTEFACTS") or Path(__file__).parents[1] / "artefacts")
"""Where pictures are kept, for people to look at."""

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SIZES = {"desktop": (1280, 900), "phone": (390, 844), "narrow": (320, 640)}
Scheme = Literal["light", "dark"]


def chromium() -> str:
    """The browser's program. Skips the test where there is none."""
    return shutil.which("chromium-browser") or program("chromium")


@dataclass
class Visit:
    """A page in the browser. `complaints` is all that it should not do: errors, dialogs, requests elsewhere."""

    page: Any
    url: str
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", lambda said: self._if(said.type in ("error", "warning"), said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.on(
            "request", lambda asked: self._if(not asked.url.startswith(self.url), asked.url)
        )
        self.page.on("requestfailed", lambda asked: self.complaints.append(asked.url))

    def _if(self, wrong: bool, words: str) -> None:  # noqa: FBT001  # what the browser said
        if wrong:
            self.complaints.append(words)

    async def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"a dialog: {dialog.message}")
        await dialog.dismiss()

    async def go(self, path: str) -> int:
        """Open a page of the site; its HTTP status."""
        answer = await self.page.goto(self.url + path)
        status: int = answer.status
        return status

    async def text(self, selector: str = "body") -> str:
        """What a person reads there."""
        found: str = await self.page.inner_text(selector)
        return found

    async def run(self, script: str) -> Any:
        """What the browser says to a question; the page itself runs no script."""
        return await self.page.evaluate(script)

    async def sideways(self) -> int:
        """By how many pixels the page is wider than the window."""
        wider: int = await self.run(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wider

    async def picture(self, name: str) -> Path:
        """Keep the whole page as a picture."""
        path = ARTEFACTS / f"{name}.png"
        await self.page.screenshot(path=str(path), full_page=True)
        return path


@dataclass(slots=True)
class Browser:
    """Chromium with an empty profile."""

    program: Any
    url: str

    @asynccontextmanager
    async def visit(self, scheme: Scheme = "light", size: str = "desktop") -> AsyncIterator[Visit]:
        """A window of its own, without any past."""
        width, height = SIZES[size]
        context = await self.program.new_context(
            color_scheme=scheme, viewport={"width": width, "height": height}
        )
        visit = Visit(await context.new_page(), self.url)
        visit.listen()
        try:
            yield visit
        finally:
            await context.close()


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[Browser]:
    """Start Chromium for the site at this URL."""
    program = chromium()
    from playwright.async_api import async_playwright  # noqa: PLC0415  # a test may skip without it

    async with async_playwright() as playwright:
        chrome = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield Browser(chrome, url)
        finally:
            await chrome.close()
