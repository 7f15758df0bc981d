"""Where a user's template is rendered: Jinja2's immutable sandbox, with bounds on what it may make.

1. A template reaches the values it was given and nothing behind them; it draws no chance.
2. Every output, call and loop over numbers is paid from a budget of its rendering; every text it makes has a bound.
   That holds a mistake, not the will, of the person who configures jobwatch: who may write a template may also fill
   the memory. No event can make a template do that.

https://jinja.palletsprojects.com/en/stable/sandbox/
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from jobwatch.core.errors import RenderError

SOURCE_LIMIT = 64 * 1024
OUTPUT_LIMIT = 64 * 1024
"""Bytes of a template, and of what it makes."""

TEXT_LIMIT = 4 * OUTPUT_LIMIT
"""Characters of any one text on the way to the output."""

STEPS = 4 * OUTPUT_LIMIT
"""Characters put out anywhere, a macro's and a block's among them; each output and each call costs `FARE` besides."""

FARE = 10

ROUNDS = 10_000
"""Numbers that all `range` of a rendering give together."""

NUMBER_BITS = 256
WORDS_LIMIT = 200

_BUDGET = "the budget"
"""No template can name or hide it: a name has no blank."""

_NO_FILTERS = frozenset(
    {"batch", "center", "indent", "pprint", "random", "slice", "urlize", "wordwrap", "xmlattr"}
)
_NO_GLOBALS = frozenset({"cycler", "joiner", "lipsum", "range"})
_NO_METHODS = frozenset(
    {"center", "expandtabs", "format", "format_map", "join", "ljust", "replace", "rjust", "zfill"}
)
"""Methods of texts whose result has no bound, and `format`, which reaches attributes."""

_WIDE = re.compile(r"%\(|%[-+ #0-9.]*(\*|[0-9]{4,})")


@dataclass(slots=True)
class _Budget:
    """What is left for one rendering."""

    steps: int = STEPS
    rounds: int = ROUNDS

    def spend(self, steps: int) -> None:
        self.steps -= steps
        if self.steps < 0:
            raise SecurityError("the template makes too much: texts or calls without end")

    def range(self, *bounds: int) -> range:
        """Stands in for `range` in a template."""
        found = range(*bounds)
        self.rounds -= min(len(found), ROUNDS + 1) if found else 0
        if self.rounds < 0:
            raise SecurityError(f"range gives over {ROUNDS} numbers")
        return found


@pass_context
def _paid(context: Context, value: object) -> object:
    """What every `{{ … }}` goes through on its way out."""
    context[_BUDGET].spend(FARE + len(str(value)))
    return value


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Refuse what would be too long or too large, before it is made."""
        if operator == "%" and isinstance(left, str):
            _check_form(left)
        if isinstance(left, int) and isinstance(right, int):
            _check_number(operator, left, right)
        elif operator == "*":
            _check_length(_length(left) * _times(right), _length(right) * _times(left))
        elif operator == "+":
            _check_length(_length(left) + _length(right))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, callee: Any, /, *args: Any, **kwargs: Any) -> Any:
        context[_BUDGET].spend(FARE)
        return super().call(context, callee, *args, **kwargs)

    def wrap_str_format(self, value: Any) -> None:
        """`format` of a text is not wrapped but refused, as any other of `_NO_METHODS`."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in _NO_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple) else 0


def _times(value: object) -> int:
    return max(0, value) if isinstance(value, int) else 0


def _check_length(*lengths: int) -> None:
    if max(lengths) > TEXT_LIMIT:
        raise SecurityError(f"a text or list of over {TEXT_LIMIT} characters or entries")


def _check_number(operator: str, left: int, right: int) -> None:
    bits = left.bit_length() + right.bit_length()
    if operator == "**":
        bits = left.bit_length() * max(1, right)
    if operator in {"*", "**"} and bits > NUMBER_BITS:
        raise SecurityError("a number without measure")


def _check_form(form: str) -> None:
    if _WIDE.search(form):
        raise SecurityError("a field of a text form may be 999 wide, and has no name")


def _format(form: str, *values: object) -> str:
    _check_form(form)
    return form % values


def _join(values: Iterable[object], between: str = "", attribute: str | None = None) -> str:
    texts: list[str] = []
    length = 0
    for value in values:
        texts.append(str(_entry(value, attribute)))
        length += len(texts[-1]) + len(between)
        _check_length(length)
    return between.join(texts)


def _entry(value: object, attribute: str | None) -> object:
    if attribute is None:
        return value
    if not isinstance(value, Mapping) or attribute not in value:
        raise SecurityError(f"join finds no {attribute} in an entry")
    return value[attribute]


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    found = str(text).count(old) if count < 0 else count
    _check_length(len(text) + found * len(new))
    return str(text).replace(old, new, count)


def to_json(value: object, indent: int | None = None) -> str:
    """The filter `tojson`: a value as JSON, a text with its quotes; nothing in it is changed for HTML."""
    spaces = None if indent is None else max(0, min(indent, 8))
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=spaces, default=_not_json)


def _not_json(value: object) -> str:
    if isinstance(value, Undefined):
        return str(value)  # raises, and says its name
    raise TypeError("tojson takes texts, numbers, lists and mappings")


class _Concats(NodeTransformer):
    """Makes `a ~ b` a join, which is bounded."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802  named by Jinja2
        self.generic_visit(node)
        together = nodes.List(node.nodes, lineno=node.lineno)
        joined = nodes.Filter(together, "join", [], [], None, None, lineno=node.lineno)
        joined.set_environment(_SANDBOX)
        return joined


