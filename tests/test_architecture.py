"""The shape of the code, checked from its syntax trees: layers, sizes, and what pure packages never do."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "jobwatch"
MIGRATIONS = PACKAGE / "store" / "migrations" / "versions"

LONGEST_FILE = 300
LONGEST_FUNCTION = 40
MOST_PARAMETERS = 6

PURE = (
    "core/",
    "providers/",
    "formats/",
    "story/",
    "web/pages/status_page.py",
    "web/pages/status_source.py",
)
SAYS_PURE = re.compile(r"\b(?:Pure|pure)(?:[.,;:]|$| but)", re.MULTILINE)
IMPURE = frozenset(
    [
        "aiohttp",
        "asyncio",
        "logging",
        "os",
        "secrets",
        "shutil",
        "socket",
        "sqlalchemy",
        "sqlite3",
        "ssl",
        "structlog",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "uuid",
    ]
)
"""Modules of the clock, of chance, of logs and of the world outside. Chance from a seed is a value (`random`)."""

AIOHTTP = ("transport", "web/", "simulator/", "app")
CLOCK = ("app", "simulator/cli")

CLOCK_READERS = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"),
    *("time.time_ns", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.date.today"),
}

STRAIGHT_LINES = {
    "poller/sweeping": "sweep_full",
    "detailer": "release_details",
    "notifier": "Notifier.deliver_due",
}
"""The three loops' bodies, which read like the straight line of one page in the design."""

Function = ast.FunctionDef | ast.AsyncFunctionDef

FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((PACKAGE / name).read_text(encoding="utf-8"), filename=name)


def is_pure(name: str) -> bool:
    """Whether the design wants a module pure, or the module says so itself."""
    return name.startswith(PURE) or bool(SAYS_PURE.search(ast.get_docstring(tree(name)) or ""))


PURE_FILES = [name for name in FILES if is_pure(name)]


