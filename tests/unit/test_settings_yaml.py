import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobwatch.core.errors import ConfigError
from jobwatch.core.first_sight import FirstSight
from jobwatch.settings import load_settings
from jobwatch.settings.yaml_tree import read_yaml
from tests.unit.settings_cases import RECEIVER, SOURCE, problems, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("no", "no"),
        ("yes", "yes"),
        ("1:30", "1:30"),
        ("0123", "0123"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("2026-11-21", "2026-11-21"),
        ("12", 12),
        ("-1", -1),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("True", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("[a, 1]", ["a", 1]),
        ("{a: b}", {"a": "b"}),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: object) -> None:
    written = read_yaml(f"key: {text}", "x.yaml")
    assert written.tree == {"key": value}
    assert not written.problems


def test_every_key_and_item_has_its_line() -> None:
    written = read_yaml("a:\n  - x\n  - y\nb: {c: 1}\n", "x.yaml")
    assert written.places == {
        ("a",): "x.yaml:1",
        ("a", 0): "x.yaml:2",
        ("a", 1): "x.yaml:3",
        ("b",): "x.yaml:4",
        ("b", "c"): "x.yaml:4",
    }


def test_anchors_and_merge_keys_work_and_own_keys_win(tmp_path: Path) -> None:
    text = """
x-slow: &slow {every: 5m, vanished_after: 1h}
x-provider: &provider {kind: cos-batch, region: ap-chengdu, appid: 1250000000}
sources:
  prod:
    every: 1m
    <<: *slow
    first_sight: baseline
    provider: {<<: [*provider, {region: never}], uin: 100000000001}
  test:
    <<: *slow
    provider: {<<: *provider, uin: 100000000002}
"""
    sources = read(tmp_path, text).settings.sources
    assert (sources["prod"].every, sources["test"].every) == (
        timedelta(minutes=1),
        timedelta(minutes=5),
    )
    assert sources["prod"].vanished_after == timedelta(hours=1)
    assert sources["prod"].first_sight is FirstSight.BASELINE
    assert sources["prod"].provider.region == "ap-chengdu"
    assert sources["test"].provider.model_dump()["uin"] == "100000000002"


def test_a_mistake_in_an_anchor_is_told_where_it_stands(tmp_path: Path) -> None:
    text = "x-a: &a\n  every: 5\n" + SOURCE.lstrip() + "    <<: *a\n"
    assert problems(tmp_path, text)[0].startswith("sources.prod.every (jobwatch.yaml:2): ")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a: &a [*a]", "too large or too deep"),
        ("a: &a {b: *a}", "too large or too deep"),
        ("a: " + "[" * 60 + "]" * 60, "too large or too deep"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ('a: "\\UFFFFFFFF"', "means no character"),
        ("a: *b", "quote a text that begins with `*`"),
    ],
)
def test_a_file_that_would_never_end_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml") as caught:
        read_yaml(text, "x.yaml")
    assert wrong in str(caught.value)


def test_aliases_of_aliases_are_counted_as_what_they_stand_for() -> None:
    lines = [
        "a0: &a0 [x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)),
    ]
    with pytest.raises(ConfigError, match="aliases counted in full"):
        read_yaml("\n".join(lines), "x.yaml")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a: !x b", "a (x.yaml:1): begins with `!`"),
        ("a: !!python/name:os.system b", "quote it if it is text"),
        ("a: !!binary aGk=", "begins with `!`"),
        ("[a]: b", "the file (x.yaml:1): has a key that is a list"),
        ("a: 1\nb: 2\na: 3", "a (x.yaml:3): is written twice, first in line 1"),
        ("a: {b: 1, b: 2}", "a.b (x.yaml:1): is written twice"),
        ("a: [{b: 1, b: 2}]", "a[0].b (x.yaml:1): is written twice"),
        ("a: !!int x", "is not what its tag 'int' says"),
        ("a: !!bool x", "is not what its tag 'bool' says"),
        ("a: &a {<<: *a}", "or itself"),
        ("a: {<<: 1}", "merges what is not a mapping"),
    ],
)
def test_a_lesser_mistake_is_noted_with_its_place(text: str, wrong: str) -> None:
    (told,) = read_yaml(text, "x.yaml").problems
    assert wrong in told.text


