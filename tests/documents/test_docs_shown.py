"""Whatever a page shows has a language with a rule, and is of that language; every command is tried in one way that is known."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from jobwatch.core.schemas import schemas
from jobwatch.metrics.table import BY_NAME
from tests.documents.shown import PAGES, ROOT, SHELLS, Shown, blocks, commands, prose
from tests.documents.shown_commands import ROWS, How, row_of
from tests.documents.shown_queries import queries
from tests.documents.shown_yaml import kind_of
from tests.programs import program, said_by

RULES = {
    "yaml": "a configuration of jobwatch: tests/documents/test_docs.py loads it",
    "yml": "YAML of another program, read by that program or its schema",
    "json": "parses; an event is of its schema",
    "promql": "names metrics that there are; a real Prometheus answers it",
    "sh": "commands: tests/documents/shown_commands.py",
    "bash": "likewise, where the syntax is bash's alone",
    "console": "commands behind `$ `, and their answers",
    "python": "compiles; the example receiver is run by a test of its own",
    "mermaid": "a diagram: tests/documents/test_docs.py draws it again",
    "nginx": "a part of nginx' configuration: statements end, braces match",
    "ini": "a unit of systemd, or a part of one",
    "text": "what is printed, or a drawing",
    "": "likewise",
}
"""The languages that a block may have, and what its rule is."""


def of(*languages: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", blocks(*languages), ids=lambda block: block.place)


def test_every_block_has_a_language_with_a_rule() -> None:
    unknown = [f"{each.place}: {each.language}" for each in blocks() if each.language not in RULES]
    assert not unknown
    assert len(blocks()) > 40


def test_every_command_is_tried_in_a_way_that_is_known() -> None:
    untried = [str(each) for each in commands() if row_of(each) is None]
    assert not untried, "\n".join(untried)


def test_no_way_of_trying_is_there_for_nothing() -> None:
    needed = {id(row_of(each)) for each in commands()}
    stale = [row.pattern for row in ROWS if id(row) not in needed]
    assert not stale


@pytest.mark.parametrize(
    "test", sorted({row.by for row in ROWS if row.how is How.ELSEWHERE}), ids=lambda test: test
)
def test_the_test_that_is_named_to_run_a_command_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    text = (ROOT / path).read_text("utf-8")
    assert re.search(rf"^(async )?def {name or 'test_'}", text, re.MULTILINE)


@of(*SHELLS[:2])
def test_a_shell_reads_every_block_of_commands(block: Shown) -> None:
    if not re.search(r"^\S+( \S+){4}  jobwatch", block.text, re.MULTILINE):  # lines of a crontab
        said_by(program("bash"), "-n", given=block.text)


@of("json")
def test_json_parses_and_an_event_is_of_its_schema(block: Shown) -> None:
    part = block.text.lstrip().startswith('"')
    document = json.loads(f"{{{block.text}}}" if part else block.text)
    if isinstance(document, dict) and "specversion" in document and "…" not in block.text:
        schema = schemas()[document["type"].removeprefix("io.jobwatch.")]
        jsonschema.Draft202012Validator(schema).validate(document)


@of("python")
def test_python_compiles(block: Shown) -> None:
    compile(block.text, block.place, "exec")


def test_nginx_statements_end_and_braces_match() -> None:
    for block in blocks("nginx"):
        assert block.text.count("{") == block.text.count("}"), block.place
        for line in (re.sub(r"#.*", "", line).strip() for line in block.text.splitlines()):
            assert not line or line[-1] in ";{}", f"{block.place}: {line}"


def test_units_have_sections_with_keys() -> None:
    for block in blocks("ini"):
        for line in block.text.splitlines():
            assert re.fullmatch(r"\[[A-Z]\w+\]|[A-Z]\w+=.*|([#;].*)?", line), (
                f"{block.place}: {line}"
            )


@of("yml")
def test_yaml_of_other_programs_is_what_they_read(block: Shown, tmp_path: Path) -> None:
    documents = [each for each in yaml.safe_load_all(block.text) if each is not None]
    assert documents
    for document in documents:
        reader = kind_of(document)
        assert reader is not None, f"{block.place}: whose configuration is this? {[*document]}"
        reader(document, tmp_path)


def test_a_query_names_metrics_that_there_are() -> None:
    wrong = [
        f"{each.place}: {name}" for each in queries() for name in metrics_of(each) - {*BY_NAME}
    ]
    assert not wrong


def metrics_of(query: Shown) -> set[str]:
    """The metrics of a query, histograms by the name of their family."""
    names = re.findall(r"\bjobwatch_[a-z_]+", query.text)
    return {
        each if each in BY_NAME else re.sub(r"_(bucket|sum|count)$", "", each) for each in names
    }


def test_the_pages_show_queries() -> None:
    assert len(queries()) > 40


def test_pages_are_not_html_but_for_comments_and_pictures() -> None:
    for page in PAGES:
        text = re.sub(r"`[^`]*`", "", prose(page))
        tags = set(re.findall(r"</?([a-z]+)[ >/]", text)) - {"picture", "source", "img"}
        assert not tags, page
