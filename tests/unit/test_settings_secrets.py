from pathlib import Path

import pytest

from tests.unit.settings_cases import RECEIVER, SECRET, SOURCE, problems, read

OPS = SOURCE + RECEIVER
CANARY = "canary-secret"


@pytest.mark.parametrize(
    ("secret", "wrong"),
    [
        ("canary-secret", "does not begin with whsec_"),
        ("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not begin with whsec_"),
        ("whsec_Y2FuYXJ5LXNlY3JldA==", "holds 13 bytes"),
        ("whsec_" + "QUFB" * 22, "holds 66 bytes"),
        ("whsec_canary_secret-canary_secret-12", "is not base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whole base64"),
        ("whsec_", "is not base64"),
        ("whsec_canary secret", "is not base64"),
    ],
)
def test_a_malformed_secret_is_refused_and_not_shown(
    tmp_path: Path, secret: str, wrong: str
) -> None:
    written = problems(tmp_path, OPS.replace(SECRET, f'"{secret}"'))
    (tmp_path / "secret").write_text(secret)
    from_file = problems(tmp_path, OPS.replace(f"secrets: [{SECRET}]", "secret_files: [secret]"))
    for told, key in ((written, "secrets[0]"), (from_file, "secret_files[0]")):
        assert len(told) == 1
        assert f"receivers.ops.{key} (jobwatch.yaml:8)" in told[0]
        assert wrong in told[0]
        assert "openssl rand" in told[0]
        assert (
            secret.removeprefix("whsec_") not in told[0].replace("whsec_", "") or secret == "whsec_"
        )


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("http://canary-secret.example.com", "egress.allow_http"),
        ("ftp://canary-secret", "is not a URL"),
        ("canary-secret", "is not a URL"),
        ("https://", "is not a URL"),
        ("https://canary-secret:99999/", "is not a URL"),
        ("https://[canary-secret/", "is not a URL"),
        ("https://user:canary-secret@example.com", "a user or a password"),
        ("https://canary-secret@example.com", "a user or a password"),
        ("https://example.com/#canary-secret", "a fragment"),
        ("https://example.com/canary-secret#", "a fragment"),
        ("https://example.com/ canary-secret", "a blank"),
        ("https://0x7f.1/canary-secret", "a host that not every program reads alike"),
        ("https://canary-secret.例子.example/", "a name in ASCII"),
        ("https://example.com/canary-secret\\n", "a line break"),
    ],
)
def test_a_wrong_url_is_refused_and_not_shown(tmp_path: Path, url: str, wrong: str) -> None:
    text = f'{SOURCE}receivers: {{ops: {{url: "{url}", secrets: [{SECRET}]}}}}'
    (tmp_path / "url").write_text(url.replace("\\n", "\n") + "\n")
    from_file = f"{SOURCE}receivers: {{ops: {{url_file: url, secrets: [{SECRET}]}}}}"
    for written, key in ((text, "url"), (from_file, "url_file")):
        told = problems(tmp_path, written)
        assert len(told) == 1
        assert told[0].startswith(f"receivers.ops.{key} (jobwatch.yaml:5): ")
        assert wrong in told[0]
        assert CANARY not in told[0]


@pytest.mark.parametrize(
    "url", ["http://localhost:8080/x", "http://127.0.0.9/", "http://[::1]:1/", "HTTPS://X.example/"]
)
def test_a_url_may_be_https_or_loopback(tmp_path: Path, url: str) -> None:
    assert read(
        tmp_path, f"{SOURCE}receivers: {{ops: {{url: '{url}', secrets: [{SECRET}]}}}}"
    ).settings.sources


def test_http_is_fine_where_the_configuration_allows_it(tmp_path: Path) -> None:
    text = f"{SOURCE}receivers: {{ops: {{url: 'http://x.example', secrets: [{SECRET}]}}}}\n"
    assert read(tmp_path, text + "egress: {allow_http: true}").settings.sources


def test_no_message_shows_what_was_given(tmp_path: Path) -> None:
    text = f"""
instance: [{CANARY}]
sources:
  prod:
    every: {CANARY}
    rate_limit: {{burst: {CANARY}, requests_per_second: {CANARY}}}
    labels: {CANARY}
    provider:
      kind: cos-batch
      region: [{CANARY}]
      uin: {CANARY}
      appid: {CANARY}
      endpoint: https://{CANARY}@x
      credentials: {{secret_id: "{CANARY} ", secret_key: "{CANARY}", token: {{{CANARY}: 1}}, use: {CANARY}}}
receivers:
  ops: {{url: {CANARY}, secrets: {CANARY}, headers: {CANARY}, timeout: {CANARY}, format: {CANARY}}}
  b: {{url: [{CANARY}], secrets: [[{CANARY}]], headers: {{X-A: "{CANARY}\\n"}}, url_file: [{CANARY}]}}
  c: {{url: http://{CANARY}, secrets: [{CANARY}], wants: {CANARY}, template: [{CANARY}]}}
  d: {{url: https://x/, secrets: [{SECRET}], template: {CANARY}, routing_key: {CANARY}}}
  e: {{format: pagerduty, secrets: [{CANARY}], routing_key: {CANARY}, mention: {{mobiles: [{CANARY}]}}}}
  f: {{format: dingtalk, url: https://x/, secrets: ["{CANARY} "], timezone: {CANARY}}}
egress: {{proxy: "socks5://{CANARY}", ca_file: [{CANARY}], guard: {CANARY}, allow_http: {CANARY}}}
http: {{listen: {CANARY}, public_url: {CANARY}, read_token: {CANARY}}}
store: {{kind: postgres, dsn: "postgresql://u:{CANARY}@x/y"}}
heartbeat: {{url: {CANARY}}}
log: {CANARY}
"""
    told = problems(
        tmp_path, text, {"JOBWATCH_HTTP__OPERATE_TOKEN": CANARY, "JOBWATCH_LOG": CANARY}
    )
    shown = [each for each in told if CANARY in each]
    assert [each.split(" ")[0] for each in shown] == [
        f"sources.prod.provider.credentials.token.{CANARY}"
    ] * len(shown)
    assert len(told) > 25


@pytest.mark.parametrize(
    "text", ["a: *canary-secret", "a: !canary-secret b", "%canary-secret\n---\na: b"]
)
def test_yaml_that_begins_like_a_secret_is_not_shown(tmp_path: Path, text: str) -> None:
    told = problems(tmp_path, SOURCE + text)
    assert CANARY not in "".join(told)