def functions(name: str) -> Iterator[tuple[str, Function, bool]]:
    """Every function of a file, nested ones too: its dotted name, and whether it is a method."""

    def below(node: ast.AST, path: str, *, in_class: bool) -> Iterator[tuple[str, Function, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                yield f"{path}{child.name}", child, in_class
                yield from below(child, f"{path}{child.name}.", in_class=False)
            elif isinstance(child, ast.ClassDef):
                yield from below(child, f"{path}{child.name}.", in_class=True)
            else:
                yield from below(child, path, in_class=in_class)

    return below(tree(name), "", in_class=False)


def length(function: Function) -> int:
    assert function.end_lineno is not None
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
    return function.end_lineno - first + 1


def parameters(function: Function, *, method: bool) -> int:
    given = function.args
    count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
    count += (given.vararg is not None) + (given.kwarg is not None)
    static = any(ast.unparse(each) == "staticmethod" for each in function.decorator_list)
    return count - (1 if method and not static else 0)


def is_command(function: Function) -> bool:
    """Whether the parameters are the options of a command, which Typer reads from the signature."""
    made = (each.func for each in function.decorator_list if isinstance(each, ast.Call))
    return any(isinstance(each, ast.Attribute) and each.attr == "command" for each in made)


def imported(name: str) -> Iterator[str]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}"


def dotted(node: ast.AST) -> str:
    """`a.b.c` as text, "" for anything but names and attributes."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def allowed(name: str, places: tuple[str, ...]) -> bool:
    """Whether a file is one of the places: a folder ends in a slash, a module may be a file or a package."""
    return any(
        name.startswith(place)
        if place.endswith("/")
        else name.startswith((f"{place}.py", f"{place}/"))
        for place in places
    )


def task_groups(name: str) -> Iterator[str]:
    """The names under which a file has a task group: from `async with`, a parameter, or a field of `self`."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.AsyncWith):
            for item in node.items:
                if item.optional_vars is not None and "TaskGroup" in ast.unparse(item.context_expr):
                    yield dotted(item.optional_vars)
        elif isinstance(node, ast.arg):
            if node.annotation is not None and "TaskGroup" in ast.unparse(node.annotation):
                yield node.arg
        elif isinstance(node, ast.AnnAssign) and "TaskGroup" in ast.unparse(node.annotation):
            yield f"self.{dotted(node.target)}"


def test_imports_keep_to_the_layers() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    ran = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", PURE_FILES)
def test_pure_code_never_waits_and_touches_nothing(name: str) -> None:
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    found = [node.lineno for node in ast.walk(tree(name)) if isinstance(node, waits)]
    assert not found, f"async or await in lines {found}"
    assert not {module.split(".")[0] for module in imported(name)} & IMPURE


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_short(name: str) -> None:
    lines = len((PACKAGE / name).read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE


@pytest.mark.parametrize("name", FILES)
def test_functions_are_short_and_take_few_parameters(name: str) -> None:
    found = list(functions(name))
    long = {path: length(each) for path, each, _ in found if length(each) > LONGEST_FUNCTION}
    wide = {
        path: count
        for path, each, method in found
        if (count := parameters(each, method=method)) > MOST_PARAMETERS and not is_command(each)
    }
    assert not long
    assert not wide or name.startswith(MIGRATIONS.relative_to(PACKAGE).as_posix())


@pytest.mark.parametrize(("module", "function"), STRAIGHT_LINES.items())
def test_the_body_of_each_loop_fits_on_a_screen(module: str, function: str) -> None:
    files = [name for name in FILES if allowed(name, (module,))]
    found = [each for name in files for path, each, _ in functions(name) if path == function]
    assert len(found) == 1, f"{function} should stand once in jobwatch/{module}"
    assert length(found[0]) <= LONGEST_FUNCTION


@pytest.mark.parametrize("name", FILES)
def test_imports_are_absolute_and_hide_no_cycle(name: str) -> None:
    assert not [module for module in imported(name) if module.startswith(".")]
    assert "TYPE_CHECKING" not in (PACKAGE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_a_task_is_started_in_a_task_group(name: str) -> None:
    """`asyncio.create_task` and `loop.create_task` lose exceptions; `TaskGroup() as group` does not."""
    groups = set(task_groups(name))
    bare = [
        f"{ast.unparse(node)} in line {node.lineno}"
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute | ast.Name)
        and (dotted(node) or ast.unparse(node)).split(".")[-1] == "create_task"
        and dotted(node).removesuffix(".create_task") not in groups
    ]
    assert not bare


@pytest.mark.parametrize("name", [name for name in FILES if not allowed(name, AIOHTTP)])
def test_only_the_doors_to_the_network_import_aiohttp(name: str) -> None:
    assert not [module for module in imported(name) if module.split(".")[0] == "aiohttp"]


@pytest.mark.parametrize("name", [name for name in FILES if not allowed(name, CLOCK)])
def test_only_the_composition_root_reads_the_clock(name: str) -> None:
    read = [
        f"{dotted(node)} in line {node.lineno}"
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute) and dotted(node) in CLOCK_READERS
    ]
    hidden = [
        alias.name
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
        if alias.name in ("time", "time_ns")
    ]
    assert not read
    assert not hidden


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("__init__.py")])
def test_every_package_states_its_law(name: str) -> None:
    text = ast.get_docstring(tree(name))
    assert text or name.startswith("store/migrations"), "a package without a docstring"


@pytest.mark.parametrize("name", FILES)
def test_every_module_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(tree(name)) or (PACKAGE / name).is_relative_to(MIGRATIONS)


def test_every_folder_of_tests_is_run_by_a_target_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^\t\$\(PYTEST\) (.*)", makefile, flags=re.MULTILINE)
    run = {word for words in named for word in words.split()}
    folders = {path.parent for path in (ROOT / "tests").glob("*/test_*.py")}
    assert {folder.relative_to(ROOT).as_posix() for folder in folders} <= run
    assert "tests/*.py" in run


def test_there_is_code_to_check() -> None:
    assert {"core/diff.py", "core/events.py", "poller/__init__.py"} <= set(FILES)
    assert {"core/diff.py", "web/pages/job_page.py", "store/closings.py"} <= set(PURE_FILES)
