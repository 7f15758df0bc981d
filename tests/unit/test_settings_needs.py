"""What a command does not need may be mistaken: it is told, and everything else is read."""

from pathlib import Path

import pytest

from jobwatch.core.errors import ConfigError
from jobwatch.settings import Loaded, Needed, load_settings, to_look, to_send
from tests.unit.settings_cases import RECEIVER, SECRET, SOURCE, read


def reading(
    folder: Path, text: str, environ: dict[str, str] | None = None, needed: Needed = to_look
) -> Loaded:
    """Read a configuration of this text for a command that needs so much."""
    file = folder / "jobwatch.yaml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, environ or {}, needed)


FORGIVEN = {
    "a secret that is none": SOURCE + RECEIVER.replace(SECRET, "whsec_short"),
    "a secret that is missing": SOURCE + RECEIVER.replace(f"secrets: [{SECRET}]", "secrets: []"),
    "a file that is missing": SOURCE + "heartbeat: {url_file: nowhere}",
    "a token that is short": SOURCE + "http: {read_token: short}",
    "a certificate that is missing": SOURCE + "http: {tls: {cert_file: a, key_file: b}}",
    "a key of a receiver": SOURCE + RECEIVER + "    urll: x",
    "a key at the top": SOURCE + "haertbeat: {}",
    "a key written twice": SOURCE + "log: {level: info, level: debug}",
    "a rule of the source": SOURCE + "    rules: {stalled_afer: 1m}",
    "a key's file of a provider": SOURCE.replace("}", ", credentials: {secret_id_file: no}}"),
    "a key of credentials": SOURCE.replace("}", ", credentials: {secret_id: x, sekret: y}}"),
}
REFUSED = {
    "the store's place": SOURCE + "store: {pathh: other.db}",
    "the store's kind": SOURCE + "store: {kind: mysql}",
    "the store, misspelt": SOURCE + "storre: {path: other.db}",
    "the store, written twice": SOURCE + "store: {path: a.db, path: b.db}",
    "an anchor that may stand for anything": SOURCE + "x-store: &s {path: a, path: b}\nstore: *s",
    "the sources, misspelt": SOURCE + "source: {}",
    "a source's account": SOURCE.replace("uin", "uni"),
    "a source's kind": SOURCE.replace("cos-batch", "s3"),
    "a source's name": SOURCE.replace("prod", "Prod-1"),
    "a source that is written twice": SOURCE + "  prod: {}",
    "no YAML": SOURCE + "receivers: [",
    "two sources of one account": SOURCE + SOURCE.split("sources:\n")[1].replace("prod", "again"),
}


@pytest.mark.parametrize("text", FORGIVEN.values(), ids=FORGIVEN)
def test_a_mistake_in_what_is_not_looked_at_keeps_nobody_from_looking(
    text: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    loaded = reading(tmp_path, text)
    assert loaded.forgiven == refused.value.problems
    assert list(loaded.settings.sources) == ["prod"]
    assert loaded.settings.store == reading(tmp_path, SOURCE).settings.store


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_where_the_store_or_its_sources_are_not_known_nobody_looks(
    text: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError):
        reading(tmp_path, text)


@pytest.mark.parametrize(
    ("variable", "forgiven"),
    [
        ("JOBWATCH_RECEIVERS__OPS__SECRETTS", True),
        ("JOBWATCH_LOGLEVEL", True),
        ("JOBWATCH_SOURCES__PROD__EVRY", True),
        ("JOBWATCH_STORE__PTH", False),
        ("JOBWATCH_STORAGE__PATH", False),
        ("JOBWATCH_SOURCES__PROD__PROVIDER__UINN", False),
    ],
)
def test_a_variable_that_is_none_is_forgiven_by_the_same_rule(
    variable: str, *, forgiven: bool, tmp_path: Path
) -> None:
    if forgiven:
        (told,) = reading(tmp_path, SOURCE, {variable: "1"}).forgiven
        assert variable in told
    else:
        with pytest.raises(ConfigError, match=variable):
            reading(tmp_path, SOURCE, {variable: "1"})


def test_all_mistakes_are_told_where_one_of_them_refuses(tmp_path: Path) -> None:
    text = SOURCE + "store: {kind: mysql}\nhttp: {read_token: short}"
    with pytest.raises(ConfigError) as caught:
        reading(tmp_path, text)
    assert [each.split(" ")[0] for each in caught.value.problems] == [
        "store.kind",
        "http.read_token",
    ]


@pytest.mark.parametrize(
    ("line", "sends"),
    [
        ("    timezone: nowhere", True),
        ("    secret_files: [nowhere]", True),
        ("    give_up_after: long", False),
        ("    format: pigeon", False),
    ],
)
def test_what_is_sent_again_is_tried_for_as_long_as_is_written(
    line: str, *, sends: bool, tmp_path: Path
) -> None:
    text = f"{SOURCE}{RECEIVER}{line}\n"
    assert reading(tmp_path, text).forgiven
    if sends:
        assert reading(tmp_path, text, needed=to_send).forgiven
    else:
        with pytest.raises(ConfigError):
            reading(tmp_path, text, needed=to_send)