def test_a_mistake_in_an_anchor_is_noted_once_however_often_it_is_used() -> None:
    written = read_yaml("a: &a {b: 1, b: 2}\nc: *a\nd: {<<: *a}", "x.yaml")
    assert len(written.problems) == 1


def test_top_level_keys_that_begin_with_x_are_ignored(tmp_path: Path) -> None:
    assert read(tmp_path, SOURCE + "x-anything: [1, {2: 3}]").settings.sources
    assert "sources.prod.x-y" in problems(tmp_path, SOURCE + "    x-y: 1")[0]


def test_identifiers_may_be_numbers_and_keep_their_zeros(tmp_path: Path) -> None:
    text = SOURCE.replace('"100000000001"', "100000000001").replace('"1250000000"', "0125")
    provider = read(tmp_path, text + "    labels: {team: 7}").settings.sources["prod"]
    shown = provider.provider.model_dump()
    assert (shown["uin"], shown["appid"]) == ("100000000001", "0125")
    assert provider.labels == {"team": "7"}


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "jobwatch.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + SOURCE.encode())
    assert load_settings(file, {}).settings.sources


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    for name in ("url", "token", "id"):
        (folder / name).write_text("https://x.example/")
    text = SOURCE.replace("uin:", "credentials: {secret_id_file: id, secret_key_file: ./id}, uin:")
    text += RECEIVER.replace("url: https://hooks.example.com/canary-path", "url_file: url")
    text += "    header_files: {X-Token: token}\n"
    loaded = read(folder, text).settings
    ops = loaded.receivers["ops"]
    assert (ops.url_file, ops.header_files) == (folder / "url", {"X-Token": folder / "token"})
    assert loaded.sources["prod"].provider.credentials.secret_id_file == folder / "id"
    assert loaded.store.path == folder / "jobwatch.db"  # type: ignore[union-attr]


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    loaded = read(tmp_path, SOURCE + "store: {path: /var/lib/jobwatch/jobs.db}")
    assert loaded.settings.store.path == Path("/var/lib/jobwatch/jobs.db")  # type: ignore[union-attr]


def test_what_was_read_cannot_be_changed(tmp_path: Path) -> None:
    loaded = read(tmp_path, SOURCE + RECEIVER).settings
    for part in (loaded, loaded.sources["prod"], loaded.receivers["ops"], loaded.store):
        name = next(iter(type(part).model_fields))
        with pytest.raises(ValueError, match="frozen"):
            setattr(part, name, None)


_KEYS = st.sampled_from(
    [
        "sources",
        "prod",
        "provider",
        "kind",
        "every",
        "receivers",
        "ops",
        "url",
        "wants",
        "types",
        "secrets",
        "headers",
        "rules",
        "store",
        "http",
        "listen",
        "x-a",
        "<<",
        "except",
        "_env_file",
    ]
)
_SCALARS = st.sampled_from(
    [
        "cos-batch",
        "30s",
        "30",
        "*",
        "&a",
        "*a",
        "!t",
        "null",
        "true",
        "[",
        "]",
        "{",
        "}",
        "a: b",
        "- x",
        "'",
        '"',
        "#",
        ">",
        "---",
        "...",
        "%",
        "1e999",
    ]
) | st.sampled_from("|\t\u2028\x00\ud7ff")


@st.composite
def _almost_yaml(draw: st.DrawFn) -> str:
    lines = st.tuples(st.integers(0, 4), _KEYS, st.one_of(_SCALARS, st.text(max_size=8)))
    return "\n".join(f"{'  ' * depth}{key}: {value}" for depth, key, value in draw(st.lists(lines)))


def _load(folder: Path, text: str) -> None:
    file = folder / "jobwatch.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(ConfigError):
        load_settings(file, {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("yaml")


@settings(deadline=None, max_examples=150)
@given(text=st.one_of(st.text(), _almost_yaml()))
def test_no_text_does_worse_than_a_refusal(folder: Path, text: str) -> None:
    _load(folder, text)


_TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(tree=st.dictionaries(_KEYS, _TREES, max_size=5), environ=st.text(max_size=20))
def test_no_shape_does_worse_than_a_refusal(folder: Path, tree: object, environ: str) -> None:
    file = folder / "shape.yaml"
    file.write_text(repr(tree).replace("None", "null"), encoding="utf-8", errors="replace")
    with contextlib.suppress(ConfigError):
        load_settings(file, {"JOBWATCH_SOURCES": environ, f"JOBWATCH_{environ}": environ})
