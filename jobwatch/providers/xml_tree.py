"""Small XML documents from a cloud that is not trusted, as plain trees.

No document type is accepted, so no entity can grow or reach out; depth and size are bounded; names lose their
namespace prefix. Handlers are dropped when reading ends: a parser and its handlers are a cycle that would keep expat's
buffers until a garbage collection.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pyexpat import ExpatError, ParserCreate, XMLParserType

from jobwatch.providers.values import UnreadableError

SIZE_LIMIT = 4 * 1024 * 1024
DEPTH_LIMIT = 32
ELEMENT_LIMIT = 100_000
PIECE = 64 * 1024
"""Bytes fed at once. Expat 2.5 reads an unfinished token anew with every piece, so small ones cost quadratic time."""


@dataclass(slots=True)
class Element:
    """One element: its local name, its text without blanks round it, and its children in order.

    The text of an element with children is what follows the last of them; no cloud mixes the two.
    """

    name: str
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def child(self, name: str) -> "Element | None":
        """The first child of that name."""
        return next((each for each in self.children if each.name == name), None)

    def value(self, name: str) -> str:
        """The text of the first child of that name, "" without one."""
        found = self.child(name)
        return found.text if found else ""


def read_tree(document: bytes) -> Element:
    """Read a whole document. Raises `UnreadableError`."""
    top = Element("")
    path = [top]
    texts: list[str] = []
    left = ELEMENT_LIMIT

    def start(name: str, _attributes: object) -> None:
        nonlocal left
        left -= 1
        if left < 0 or len(path) > DEPTH_LIMIT:
            raise UnreadableError("too many elements, or nested too deeply")
        texts.clear()
        path.append(Element(name.rpartition(":")[2]))

    def end(_name: str) -> None:
        element = path.pop()
        element.text = "".join(texts).strip()
        texts.clear()
        path[-1].children.append(element)

    parser = new_parser()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.append
    parse(parser, (document,))
    return top.children[0]


def new_parser(names: dict[str, str] | None = None) -> XMLParserType:
    """Create a parser that refuses every document type declaration.

    `names` are given to handlers for the names in the document; names that it lacks are added to it.
    """
    parser = ParserCreate(intern=names)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    return parser


def parse(parser: XMLParserType, parts: Iterable[bytes]) -> None:
    """Feed a document to its end and drop the handlers. Raises `UnreadableError`."""
    try:
        for piece in _pieces(parts):
            parser.Parse(piece, False)  # noqa: FBT003  # expat takes it by position alone
        parser.Parse(b"", True)  # noqa: FBT003
    except UnreadableError:
        raise
    except (ExpatError, LookupError, ValueError) as error:  # LookupError: an unknown encoding
        raise UnreadableError(f"not well-formed: {error}") from error
    finally:
        parser.StartElementHandler = None
        parser.EndElementHandler = None
        parser.CharacterDataHandler = None
        parser.StartDoctypeDeclHandler = None


def _pieces(parts: Iterable[bytes]) -> Iterator[memoryview]:
    for part in parts:
        view = memoryview(part)
        for begin in range(0, len(view), PIECE):
            yield view[begin : begin + PIECE]


def _refuse(*_declaration: object) -> None:
    raise UnreadableError("a document type declaration is not accepted")
