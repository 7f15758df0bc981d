"""A page as a browser reads it: tags with their attributes, and text."""

from html.parser import HTMLParser

BLOCKS = frozenset(
    {"h1", "h2", "h3", "p", "li", "dt", "dd", "div", "ul", "ol", "section", "summary"}
)
"""What begins on a line of its own."""


class HtmlPage(HTMLParser):
    """Tags in order, all attributes, and the text without the style sheet."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        self._break(tag)

    def _break(self, tag: str) -> None:
        if tag in BLOCKS:
            self._words.append(" ")

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"]:
            self._words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self._words).split())

    @property
    def links(self) -> list[str]:
        return [value or "" for name, value in self.attributes if name == "href"]

    @property
    def ids(self) -> list[str]:
        return [value or "" for name, value in self.attributes if name == "id"]
