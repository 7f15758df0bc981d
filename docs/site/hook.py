"""Brings pages from outside of docs/ into the site, and lets every link lead to what is in it.

The law: a page or file is in the site under its path in the repository, those of docs/ without `docs/`, pages of the root in
`project/`. Links are written for the repository; where one leaves docs/, it is rewritten to the page that was brought in, else
to a copy of the file. So no link needs the address of a repository's host.
"""  # noqa: INP001  # no package: MkDocs loads it by its path

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
BROUGHT = (
    "deploy/**/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "ARCHITECTURE.md",
)
"""Pages from outside of docs/."""
FRONT = {"README.md": "docs/index.md"}
"""What stands in the site for a page that is not brought in."""

CODE = re.compile(
    r"^( *)(`{3,}|~~~+).*?^\1\2 *$|(`+)(?!`).+?(?<!`)\3(?!`)", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"(\]\(<?|^ {0,3}\[[^\]\n]+\]: +<?)([^\s)>]+)", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|#|/", re.IGNORECASE)
"""How a link begins that is no path within the repository."""

FENCE = re.compile(r" *(`{3,}|~~~+)")
ITEM = re.compile(r" *(?:[-*+]|\d{1,3}[.)]) +(?=\S)")


def brought(root: Path) -> list[str]:
    """The pages from outside of docs/, by their paths in the repository."""
    found = {
        path.relative_to(root).as_posix() for pattern in BROUGHT for path in root.glob(pattern)
    }
    return sorted(found)


def place(path: str) -> str:
    """Where the site has what the repository has under this path."""
    if (
        path in BROUGHT
    ):  # SECURITY.md beside security.md would be one page where case does not count
        return f"project/{path.lower()}"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if _is_brought(path):
        return path
    seen = re.sub(r"(^|/)\.", r"\1", path)  # what is hidden is not served
    return f"{seen}.txt" if path.endswith(".md") else seen


def _is_brought(path: str) -> bool:
    return path in BROUGHT or (path.startswith("deploy/") and path.endswith("/README.md"))


def origin(where: str, root: Path) -> str:
    """Where the repository has what the site has at this place."""
    outside = {place(path): path for path in brought(root)}
    return outside.get(where, f"docs/{where}")


def links(text: str) -> Iterator[re.Match[str]]:
    """Every link of a page to a path, those within code left out."""
    blank = CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), text)
    return (link for link in LINK.finditer(blank) if not ELSEWHERE.match(link[2]))


def target(link: str, page: str) -> tuple[str, str]:
    """What a link of this page is to, by its path in the repository, and the rest of it."""
    path, mark, anchor = link.partition("#")
    found = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    return FRONT.get(found, found), mark + anchor


def leaves(path: str) -> bool:
    """Whether this is outside of docs/."""
    return not f"{path}/".startswith("docs/")


def as_page(path: str, root: Path) -> str:
    """The page that a folder shows, where it has one; else the path itself."""
    readme = posixpath.join(path, "README.md")
    return readme if (root / path).is_dir() and (root / readme).is_file() else path


def rewritten(text: str, page: str, root: Path) -> str:
    """A page's text with links that lead within the site."""
    shown = posixpath.dirname(place(page)) or "."
    parts, end = [], 0
    for link in links(text):
        path, anchor = target(link[2], page)
        if leaves(page) or leaves(path) or path in FRONT.values():
            found = as_page(path, root)
            there = f"{place(found)}/index.md" if (root / found).is_dir() else place(found)
            to = posixpath.relpath(there, shown)
            parts += [text[end : link.start(2)], to + anchor]
            end = link.end(2)
    return "".join([*parts, text[end:]])


def linked(pages: Iterable[str], root: Path) -> set[str]:
    """What these pages link to outside of docs/ that is no page: files, and folders."""
    found: set[str] = set()
    for page in pages:
        for link in links((root / page).read_text(encoding="utf-8")):
            path = as_page(target(link[2], page)[0], root)
            if path.startswith(".."):
                raise PluginError(f"{page}: {link[2]} is outside of the repository")
            if leaves(path) and not _is_brought(path):
                found.add(path)
    return found


def contents(folder: str, root: Path) -> list[str]:
    """The files that lie in a folder."""
    return sorted(f"{folder}/{each.name}" for each in (root / folder).iterdir() if each.is_file())


def listing(folder: str, root: Path) -> str:
    """The page that stands for a folder which has none."""
    names = (posixpath.basename(place(each)) for each in contents(folder, root))
    return "\n".join([f"# {folder}/", "", *(f"- [{name}]({name})" for name in names), ""])


def deepened(text: str) -> str:
    """The same text with lists as Python-Markdown wants them, and everybody else takes them too.

    Four columns for each level, and an empty line before an item that follows a paragraph.
    """
    levels: list[int] = []
    fence, gap, lines = "", False, [""]
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        item, edge = ITEM.match(line), FENCE.match(line)
        if line.strip() and not fence:
            kept = [each for each in levels if indent >= each]
            if item and lines[-1].strip() and (gap or not levels):
                lines.append("")
            levels, gap = kept, gap and not item
        gap = gap or not line.strip()
        lines.append(" " * _missing(levels) + line if line.strip() else line)
        if edge and fence in ("", edge[1]):
            fence = "" if fence else edge[1]
        elif item and not fence:
            levels.append(item.end())
    return "\n".join(lines[1:])


def _missing(levels: list[int]) -> int:
    return max(0, 4 * len(levels) - levels[-1]) if levels else 0


def filled(nav: Any, places: Iterable[str]) -> Any:
    """The navigation, with the pages that a pattern such as `runbooks/*.md` stands for."""
    named = {each for each in leaf_texts(nav) if "*" not in each}
    return _filled(
        nav, lambda pattern: sorted(p for p in places if fnmatch(p, pattern) and p not in named)
    )


def _filled(nav: Any, matching: Callable[[str], list[str]]) -> Any:
    if isinstance(nav, dict):
        return {title: _filled(part, matching) for title, part in nav.items()}
    if isinstance(nav, list):
        lists = (matching(part) if _is_pattern(part) else [_filled(part, matching)] for part in nav)
        return [each for part in lists for each in part]
    return nav


def _is_pattern(part: Any) -> bool:
    return isinstance(part, str) and "*" in part


def leaf_texts(nav: Any) -> Iterator[str]:
    """Every path that the navigation names."""
    if isinstance(nav, str):
        yield nav
    for part in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from leaf_texts(part)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Bring in the pages, and the files that any page links to; complete the navigation."""
    pages = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    outside = brought(ROOT)
    found = linked([*pages, *outside], ROOT)
    folders = sorted(path for path in found if (ROOT / path).is_dir())
    for folder in folders:
        shown = File.generated(config, f"{place(folder)}/index.md", content=listing(folder, ROOT))
        shown.inclusion = InclusionLevel.NOT_IN_NAV
        files.append(shown)
        found |= {*contents(folder, ROOT)}
    for path in sorted({*outside, *found} - {*folders}):
        if (ROOT / path).is_file():
            files.append(File.generated(config, place(path), abs_src_path=str(ROOT / path)))
    config.nav = filled(config.nav, [file.src_uri for file in files.documentation_pages()])
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page, and its lists."""
    del config, files
    if page.file.inclusion is InclusionLevel.NOT_IN_NAV:
        return markdown
    return deepened(rewritten(markdown, origin(page.file.src_uri, ROOT), ROOT))
