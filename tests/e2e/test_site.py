"""The documentation as a site: built strictly, whole, without a link to nowhere, and without a request to another host."""

import asyncio
import functools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

from docs.site import hook
from tests.browser import Scheme, Visit, browser

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*(p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/**/*.md")), *hook.brought(ROOT)]
)
SAME = (
    "h1",
    "h2",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "td",
    "blockquote",
    "strong",
    "em",
    "img",
)
"""What a page has as often in the site as where GitHub shows it."""

pytestmark = pytest.mark.timeout(300)


@dataclass
class Read(HTMLParser):
    """A page of HTML: its links, what it loads by itself, the places that a link may lead to, and how often it has a tag."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    tags: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag in ("a", "area") and "href" in found:
            self.links.append(found["href"])
        elif tag != "a":
            self.loads += [found[name] for name in ("src", "href", "data") if name in found]
            self.loads += [
                part.split()[0] for part in found.get("srcset", "").split(",") if part.strip()
            ]


def read(html: str) -> Read:
    page = Read()
    page.feed(html)
    return page


@dataclass(frozen=True, slots=True)
class Site:
    """The built site, and what was said while it was built."""

    folder: Path
    said: str

    def file(self, page: str) -> Path:
        """Where a page of the repository is."""
        stem = hook.place(page).removesuffix(".md")
        folder = re.sub(r"(^|/)(README|index)$", "", stem)
        return self.folder / folder / "index.html"

    def article(self, page: str) -> str:
        return self.file(page).read_text("utf-8").split("<article", 1)[1].split("</article>", 1)[0]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Site(folder, done.stderr)


def test_it_is_built_without_a_warning(site: Site) -> None:
    assert "WARNING" not in site.said


def test_every_page_is_in_it_and_in_its_navigation(site: Site) -> None:
    front = site.folder / "index.html"
    named = {_target(front, link, site) for link in read(front.read_text("utf-8")).links}
    assert len(PAGES) > 25
    assert not [page for page in PAGES if site.file(page) not in named]


def _target(page: Path, link: str, site: Site) -> Path:
    """The file that a link leads to."""
    path = unquote(urlsplit(link).path)
    start = site.folder / path.lstrip("/") if path.startswith("/") else page.parent / path
    found = Path(os.path.normpath(start)) if path else page
    return found / "index.html" if found.is_dir() else found


def _elsewhere(link: str) -> bool:
    return bool(urlsplit(link).scheme or urlsplit(link).netloc)


def test_every_link_leads_to_a_place_that_there_is(site: Site) -> None:
    pages = {path: read(path.read_text("utf-8")) for path in site.folder.rglob("*.html")}
    wrong = []
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            if _elsewhere(link):
                continue
            target, anchor = _target(path, link, site), unquote(urlsplit(link).fragment)
            there = target.is_file() and target.is_relative_to(site.folder)
            known = pages[target].places | {"__codelineno"} if target in pages else set()
            if not there or (anchor and target in pages and anchor not in known):
                wrong.append(f"{path.relative_to(site.folder)}: {link}")
    assert not wrong, "\n".join(wrong[:20])


def test_nothing_is_loaded_from_another_host(site: Site) -> None:
    for path in site.folder.rglob("*.html"):
        loads = [
            each for each in read(path.read_text("utf-8")).loads if not each.startswith("data:")
        ]
        assert not [each for each in loads if _elsewhere(each)], path
    for path in site.folder.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", path.read_text("utf-8")), path


def test_pages_read_as_they_do_on_github(site: Site) -> None:
    """Python-Markdown knows other lists than everybody else: a part of one that became a paragraph shows here."""
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    wrong = []
    for page in PAGES:
        wanted = read(markdown.render((ROOT / page).read_text("utf-8"))).tags
        shown = read(f"<article{site.article(page)}").tags
        wrong += [f"{page}: {t}" for t in SAME if wanted.get(t, 0) != shown.get(t, 0)]
    assert not wrong


def test_files_are_served_under_their_paths(site: Site) -> None:
    for name in ("openapi.yaml", "examples/receiver.py"):
        assert (site.folder / name).read_bytes() == (ROOT / "docs" / name).read_bytes()
    rules = "deploy/prometheus/rules.yaml"
    assert (site.folder / rules).read_bytes() == (ROOT / rules).read_bytes()
    assert not (site.folder / "site" / "hook.py").exists()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def addresses(site: Site) -> list[str]:
    files = [site.file(page).parent.relative_to(site.folder).as_posix() for page in PAGES]
    return [f"{each}/".removeprefix("./") for each in files]


def broken(visit: Visit, site: Site) -> list[str]:
    """What a visit complains of, but for files that are there: the browser went on before it had them."""
    paths = {
        each: urlsplit(each).path.lstrip("/")
        for each in visit.complaints
        if each.startswith(visit.url)
    }
    return [
        each
        for each in visit.complaints
        if each not in paths or not (site.folder / paths[each]).is_file()
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_open_without_a_complaint_or_scrolling_sideways(
    site: Site, scheme: Scheme
) -> None:
    """All of them on a narrow screen in the dark; runbooks are alike, so one of them stands for all."""
    paths = [each for each in addresses(site) if not each.startswith("runbooks/")]
    paths += [each for each in addresses(site) if each.startswith("runbooks/")][:1]
    wide = scheme == "light"
    with served(site.folder) as url:
        async with (
            browser(url) as chromium,
            chromium.visit(scheme, "desktop" if wide else "narrow") as visit,
        ):
            for path in paths[:: 10 if wide else 1]:
                assert await visit.go(path) == 200
                assert await visit.sideways() <= 0, path
            assert not broken(visit, site)
            assert await luminance(visit) == scheme


async def luminance(visit: Visit) -> str:
    """Whether what a person reads stands on light or dark."""
    colour: str = await visit.run("getComputedStyle(document.body).backgroundColor")
    parts = [float(each) for each in re.findall(r"[\d.]+", colour)[:3]]
    return "light" if sum(parts) > 3 * 128 else "dark"


FOUND = {"dead delivery": "Delivery", "ListJobs": "Permissions", "机器人": "WeCom"}
"""What a person may look for, and a page that has to be among what is found."""


async def test_the_search_finds_words_and_chinese_within_a_sentence(site: Site) -> None:
    with served(site.folder) as url:
        async with browser(url) as chromium:
            for words, page in FOUND.items():
                async with chromium.visit() as visit:
                    await visit.go("delivery/")
                    await visit.page.keyboard.press("/")
                    await visit.page.keyboard.type(words)
                    await visit.page.keyboard.press(
                        "End"
                    )  # characters of an input method come without a key
                    await found(visit, page)
                    assert not broken(visit, site)


async def found(visit: Visit, page: str) -> None:
    titles = visit.page.locator(".md-search-result__article h1")
    async with asyncio.timeout(20):
        while page not in await titles.all_inner_texts():
            await asyncio.sleep(0.1)


async def test_pictures_are_kept_to_look_at(site: Site) -> None:
    shots: tuple[tuple[Scheme, str, str], ...] = (
        ("light", "desktop", ""),
        ("dark", "desktop", "delivery/"),
        ("dark", "phone", "deploy/systemd/"),
    )
    with served(site.folder) as url:
        async with browser(url) as chromium:
            for scheme, size, path in shots:
                async with chromium.visit(scheme, size) as visit:
                    await visit.go(path)
                    kept = await visit.picture(f"site-{scheme}-{size}")
                    assert kept.stat().st_size > 10_000
