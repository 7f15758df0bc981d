"""A YAML file as plain values, with the line of every key.

Plainer than YAML 1.1: `off`, `no` and `1:30` stay words, `0123` keeps its zero, nothing becomes a
date, and no tag makes anything but text, numbers, lists and mappings. Anchors, aliases and merge
keys work.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

import yaml

from jobwatch.core.errors import ConfigError

Tree: TypeAlias = dict[str, object]
KeyPath: TypeAlias = tuple[str | int, ...]

SIZE_LIMIT = 1024 * 1024
NODE_LIMIT = 50_000
DEPTH_LIMIT = 50

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_QUOTE = {
    "alias": "; quote a text that begins with `*`",
    "sequence entries": '; quote a text that begins with `-`, as in uid: "-"',
}
"""What the parser stumbles over where a text should have been quoted."""
_SHOWN = re.compile(r"'[^']{2,}'")


class Problem(NamedTuple):
    """A mistake as a sentence, and the path it is about; `()` is all that is written there."""

    text: str
    path: KeyPath = ()


@dataclass(slots=True)
class Written:
    """What is written in one place: values, where each stands, and the mistakes on the way."""

    tree: Tree = field(default_factory=dict)
    places: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """The safe loader with the few plain scalars that a configuration needs."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  # this is how pyyaml is told to know none


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,30})", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{0,30})?(?:[eE][-+]?[0-9]{1,3})?",
        list("-+0123456789"),
    ),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(_TAG + _tag, re.compile(rf"^(?:{_pattern})\Z"), _first)


def read_yaml(text: str, name: str) -> Written:
    """Read one document; lesser mistakes are collected.

    Raises `ConfigError` where it is no mapping at all.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError([_syntax(error, name)]) from None
    except RecursionError:
        raise ConfigError([f"{name}: is nested too deeply"]) from None
    except (ValueError, OverflowError):  # an escape such as "\\UFFFFFFFF"
        raise ConfigError(
            [f"{name}: is not YAML: an escape in a quoted text means no character"]
        ) from None
    if root is None:
        raise ConfigError(
            [f"{name}: is empty; at least one source is needed, see jobwatch.example.yaml"]
        )
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1
        raise ConfigError(
            [f"{name}:{line}: is not a mapping; it has to begin with keys such as `sources:`"]
        )
    reader = _Reader(name)
    tree = reader.mapping(root, ())
    written = reader.written
    written.tree = {key: value for key, value in tree.items() if not key.startswith("x-")}
    return written


def read_yaml_file(path: Path) -> Written:
    """Read a file. Raises `ConfigError` with the reason why it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(
            [f"{path}: cannot be read: {(why or 'unknown reason').lower()}"]
        ) from None
    if len(content) > SIZE_LIMIT:
        raise ConfigError(
            [f"{path}: is larger than {SIZE_LIMIT // 1024} KiB, too large for a configuration"]
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: is not UTF-8 text; save it as UTF-8"]) from None
    return read_yaml(text, str(path))


class _Reader:
    """Turns nodes into values. Mistakes are collected; what is mistaken is left out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.written = Written()
        self._nodes = 0
        self._merging: list[yaml.Node] = []
        self._told: set[tuple[int, str]] = set()

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> Tree:
        """Read a mapping; its own keys win over merged ones."""
        merged: Tree = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged = {**self._merge(value_node, path), **merged}
        own: Tree = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None or key_node.tag == _MERGE:
                continue
            if key in own:
                self._duplicate(key_node, (*path, key), lines[key])
            else:
                lines[key] = key_node.start_mark.line + 1
                self.written.places[*path, key] = f"{self.name}:{lines[key]}"
                own[key] = self._value(value_node, (*path, key))
        return {**merged, **own}

    def _key(self, node: yaml.Node, path: KeyPath) -> str | None:
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        self._problem(node, path, "has a key that is a list or a mapping; keys are words")
        return None

    def _merge(self, node: yaml.Node, path: KeyPath) -> Tree:
        """The keys of `<<: *anchor`, or of a list of them, of which the first wins."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: Tree = {}
        for each in nodes:
            if isinstance(each, yaml.MappingNode) and each not in self._merging:
                self._count(each, path)
                self._merging.append(each)
                merged = {**self.mapping(each, path), **merged}
                self._merging.pop()
            else:
                self._problem(
                    each,
                    path,
                    "merges what is not a mapping, or itself; `<<` takes an alias of another",
                )
        return merged

    def _value(self, node: yaml.Node, path: KeyPath) -> object:
        self._count(node, path)
        known = node.tag.removeprefix(_TAG) in (
            "null",
            "bool",
            "int",
            "float",
            "str",
            "map",
            "seq",
            "merge",
        )
        if not node.tag.startswith(_TAG) or not known:
            self._problem(
                node, path, "begins with `!`, which is a tag in YAML; quote it if it is text"
            )
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, path)
        return self._scalar(node, path)

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[object]:
        values: list[object] = []
        for index, item in enumerate(node.value):
            self.written.places[*path, index] = f"{self.name}:{item.start_mark.line + 1}"
            values.append(self._value(item, (*path, index)))
        return values

    def _scalar(self, node: yaml.Node, path: KeyPath) -> object:
        text = str(node.value)
        try:
            match node.tag.removeprefix(_TAG):
                case "null":
                    return None
                case "bool":
                    return {"true": True, "false": False}[text.lower()]
                case "int":
                    return int(text)
                case "float":
                    return float(text)
                case _:
                    return text
        except (KeyError, ValueError):
            self._problem(node, path, f"is not what its tag {node.tag.removeprefix(_TAG)!r} says")
            return text

    def _count(self, node: yaml.Node, path: KeyPath) -> None:
        """Stop at what only aliases of aliases, or an alias of itself, can make of a small file."""
        self._nodes += 1
        if self._nodes > NODE_LIMIT or len(path) > DEPTH_LIMIT:
            line = node.start_mark.line + 1
            raise ConfigError(
                [f"{self.name}:{line}: is too large or too deep, aliases counted in full"]
            )

    def _duplicate(self, node: yaml.Node, path: KeyPath, first: int) -> None:
        self._problem(node, path, f"is written twice, first in line {first}; keep one of the two")

    def _problem(self, node: yaml.Node, path: KeyPath, what: str) -> None:
        """Note a mistake, once for an anchor however often it is used."""
        line = node.start_mark.line + 1
        if (line, what) not in self._told:
            self._told.add((line, what))
            text = f"{dotted(path) or 'the file'} ({self.name}:{line}): {what}"
            self.written.problems.append(Problem(text, path))


def dotted(path: KeyPath) -> str:
    """A key path as people write it: `receivers.ops.secrets[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part[:80]}" if text else part[:80]
    return text


def _syntax(error: yaml.YAMLError, name: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        what = _SHOWN.sub(
            "…", error.problem or error.context or ""
        )  # what it quotes may be part of a secret
        about = f"{error.problem} {error.context}"
        hint = next((words for word, words in _QUOTE.items() if word in about), "")
        return f"{name}:{mark.line + 1}:{mark.column + 1}: is not YAML: {what}{hint}"
    if isinstance(error, yaml.reader.ReaderError):
        return (
            f"{name}: is not YAML: a control character or a broken one at position {error.position}"
        )
    return f"{name}: is not YAML"
