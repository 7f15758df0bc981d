"""Where jobwatch may send to, and where its heartbeat goes."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from jobwatch.settings import egress_guard, heartbeat_url
from tests.unit.settings_cases import RECEIVER, SOURCE, problems, read


@pytest.mark.parametrize(
    ("text", "key", "fragment"),
    [
        ("egress: {guard: none}", "egress.guard", "must be one of no_metadata, public_only, off"),
        ("egress: {allow_cidrs: [10.0.0.0/40]}", "egress.allow_cidrs[0]", "is no range of addresses"),
        ("egress: {allow_cidrs: [10.0.0.0/8, nonsense]}", "egress.allow_cidrs[1]", "is no range of addresses"),
        ("egress: {proxy: canary}", "egress.proxy", "http://"),
        ("egress: {proxy: 'socks5://canary:1'}", "egress.proxy", ""),
        ("egress: {proxy: 'http://canary:99999'}", "egress.proxy", ""),
        ("egress: {proxy: 'http://canary/path'}", "egress.proxy", ""),
        ("egress: {ca_file: nowhere.pem}", "egress.ca_file", "nowhere.pem"),
        ("egress: {ca_file: jobwatch.yaml}", "egress.ca_file", "jobwatch.yaml"),
        ("heartbeat: {url: canary}", "heartbeat.url", "is not a URL"),
        ("heartbeat: {url: 'http://canary.example'}", "heartbeat.url", "egress.allow_http"),
        ("heartbeat: {url_file: nowhere}", "heartbeat.url_file", "cannot be read"),
        ("heartbeat: {url: 'https://x.example', url_file: x}", "heartbeat", "has both url and url_file"),
        ("heartbeat: {every: 5s}", "heartbeat.every", "from 10s to 1d"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_and_shows_nothing_secret(
    tmp_path: Path, text: str, key: str, fragment: str
) -> None:
    (told,) = problems(tmp_path, SOURCE + text)
    assert told.startswith(f"{key} (jobwatch.yaml:5): ")
    assert fragment in told
    assert "canary" not in told


def test_nobody_guards_less_than_the_metadata_unless_told_to(tmp_path: Path) -> None:
    guard = egress_guard(read(tmp_path, SOURCE).settings)
    assert (guard.mode, guard.allow) == ("no_metadata", ())


def test_a_guard_knows_the_networks_that_are_allowed_all_the_same(tmp_path: Path) -> None:
    text = "egress: {guard: public_only, allow_cidrs: [10.1.0.0/16, 'fd00::/8']}"
    guard = egress_guard(read(tmp_path, SOURCE + text).settings)
    assert guard.mode == "public_only"
    assert guard.allow == (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))


def test_an_allowed_address_is_not_doubted(tmp_path: Path) -> None:
    at_metadata = SOURCE + RECEIVER.replace("hooks.example.com", "169.254.10.1")
    assert len(read(tmp_path, at_metadata).warnings) == 1
    for more in ("{allow_cidrs: [169.254.10.0/24]}", "{guard: off}"):
        assert read(tmp_path, f"{at_metadata}egress: {more}").warnings == ()


def test_a_heartbeat_to_where_nothing_may_be_sent_is_doubted(tmp_path: Path) -> None:
    (told,) = read(tmp_path, SOURCE + "heartbeat: {url: 'https://169.254.169.254/canary'}").warnings
    assert told.startswith("heartbeat.url (")
    assert "egress.guard" in told
    assert "canary" not in told


def test_a_proxy_may_have_a_password_which_nobody_sees(tmp_path: Path) -> None:
    settings = read(tmp_path, SOURCE + "egress: {proxy: 'http://a:canary@x:3128'}").settings
    assert settings.egress.proxy is not None
    assert settings.egress.proxy.get_secret_value() == "http://a:canary@x:3128"
    assert "canary" not in repr(settings)


def test_a_heartbeat_goes_where_it_is_written_or_where_a_file_says(tmp_path: Path) -> None:
    assert heartbeat_url(read(tmp_path, SOURCE).settings) is None
    written = heartbeat_url(read(tmp_path, SOURCE + "heartbeat: {url: 'https://a/b'}").settings)
    assert written is not None
    assert written.current() == "https://a/b"
    (tmp_path / "url").write_text("https://a/c\n")
    held = heartbeat_url(read(tmp_path, SOURCE + "heartbeat: {url_file: url}").settings)
    assert held is not None
    assert held.current() == "https://a/c"
    (tmp_path / "url").write_text("https://a/other\n")
    assert held.current() == "https://a/other"
