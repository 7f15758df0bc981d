"""What the program can say, read out of its code: the texts in it, with `…` where a value is put in.

Law of this module: nothing is run. Whether a message really comes where a page says so is for a test that provokes it.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "jobwatch"
GAP = "…"


@cache
def texts() -> tuple[str, ...]:
    """Every text of the code, on one line."""
    found: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documents = {id(each) for each in _documents(tree)}
        for node in ast.walk(tree):
            if id(node) not in documents and (text := _text(node)):
                found.add(" ".join(text.split()))
    return tuple(sorted(found))


def _documents(tree: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, and texts that stand by themselves: nobody is told those."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(each) or GAP for each in node.values)
    return None


def can_be_said(message: str) -> bool:
    """Whether the words of a message, between what differs, stand in one text of the code.

    `a: b` may be a word for a result and its explanation, which the code keeps apart; a word alone is a text of its own.
    """
    if " " not in message:
        return message in texts()
    word, _, explained = message.partition(": ")
    return _stands(message) or (
        word in texts() and (not explained.strip(f"{GAP} ") or _stands(explained))
    )


def _stands(message: str) -> bool:
    words = [re.escape(part.strip()) for part in message.split(GAP) if part.strip()]
    wanted = re.compile(rf"(?<!\w){'.*'.join(words)}(?!\w)")
    return bool(words) and any(wanted.search(text) for text in texts())
