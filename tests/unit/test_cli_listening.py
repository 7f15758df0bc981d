"""Where `jobwatch health` asks is where the daemon listens, by the daemon's own reading of the configuration."""

import ipaddress
import json
from pathlib import Path

import pytest

from jobwatch.cli.listening import DEFAULT, PLACES, Listening, listening
from jobwatch.core.errors import ConfigError
from jobwatch.settings import Settings, load_settings, reading
from tests.unit.settings_cases import SOURCE

FILES = {
    "nothing": "",
    "an address": 'http: {listen: "127.0.0.1:8080"}\n',
    "no quotes": "http: {listen: 10.0.0.7:8080}\n",
    "all of IPv6": 'http: {listen: "[::]:8080"}\n',
    "an address of IPv6": 'http: {listen: "[fe80::1]:8080"}\n',
    "a name": "http: {listen: localhost:19870}\n",
    "an anchor": 'x-http: &http {listen: "127.0.0.1:9000"}\nhttp: *http\n',
    "a merge": 'x-http: &http {listen: "127.0.0.1:9000"}\nhttp: {<<: *http, tls: null}\n',
    "tls is null": "http: {tls: ~}\n",
}
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "nothing": {},
    "the key": {"JOBWATCH_HTTP__LISTEN": "127.0.0.2:1234"},
    "in small letters": {"jobwatch_http__listen": "127.0.0.2:1234"},
    "the whole part": {"JOBWATCH_HTTP": json.dumps({"listen": "127.0.0.3:4321"})},
    "both": {"JOBWATCH_HTTP": '{"listen": "127.0.0.3:1"}', "JOBWATCH_HTTP__LISTEN": "127.0.0.4:2"},
    "no TLS": {"JOBWATCH_HTTP__TLS": "null"},
}


def reached(settings: Settings) -> Listening:
    """What the real configuration comes to."""
    host, port = settings.http.address
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return Listening(host, port, settings.http.tls is not None)
    loopback = "127.0.0.1" if address.version == 4 else "::1"
    return Listening(
        loopback if address.is_unspecified else host, port, settings.http.tls is not None
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("file", FILES)
def test_it_is_where_the_daemon_listens(file: str, environment: str, tmp_path: Path) -> None:
    path = tmp_path / "jobwatch.yaml"
    path.write_text(SOURCE + FILES[file], encoding="utf-8")
    environ = ENVIRONMENTS[environment]
    assert listening(path, environ) == reached(load_settings(path, environ).settings)
    named = {"JOBWATCH_CONFIG": str(path), **environ}
    assert listening(None, named) == listening(path, environ)


TLS = "{cert_file: /run/tls.crt, key_file: /run/tls.key}"


@pytest.mark.parametrize(
    ("text", "environ", "tls"),
    [
        (f"http: {{tls: {TLS}}}", {}, True),
        (f"http: {{tls: {TLS}}}", {"JOBWATCH_HTTP__TLS": "null"}, False),
        (f"http: {{tls: {TLS}}}", {"JOBWATCH_HTTP": '{"tls": null}'}, False),
        ("http: {}", {"JOBWATCH_HTTP__TLS": '{"cert_file": "a", "key_file": "b"}'}, True),
        ("http: {}", {"JOBWATCH_HTTP__TLS__CERT_FILE": "a"}, True),
        ("http: {}", {"JOBWATCH_HTTP": '{"tls": {"cert_file": "a", "key_file": "b"}}'}, True),
        ("http: {tls: null}", {}, False),
        ('http: {tls: ""}', {}, False),
    ],
)
def test_tls_is_spoken_where_there_is_a_certificate(
    text: str, environ: dict[str, str], *, tls: bool, tmp_path: Path
) -> None:
    path = tmp_path / "jobwatch.yaml"
    path.write_text(text, encoding="utf-8")
    found = listening(path, environ)
    assert found == Listening("127.0.0.1", 19870, tls)
    assert found.url("/healthz").startswith("https://" if tls else "http://127.0.0.1:19870/")


def test_nothing_else_that_is_wrong_matters(tmp_path: Path) -> None:
    path = tmp_path / "jobwatch.yaml"
    path.write_text("sources: 5\nno such key: 1\nlog: {level: loud}\nhttp: {listen: localhost:1}\n")
    environ = {"JOBWATCH_NO_SUCH": "x", "JOBWATCH_SOURCES__PROD__EVERY": "never"}
    assert listening(path, environ) == Listening("localhost", 1, tls=False)


def test_without_any_configuration_it_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert listening(None, {}) == Listening("127.0.0.1", 19870, tls=False)
    (tmp_path / "jobwatch.yaml").write_text('http: {listen: "[::1]:7"}', encoding="utf-8")
    assert listening(None, {}).url("/") == "http://[::1]:7/"


def test_the_defaults_and_the_places_are_those_of_the_settings() -> None:
    assert Settings.model_fields["http"].default.listen == DEFAULT
    assert (reading.HERE, reading.SYSTEM) == PLACES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http: {listen: nowhere}", "is not host:port"),
        ("http: {listen: 'localhost:99999'}", "is not host:port"),
        ("http: {listen: 'a/b:1'}", "is not host:port"),
        ("http: {listen: [1]}", "is not host:port"),
        ("http: {listen: 'localhost:0'}", "takes any free one"),
        ("http: {listen: '[::1:1'}", "is not host:port"),
        ("secret: [hunter2", "cannot be read as YAML"),
        ("a: !python/object:os.system hunter2", "cannot be read as YAML"),
        ("[" * 5000 + "hunter2", "cannot be read as YAML"),
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_anything_else(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "jobwatch.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        listening(path, {})
    assert said in refused.value.problems[0]
    assert "hunter2" not in refused.value.problems[0]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            listening(path, {})
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read as YAML"):
        listening(tmp_path / "binary", {})