def _sandbox() -> _Sandbox:
    # Without its optimizer: it would make 'a' * 200000000 while it compiles.
    made = _Sandbox(
        undefined=StrictUndefined, autoescape=False, optimized=False, finalize=_paid, cache_size=0
    )
    made.filters = {name: each for name, each in made.filters.items() if name not in _NO_FILTERS}
    made.filters |= {"format": _format, "join": _join, "replace": _replace, "tojson": to_json}
    made.globals = {name: each for name, each in made.globals.items() if name not in _NO_GLOBALS}
    return made


_SANDBOX = _sandbox()


def rendered(text: str, context: Mapping[str, object]) -> str:
    """What a template makes of the context. Raises `RenderError` with the line, where it has one."""
    template = _compiled(text)
    budget = _Budget()
    chunks: list[str] = []
    size = 0
    try:
        for chunk in template.generate({**context, "range": budget.range, _BUDGET: budget}):
            size += len(chunk.encode("utf-8", "replace"))
            if size > OUTPUT_LIMIT:
                raise SecurityError(f"the output is over {OUTPUT_LIMIT} bytes")  # noqa: TRY301
            chunks.append(chunk)
    except Exception as error:  # noqa: BLE001  a template can raise whatever Python does
        raise RenderError(_words(error)) from None
    return "".join(chunks)


@lru_cache(maxsize=64)
def _compiled(text: str) -> Template:
    """The template, ready to render; one for each receiver is kept."""
    if len(text.encode("utf-8", "replace")) > SOURCE_LIMIT:
        raise RenderError(f"is over {SOURCE_LIMIT} bytes long")
    try:
        tree = _Concats().visit(_SANDBOX.parse(text))
        return _SANDBOX.from_string(tree)
    except Exception as error:  # noqa: BLE001  nesting too deep for Python is a RecursionError or a SyntaxError
        raise RenderError(_words(error)) from None


def _words(error: Exception) -> str:
    """What went wrong, on one line: the template's line, then the words of the error."""
    text = " ".join((str(error) or type(error).__name__).split())
    if isinstance(error, RecursionError):
        text = "it calls or nests itself without end"
    line = error.lineno if isinstance(error, TemplateSyntaxError) else _line(error)
    return (f"line {line}: {text}" if line else text)[:WORDS_LIMIT]


def _line(error: Exception) -> int | None:
    """The last line of the template that ran: Jinja2 gives it to the traceback."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
