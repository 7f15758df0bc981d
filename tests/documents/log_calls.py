"""Every line that the program logs, read from its source."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jobwatch import notifier
from jobwatch.client.failures import FailedCall

PACKAGE = Path(__file__).parents[2] / "jobwatch"
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
SPREAD = {
    "failed_call": frozenset(FailedCall.__annotations__),
    "_about": frozenset(notifier._About.__annotations__),
}
"""What `**name(...)` stands for."""

OF_AN_EXCEPTION = frozenset({"error", "exception_class"})


@dataclass(slots=True)
class Lines:
    """What is logged under one name, wherever: at which levels, with which keys."""

    levels: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


@cache
def logged() -> dict[str, Lines]:
    """The lines of the whole package, by name."""
    found: dict[str, Lines] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text if "get_logger()" in text else "")
        for call, levels, words in _calls(tree):
            names, keys = _said(call, words, path)
            for name in names:
                lines = found.setdefault(name, Lines())
                lines.levels |= {"error" if level == "exception" else level for level in levels}
                lines.keys |= keys | (OF_AN_EXCEPTION if "exception" in levels else set())
    return found


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, set[str], dict[str, set[str]]]]:
    """Calls of `log.info` and its kin, and of what was chosen among them (`level = log.info if … else log.warning`).

    With them come the texts that names of the function may stand for.
    """
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        given = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        words = {name: _words(value) for name, value in given.items()}
        for node in _own(function):
            if isinstance(node, ast.Call):
                named = isinstance(node.func, ast.Name) and given.get(node.func.id)
                if levels := _levels(named or node.func):
                    yield node, levels, words


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function that belong to none within it."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from _own(node)


def _levels(node: ast.AST) -> set[str]:
    match node:
        case ast.Attribute(value=ast.Name(id="log"), attr=level) if level in LEVELS:
            return {level}
        case ast.IfExp(body=body, orelse=other):
            return _levels(body) | _levels(other)
        case _:
            return set()


def _words(node: ast.AST) -> set[str]:
    match node:
        case ast.Constant(value=str(word)):
            return {word}
        case ast.IfExp(body=body, orelse=other):
            return _words(body) | _words(other)
        case _:
            return set()


def _said(call: ast.Call, words: dict[str, set[str]], path: Path) -> tuple[set[str], set[str]]:
    (name,) = call.args
    names = words.get(name.id, set()) if isinstance(name, ast.Name) else _words(name)
    assert names, f"{path}:{call.lineno}: the name of a line is a literal, or one of two"
    keys: set[str] = set()
    for each in call.keywords:
        match each:
            case ast.keyword(arg="exc_info"):
                keys |= OF_AN_EXCEPTION
            case ast.keyword(arg=str(key)):
                keys.add(key)
            case ast.keyword(value=ast.Call(func=ast.Name(id=spread))) if spread in SPREAD:
                keys |= SPREAD[spread]
            case _:
                raise AssertionError(f"{path}:{call.lineno}: keys that nobody can read")
    return names, keys
