"""What the pages show: every block with its language, every command, every query, and where it stands.

A command is a logical line of a block: continued lines are one, so are quotes and documents that span several. What a page
shows in prose counts too, where it is a whole command.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md")
    for path in sorted(ROOT.glob(pattern))
)

MESSAGES = (*ROOT.glob("deploy/prometheus/*.yaml"), *ROOT.glob("deploy/grafana/*.json"))
"""Files with texts for people who are woken by an alert or look at a panel. They show commands, too."""

SHELLS = ("sh", "bash", "console")
"""Languages of blocks that are commands; in `console` those after `$ `, with what they answer."""

FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,}|~~~+)(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)
SAID = re.compile(
    r"(?:\S*/)?jobwatch [a-z]|make [a-z]|(?:openssl|echo|pip|chown|install|journalctl|systemctl) \S+ \S"
    r"|(?:docker|helm|kubectl|runuser|systemd-analyze|git|curl|(?:\S*/)?python3?) \S+ \S"
    r"|(?:promtool|amtool) \S+ \S+ \S"
)
"""How a whole command begins in prose; fewer words only name a program, such as `docker build`."""

DOCUMENT = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Something that a page shows, and in which line of it."""

    page: str
    line: int
    text: str
    language: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(*languages: str) -> list[Shown]:
    """The blocks of these languages in all pages; without any, all blocks."""
    return [
        each
        for page in PAGES
        for each in blocks_of(page)
        if each.language in languages or not languages
    ]


def blocks_of(page: str) -> Iterator[Shown]:
    text = read(page)
    for found in FENCE.finditer(text):
        yield Shown(
            page=page,
            line=text.count("\n", 0, found.start()) + 2,
            text=_within(found),
            language=found["language"].strip(),
        )


def fenced(text: str, language: str) -> list[str]:
    """What stands in the blocks of a language in some Markdown."""
    found = FENCE.finditer(text)
    return [_within(each) for each in found if each["language"].strip() == language]


def unfenced(text: str) -> str:
    """Some Markdown without its blocks, line by line where it was."""
    return FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)


def _within(block: re.Match[str]) -> str:
    """The lines between the fences; a block in a list stands as far in as its fences do."""
    return re.sub(rf"^{block['indent']}", "", block["text"], flags=re.MULTILINE)


def prose(page: str) -> str:
    """A page without its blocks and comments, line by line where it was."""
    return re.sub(
        r"<!--.*?-->",
        lambda note: "\n" * note[0].count("\n"),
        unfenced(read(page)),
        flags=re.DOTALL,
    )


def inline(page: str) -> Iterator[Shown]:
    """Everything that a page sets in code within its prose; a line may break in it."""
    text = prose(page)
    for found in re.finditer(r"(?<!`)`(?!`)([^`]+)`(?!`)", text):
        if "\n\n" not in found[1]:
            said = " ".join(found[1].split()).replace(r"\|", "|")
            yield Shown(page=page, line=text.count("\n", 0, found.start()) + 1, text=said)


def commands() -> list[Shown]:
    """Every command that a page shows, in blocks and in prose."""
    found = [each for block in blocks(*SHELLS) for each in _lines(block)]
    said = [each for page in PAGES for each in inline(page)]
    said += [each for path in MESSAGES for each in _quoted(path)]
    return found + [each for each in said if SAID.match(each.text)]


def _quoted(path: Path) -> Iterator[Shown]:
    """What a message sets in code."""
    text = path.read_text(encoding="utf-8")
    for quoted in re.finditer(r"`(jobwatch [^`]+)`", text):
        line = text.count("\n", 0, quoted.start()) + 1
        yield Shown(
            page=path.relative_to(ROOT).as_posix(), line=line, text=" ".join(quoted[1].split())
        )


def _lines(block: Shown) -> Iterator[Shown]:
    """The logical lines of a block that are commands."""
    prompt = "$ " if block.language == "console" else ""
    waiting, began = "", block.line
    for number, line in enumerate(block.text.splitlines(), block.line):
        if not waiting:
            if not line.startswith(prompt) or not line.strip() or line.lstrip().startswith("#"):
                continue
            began, line = number, line.removeprefix(prompt)  # noqa: PLW2901  # without the prompt
        waiting += line
        if line.endswith("\\") or not whole(waiting):
            waiting = waiting.removesuffix("\\") + ("" if line.endswith("\\") else "\n")
            continue
        yield Shown(page=block.page, line=began, text=plain(waiting), language=block.language)
        waiting = ""
    assert not waiting, f"{block.place}: no end of {waiting}"


def whole(command: str) -> bool:
    """Whether nothing is left open: no quote, no document."""
    document = DOCUMENT.search(command)
    if document is not None:
        return command.rstrip().endswith(f"\n{document[1]}")
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return False
    return True


def plain(command: str) -> str:
    """A command without the comment behind it, and without spaces that mean nothing."""
    if "\n" in command:
        return command
    return " ".join(re.sub(r"\s+# .*$", "", command).split())


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them; the site makes the same."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(page), flags=re.MULTILINE):
        said = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", said.lower()).replace(" ", "-")
        found[slug] = found.get(slug, 0) + 1
    return {f"{slug}-{n}" if n else slug for slug, times in found.items() for n in range(times)}
