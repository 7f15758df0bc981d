from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.errors import ConfigError
from jobwatch.settings import Needed, everything, find_file, load_settings, to_look
from tests.unit.settings_cases import RECEIVER, SECRET, SOURCE, URL, problems, read

ENOUGH = {
    "JOBWATCH_SOURCES__PROD__PROVIDER__KIND": "cos-batch",
    "JOBWATCH_SOURCES__PROD__PROVIDER__REGION": "ap-chengdu",
    "JOBWATCH_SOURCES__PROD__PROVIDER__UIN": "100000000001",
    "JOBWATCH_SOURCES__PROD__PROVIDER__APPID": "0125",
}
OPS = SOURCE + RECEIVER


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_no_file_is_fine_when_the_environment_says_enough(tmp_path: Path) -> None:
    loaded = load_settings(None, ENOUGH)
    provider = loaded.settings.sources["prod"].provider
    assert loaded.path is None
    shown = provider.model_dump()
    assert (shown["uin"], shown["appid"]) == ("100000000001", "0125")
    assert loaded.settings.store.path == tmp_path / "jobwatch.db"  # type: ignore[union-attr]


def test_a_source_of_vaults_is_read_from_the_environment_alone() -> None:
    prefix = "JOBWATCH_SOURCES__VAULT_JOBS__PROVIDER__"
    said = {"KIND": "cas", "REGION": "ap-chengdu", "UID": "-", "VAULTS": "backup_1, logs_*"}
    loaded = load_settings(None, {prefix + key: value for key, value in said.items()})
    shown = loaded.settings.sources["vault_jobs"].provider.model_dump()
    assert (shown["uid"], shown["vaults"]) == ("-", ("backup_1", "logs_*"))


def test_nothing_at_all_is_refused_with_where_it_was_looked_for() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {"PATH": "/bin"})
    (told,) = caught.value.problems
    for place in ("--config", "JOBWATCH_CONFIG", "jobwatch.yaml", "/etc/jobwatch", "minimal"):
        assert place in told


def test_the_file_is_the_one_asked_for_then_the_variable_then_the_one_here(tmp_path: Path) -> None:
    here = Path("jobwatch.yaml")
    assert find_file(None, {}) is None
    here.write_text(SOURCE)
    assert find_file(None, {}) == here
    assert find_file(None, {"JOBWATCH_CONFIG": ""}) == here
    assert find_file(None, {"JOBWATCH_CONFIG": "x"}) == Path("x")
    assert find_file(tmp_path, {"JOBWATCH_CONFIG": "x"}) == tmp_path


def test_a_file_that_the_variable_names_has_to_exist() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read: no such file"):
        load_settings(None, {**ENOUGH, "JOBWATCH_CONFIG": "nowhere.yaml"})


def test_the_environment_wins_over_the_file_key_by_key(tmp_path: Path) -> None:
    text = OPS + "    headers: {X-A: a, X-B: b}\nlog: {level: debug}\n"
    settings = read(
        tmp_path,
        text,
        {
            "JOBWATCH_LOG__FORMAT": "json",
            "jobwatch_sources__prod__every": "5m",
            "JOBWATCH_RECEIVERS__OPS__HEADERS": '{"X-B": "c"}',
            "JOBWATCH_RECEIVERS__OPS__HEADERS__X-C": "d",
            "JOBWATCH_RECEIVERS__OPS__CONCURRENCY": "3",
            "JOBWATCH_RECEIVERS__OPS__WANTS__EXCEPT__OPERATIONS": "COSDeleteObject",
            "JOBWATCH_EGRESS__ALLOW_HTTP": "true",
        },
    ).settings
    ops = settings.receivers["ops"]
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert settings.sources["prod"].every == timedelta(minutes=5)
    assert settings.egress.allow_http
    assert ops.concurrency == 3
    assert ops.wants.except_.operations == ("COSDeleteObject",)
    assert {name: value.get_secret_value() for name, value in ops.headers.items()} == {
        "X-A": "a",
        "X-B": "c",
        "x-c": "d",
    }


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("endings", ("endings",)),
        ("endings,problems", ("endings", "problems")),
        (" endings , problems,", ("endings", "problems")),
        ('["endings"]', ("endings",)),
        ("", None),
        ("null", None),
    ],
)
def test_a_list_is_json_or_comma_separated(
    tmp_path: Path, text: str, values: tuple[str, ...] | None
) -> None:
    loaded = read(tmp_path, OPS, {"JOBWATCH_RECEIVERS__OPS__WANTS__TYPES": text})
    assert loaded.settings.receivers["ops"].wants.types == values


