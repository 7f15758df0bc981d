import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from jobwatch.formats import FORMATS
from jobwatch.settings import json_schema, load_settings, redacted, subscriptions
from tests.unit.settings_cases import RECEIVER, SOURCE, read

CONFIG = Path(__file__).parents[2] / "config"
EXAMPLE, MINIMAL = CONFIG / "jobwatch.example.yaml", CONFIG / "jobwatch.minimal.yaml"
SCHEMA = CONFIG / "jobwatch.schema.json"
SHORT = (
    "sources.prod.rules",
    "sources.vault_jobs.provider.credentials",
    "receivers.ops.wants.except",
)
"""Parts that the example leaves empty: their keys stand in another place already."""


SECOND = {"vault_jobs": "provider"}
"""The second source shows what differs from the first."""
CAS = "  vault_jobs:\n    provider: {kind: cas, region: ap-chengdu}\n"


def _keys(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and path not in SHORT:
        for key, item in value.items():
            yield from _keys(item, f"{path}.{key}".strip("."))
    elif not isinstance(value, dict) or not value or path in SHORT:
        yield path


def _valid(tree: object) -> bool:
    return Draft202012Validator(json_schema()).is_valid(tree)


@pytest.fixture
def example() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    return tree


def test_the_example_shows_every_key_that_there_is(example: dict[str, Any]) -> None:
    settings = redacted(load_settings(EXAMPLE, {}).settings)
    for name, part in SECOND.items():
        whole = settings["sources"][name]
        assert whole.keys() == settings["sources"]["prod"].keys()
        settings["sources"][name] = {part: whole[part]}
    assert sorted(_keys(example)) == sorted(_keys(settings))


def test_the_example_is_at_every_default(tmp_path: Path) -> None:
    least = redacted(read(tmp_path, SOURCE + CAS + RECEIVER).settings)
    example = load_settings(EXAMPLE, {})
    shown = redacted(example.settings)
    assert shown.pop("store")["path"] == str(CONFIG / "jobwatch.db")
    assert least.pop("store")["path"] == str(tmp_path / "jobwatch.db")
    assert shown == least
    assert not example.warnings


def test_the_example_names_what_is_not_yet_active() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for row in load_settings(EXAMPLE, {}).not_yet_active:
        for path in row.written:
            assert _said_inactive(lines, path.split(".")), path


def _said_inactive(lines: list[str], path: list[str]) -> bool:
    """Whether a key, or a part that it stands in, is commented as not yet active."""
    start = 0
    for depth, key in enumerate(path):
        pattern = re.compile(rf"{'  ' * depth}{re.escape(key)}:")
        start = next(n for n in range(start, len(lines)) if pattern.match(lines[n]))
        entry = [lines[start]]
        entry += _until(lines[start + 1 :], lambda line: not line.strip().startswith("#"))
        if any("not yet" in line for line in entry):
            return True
    return False


def _until(lines: list[str], ends: Any) -> Iterator[str]:
    for line in lines:
        if ends(line):
            return
        yield line


def test_the_example_has_a_receiver_of_every_format_that_only_needs_its_comment_sign_away(
    tmp_path: Path,
) -> None:
    before, comment = EXAMPLE.read_text().split("\n# One receiver for each other format", 1)
    commented = comment.split("\n\n", 1)[0].split("\n#\n", 1)[1]
    uncommented = "\n".join(line.removeprefix("#") for line in commented.splitlines())
    loaded = read(tmp_path, f"{before}\n{uncommented}\n")
    formats = [each.format for each in loaded.settings.receivers.values()]
    assert sorted(formats) == sorted(FORMATS)
    assert not loaded.warnings


def test_the_minimal_file_is_a_whole_configuration() -> None:
    loaded = load_settings(MINIMAL, {})
    assert list(loaded.settings.sources) == ["prod"]
    assert not loaded.warnings
    assert not [row for row in loaded.not_yet_active if row.written]


def test_the_receiver_in_the_comments_of_the_minimal_file_only_needs_a_key() -> None:
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    comment = MINIMAL.read_text().partition("# receivers:")[2].replace("\n# ", "\n")
    tree = yaml.safe_load("receivers:" + comment.replace("whsec_…", key))
    environ = {"JOBWATCH_RECEIVERS": json.dumps(tree["receivers"])}
    assert len(subscriptions(load_settings(MINIMAL, environ).settings)) == 1


def test_no_line_is_wider_than_a_hundred_columns() -> None:
    for file in (EXAMPLE, MINIMAL):
        assert max(map(len, file.read_text().splitlines())) <= 100


def test_the_schema_file_is_the_one_the_code_gives() -> None:
    written = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    assert SCHEMA.read_text() == written, "write `jobwatch schema` into config/jobwatch.schema.json"


def test_the_schema_is_a_schema_that_both_files_satisfy(example: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(json_schema())
    assert _valid(example)
    assert _valid(yaml.safe_load(MINIMAL.read_text()))


@pytest.mark.parametrize(
    ("path", "value", "valid"),
    [
        ("sources.prod.every", "5m", True),
        ("sources.prod.every", 30, False),
        ("sources.prod.every", "45", False),
        ("sources.prod.first_sight", "baseline", True),
        ("sources.prod.first_sight", "2h", True),
        ("sources.prod.first_sight", "nothing", False),
        ("sources.prod.provider.uin", 100000000001, True),
        ("sources.prod.provider.kind", "nope", False),
        ("sources.vault_jobs.provider.uid", 1250000000, True),
        ("sources.vault_jobs.provider.uid", "someone", False),
        ("sources.vault_jobs.provider.vaults", ["backup_*"], True),
        ("sources.vault_jobs.provider.vaults", [], False),
        ("sources.vault_jobs.provider.uin", "1", False),
        ("sources.prod.provider.vaults", ["a"], False),
        ("sources.prod.evrie", "5m", False),
        ("sources.Prod", {}, False),
        ("receivers.ops.wants.types", ["job.failed", "job.stalled", "*"], True),
        ("receivers.ops.wants.types", ["job.failedd"], False),
        ("receivers.ops.wants.except", {"sources": ["prod"]}, True),
        ("receivers.ops.digest", None, True),
        ("store", {"path": "x"}, True),
        ("store", {"kind": "postgres", "dsn": "x"}, True),
        ("rules.unreachable_after", "7m", True),
        ("instance", "no-name", False),
        ("x-anything", [1], True),
        ("anything", [1], False),
    ],
)
def test_the_schema_knows_right_from_wrong(
    example: dict[str, Any], path: str, value: object, *, valid: bool
) -> None:
    *parents, last = path.split(".")
    part = example
    for key in parents:
        part = part[key]
    part[last] = value
    assert _valid(example) is valid
