"""The reference of the configuration says what the settings say, and what it shows can be set."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from jobwatch.providers.cas import CasSettings
from jobwatch.providers.cos_batch import CosBatchSettings
from jobwatch.settings import Settings, fixed, json_schema, load_settings
from jobwatch.settings.model import Tls
from jobwatch.settings.sources import Source
from jobwatch.settings.yaml_tree import read_yaml
from jobwatch.store.settings import PostgresSettings
from tests.documents import configuration_page
from tests.documents.configuration_page import ELSEWHERE, Key, all_keys, not_yet, reload_of
from tests.documents.configuration_values import BASE, after, before, setting, variable
from tests.documents.shown import fenced
from tests.unit.settings_cases import SECRET, SOURCE, problems, read

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
TEXT = PAGE.read_text(encoding="utf-8")
KEYS = {key.title: key for key in all_keys()}
ACTIVE = [key for key in all_keys() if not not_yet(key)]

COS = {"kind": "cos-batch", "region": "a", "uin": "1", "appid": "1"}
LEAST: dict[type[BaseModel], dict[str, Any]] = {
    CosBatchSettings: COS,
    CasSettings: {"kind": "cas", "region": "a"},
    PostgresSettings: {"kind": "postgres", "dsn": "x"},
    Source: {"provider": COS},
    Settings: {"sources": {"prod": {"provider": COS}}},
    Tls: {"cert_file": "a", "key_file": "b"},
}
"""What a model needs to be made at all."""


def schema_paths(node: Mapping[str, Any], path: str) -> Iterator[str]:
    """The path of every key that the schema knows; NAME is any name."""
    if "$ref" in node:
        yield from schema_paths(json_schema_definitions()[node["$ref"].rpartition("/")[2]], path)
    for branch in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from schema_paths(branch, path)
    for name, below in node.get("properties", {}).items():
        yield f"{path}.{name}".strip(".")
        yield from schema_paths(below, f"{path}.{name}".strip("."))
    named = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    for below in named:
        if isinstance(below, dict):
            yield from schema_paths(below, f"{path}.NAME")


@cache
def json_schema_definitions() -> Mapping[str, Any]:
    definitions: Mapping[str, Any] = json_schema()["$defs"]
    return definitions


@cache
def entries() -> Mapping[str, str]:
    """What the page says of each key, by its heading."""
    parts = re.split(r"^### (`.*)\n", TEXT.split("\n## Keys\n", 1)[1], flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {title: re.split(r"^## ", text, flags=re.MULTILINE)[0] for title, text in pairs}


def test_the_page_is_what_the_settings_give() -> None:
    assert configuration_page.page() == TEXT, (
        "run .venv/bin/python -m tests.documents.configuration_page"
    )


def test_every_key_of_the_schema_has_its_entry_and_no_other() -> None:
    known = set(schema_paths(json_schema(), ""))
    assert len(known) > 100
    blocks = {path.removesuffix(".NAME") for path in ELSEWHERE if path.count(".") < 2}
    rules_of_a_source = {path for path in known if path.startswith("sources.NAME.rules.")}
    shown = {re.split("`", title)[1] for title in entries()}
    assert shown == known - blocks - rules_of_a_source
    assert rules_of_a_source == {f"sources.NAME.{each}" for each in known if "rules." in each[:6]}
    for block in blocks - {""}:
        assert re.search(rf"^## {block}$", TEXT, re.IGNORECASE | re.MULTILINE), block


def test_every_key_is_described_in_the_schema() -> None:
    nodes = [json_schema(), *json_schema_definitions().values()]
    for node in nodes:
        for name, key in node.get("properties", {}).items():
            assert key.get("description", "").endswith("."), f"{node['title']}.{name}"


def test_every_default_on_the_page_is_that_of_the_model() -> None:
    seen = 0
    for title, text in entries().items():
        key, written = KEYS[title], re.search(r"Default:\s`([^`]*)`\.", text)
        if written is not None:
            tree = read_yaml(f"value: {written[1]}", "page").tree
            least = LEAST.get(key.model, {})
            name = key.path.rpartition(".")[2]
            made = key.model.model_validate({**least, name: tree["value"]})
            assert getattr(made, key.name) == getattr(key.model.model_validate(least), key.name), (
                title
            )
            seen += 1
    assert seen > 70


def test_an_entry_says_whether_a_key_has_to_be_given() -> None:
    for title, text in entries().items():
        key = KEYS[title]
        required = key.model.model_fields[key.name].is_required()
        assert ("It has to be given." in text) == required, title


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configuration")


@pytest.fixture(scope="module")
def base(folder: Path) -> Settings:
    return read(folder, BASE).settings


@pytest.mark.parametrize("key", ACTIVE, ids=lambda key: key.title)
def test_every_variable_on_the_page_sets_its_key_and_a_reload_does_with_it_what_the_page_says(
    key: Key, base: Settings, folder: Path
) -> None:
    assert f"- `{key.variable}` · {reload_of(key)}"[:100] in entries()[key.title]
    needed = before(key, folder)
    old = read(folder, BASE, needed).settings if needed else base
    new = read(folder, BASE, after(key, folder)).settings
    if key.name == "kind":
        assert old == new
        return
    assert old != new
    assert bool(fixed(old, new)) == reload_of(key).startswith("restart")


def test_the_variable_of_a_rule_of_one_source_is_one(base: Settings, folder: Path) -> None:
    (name,) = re.findall(r"`(JOBWATCH_SOURCES__NAME__RULES__[A-Z_]+)`", TEXT)
    assert read(folder, BASE, {name.replace("NAME", "PROD"): "3h"}).settings != base


def test_keys_that_are_not_yet_active_are_refused_as_such(tmp_path: Path) -> None:
    keys = [key for key in all_keys() if not_yet(key)]
    environ = dict(zip(map(variable, keys), ("postgres", "postgresql://u:p@h/db"), strict=True))
    (told,) = problems(tmp_path, SOURCE, environ)
    assert "not yet active" in told
    for key in keys:
        assert "*Not yet active*" in entries()[key.title]


def test_every_example_of_a_key_is_accepted(folder: Path) -> None:
    seen = 0
    for key in ACTIVE:
        for example in key.said.examples:
            read(folder, BASE, setting(key, folder, example))
            seen += 1
    assert seen > 20


def test_links_within_the_page_lead_to_a_heading() -> None:
    headings = re.findall(r"^#+ (.*)", TEXT, flags=re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]
    assert len(anchors) == len(set(anchors)), "two headings have one anchor"
    assert set(re.findall(r"\]\(#([^)]*)\)", TEXT)) <= set(anchors)


def test_the_variables_that_the_page_begins_with_are_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exported = dict(re.findall(r"^export (JOBWATCH_\w+)=(.*)$", TEXT, flags=re.MULTILINE))
    assert len(exported) == 4
    assert list(load_settings(None, exported).settings.sources) == ["prod"]


def test_lists_and_mappings_in_variables_are_written_as_the_page_shows(folder: Path) -> None:
    table = TEXT.split("| value | is written |", 1)[1].split("\n\n", 1)[0]
    shown = dict(re.findall(r"`(JOBWATCH_\w+)=([^`]*)`", table))
    text = BASE.replace("  plain:", "  ops:")
    settings = read(folder, text, shown).settings
    assert settings.log.level == "debug"
    assert settings.receivers["ops"].wants.types == ("problems", "job.succeeded")
    assert settings.sources["prod"].labels == {"team": "data"}


def test_a_mistake_reads_as_the_page_shows(tmp_path: Path) -> None:
    shown = [block.removesuffix("\n") for block in fenced(TEXT, "text")]
    text = SOURCE.strip().replace("    provider", "    full_sweep: 1h\n    provider")
    assert list(problems(tmp_path, text)) == shown


def test_the_configuration_with_secrets_in_files_is_accepted_where_the_files_are(
    tmp_path: Path,
) -> None:
    (block,) = fenced(TEXT, "yml")
    held = {"url": "https://hooks.example.com/x", "key": SECRET, "read-token": "0123456789abcdef"}
    for name in re.findall(r"/run/secrets/([a-z-]+)", block):
        kind = name.removeprefix("ops-")
        (tmp_path / name).write_text(held.get(kind, "fedcba9876543210") + "\n")
    settings = read(tmp_path, block.replace("/run/secrets", str(tmp_path))).settings
    assert settings.receivers["ops"].url_file == tmp_path / "ops-url"