def test_a_whole_part_may_be_json_and_its_single_keys_win(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        SOURCE,
        {
            "JOBWATCH_RECEIVERS": f'{{"ops": {{"url": "{URL}", "secrets": ["{SECRET}"]}}}}',
            "JOBWATCH_RECEIVERS__OPS__TIMEOUT": "1s",
        },
    )
    assert loaded.settings.receivers["ops"].timeout == timedelta(seconds=1)


def test_a_name_may_contain_what_looks_like_a_part(tmp_path: Path) -> None:
    environ = {name.replace("PROD", "A_SERVICE_HOST"): value for name, value in ENOUGH.items()}
    assert set(read(tmp_path, SOURCE.replace("1000", "2000"), environ).settings.sources) == {
        "prod",
        "a_service_host",
    }


@pytest.mark.parametrize(
    ("name", "value", "fragments"),
    [
        ("JOBWATCH_STORE_PATH", "x", ("did you mean JOBWATCH_STORE__PATH?",)),
        ("JOBWATCH_SOURCES__PROD__EVRY", "x", ("did you mean JOBWATCH_SOURCES__PROD__EVERY?",)),
        ("JOBWATCH_SOURCES__NEW__EVRY", "x", ("did you mean JOBWATCH_SOURCES__NEW__EVERY?",)),
        ("jobwatch_http__listn", "x", ("jobwatch_http__listn (environment)", "JOBWATCH_HTTP__LISTEN")),
        ("JOBWATCH_", "x", ("no such setting",)),
        ("JOBWATCH___", "x", ("no such setting",)),
        ("JOBWATCH_ZZZZZZZZZZ", "x", ("no such setting; see `jobwatch schema`",)),
        ("JOBWATCH_RECEIVERS__OPS__SECRETS__0", SECRET, ("RECEIVERS__OPS__SECRETS?",)),
        ("JOBWATCH_PORT", "19870", ("no such setting",)),
        ("JOBWATCH_LOG", "info", ("log (environment variable JOBWATCH_LOG)", "not a mapping in JSON")),
        ("JOBWATCH_RECEIVERS__OPS__WANTS__TYPES", "[x", ("not a list in JSON",)),
        ("JOBWATCH_RECEIVERS", "[" * 9999, ("not a mapping in JSON",)),
        ("JOBWATCH_RECEIVERS", '{"a":' * 99 + "1" + "}" * 99, ("nested too deeply",)),
        ("JOBWATCH_SOURCES__PROD__EVERY", "30", ("variable JOBWATCH_SOURCES__PROD__EVERY)", '"30s"')),
        ("JOBWATCH_SOURCES__PROD__RATE_LIMIT__BURST", "x", ("must be a whole number",)),
        ("JOBWATCH_EGRESS__ALLOW_HTTP", "maybe", ("must be true or false",)),
        ("JOBWATCH_LOG__LEVEL", "", ("must be one of debug, info",)),
        ("JOBWATCH_RECEIVERS__OPS__URL", "ftp://x", ("receivers.ops.url (environment variable",)),
    ],
)  # fmt: skip
def test_a_mistaken_variable_is_told_by_its_name(
    tmp_path: Path, name: str, value: str, fragments: tuple[str, ...]
) -> None:
    (told,) = problems(tmp_path, OPS, {name: value})
    for fragment in fragments:
        assert fragment in told


def test_two_variables_for_one_key_are_refused(tmp_path: Path) -> None:
    environ = {"JOBWATCH_LOG__LEVEL": "info", "jobwatch_log__level": "debug"}
    (told,) = problems(tmp_path, SOURCE, environ)
    assert "says the same as JOBWATCH_LOG__LEVEL" in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JOBWATCH_PORT", "tcp://10.0.0.1:19870"),
        ("JOBWATCH_SERVICE_HOST", "10.0.0.1"),
        ("JOBWATCH_SERVICE_PORT", "19870"),
        ("JOBWATCH_SERVICE_PORT_HTTP", "19870"),
        ("JOBWATCH_PORT_19870_TCP", "tcp://10.0.0.1:19870"),
        ("JOBWATCH_PORT_19870_TCP_PROTO", "tcp"),
        ("JOBWATCH_PORT_19870_TCP_PORT", "19870"),
        ("JOBWATCH_PORT_19870_TCP_ADDR", "10.0.0.1"),
        ("JOBWATCH_PORT_53_UDP", "udp://10.0.0.1:53"),
        ("JOBWATCH_POSTGRES_PORT", "tcp://10.0.0.1:5432"),
        ("JOBWATCH_POSTGRES_SERVICE_HOST", "10.0.0.1"),
    ],
)
def test_a_service_link_of_kubernetes_is_a_warning(tmp_path: Path, name: str, value: str) -> None:
    (warning,) = read(tmp_path, SOURCE, {name: value}).warnings
    assert name in warning
    assert "Kubernetes" in warning


def test_variables_of_others_and_the_name_of_the_file_are_left_alone(tmp_path: Path) -> None:
    environ = {"MY_JOBWATCH_X": "1", "JOBWATCHER": "1", "JOBWATCH_CONFIG": "elsewhere.yaml"}
    assert read(tmp_path, SOURCE, environ).warnings == ()


def test_mistakes_of_the_environment_are_told_beside_a_file_that_cannot_be_read() -> None:
    Path("jobwatch.yaml").write_text("a: [")
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {"JOBWATCH_X": "1"})
    assert len(caught.value.problems) == 2


IMAGE = {"JOBWATCH_STORE__PATH": "/var/lib/jobwatch/jobwatch.db"}


@pytest.mark.parametrize("needed", [everything, to_look])
def test_an_image_that_sets_the_place_of_its_store_alone_is_told_what_to_set(
    needed: Needed,
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, IMAGE, needed)
    (told,) = caught.value.problems
    assert told.startswith("no configuration: there is no --config, ")
    assert "set JOBWATCH_SOURCES__NAME__PROVIDER__KIND" in told
    assert told.endswith("or put a file at /etc/jobwatch/jobwatch.yaml")


def test_other_mistakes_of_an_image_without_a_source_are_told_as_well() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {**IMAGE, "JOBWATCH_LOG__LEVEL": "loud", "JOBWATCH_LOG__FORMATT": "x"})
    unknown, level, nothing = sorted(caught.value.problems)
    assert unknown.startswith("JOBWATCH_LOG__FORMATT ")
    assert level.startswith("log.level ")
    assert nothing.startswith("no configuration: ")


@pytest.mark.parametrize(
    "sources",
    [
        {"JOBWATCH_SOURCES__PROD__PROVIDER__KND": "cos-batch"},
        {"JOBWATCH_SOURCES": "not JSON"},
        {"JOBWATCH_SOURCES__PROD__PROVIDER__KIND": "cos-batch"},
    ],
)
def test_whoever_wrote_of_a_source_is_not_told_that_there_is_no_configuration(
    sources: dict[str, str],
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {**IMAGE, **sources})
    assert "no configuration" not in str(caught.value)


def test_a_file_without_sources_is_not_called_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "jobwatch.yaml").write_text("log: {level: info}\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(None, IMAGE)
    assert caught.value.problems == ("sources: is missing; it has no default",)
