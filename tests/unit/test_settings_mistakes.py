from pathlib import Path

import pytest

from jobwatch.settings import load_settings
from tests.unit.settings_cases import RECEIVER, SECRET, SOURCE, problems

OPS = SOURCE + RECEIVER
CAS = "sources:\n  vault_jobs:\n    provider: {kind: cas, region: ap-chengdu, uid: '-'}\n"


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        # keys
        (OPS + "instancy: x", ("instancy (jobwatch.yaml:9): unknown key; did you mean `instance`?",)),
        (OPS + "qqq: x", ("qqq (jobwatch.yaml:9)", "the keys here are instance, sources")),
        (OPS + "_env_file: x", ("_env_file (jobwatch.yaml:9): unknown key",)),
        (OPS + "    wantz: {}", ("receivers.ops.wantz", "did you mean `wants`?")),
        (SOURCE + "    evrie: 5s", ("sources.prod.evrie", "did you mean `every`?")),
        (OPS + "http: {lisen: x}", ("http.lisen", "did you mean `listen`?")),
        (OPS + "    wants: {excepd: {}}", ("receivers.ops.wants.excepd", "`except`")),
        (SOURCE.replace("uin", "uni"), ("sources.prod.provider.uni", "did you mean `uin`?")),
        (SOURCE + "instance: a\ninstance: b", ("written twice", "line 5", "yaml:6")),
        (SOURCE + "log: {level: info, level: info}", ("log.level", "written twice")),
        # names
        (SOURCE.replace("prod:", "Prod-EU:"), ("sources.Prod-EU", '"prod_eu" would do')),
        (SOURCE.replace("prod:", "a__b:"), ("sources.a__b", '"a_b" would do')),
        (SOURCE.replace("prod:", "1:"), ("sources.1", "is not a name")),
        (SOURCE.replace("prod:", "a" * 64 + ":"), ("at most 63 characters",)),
        (SOURCE + "instance: a\\nb", ("instance", "is not a name")),
        # durations
        (SOURCE + "    every: 30", ("sources.prod.every (jobwatch.yaml:5)", '"30s"')),
        (SOURCE + "    every: 1.5", ("number without a unit",)),
        (SOURCE + "    every: 500ms", ("from 1s to 1d", "throttling")),
        (SOURCE + "    every: 0s", ("from 1s to 1d",)),
        (SOURCE + "    every: true", ("is not a duration",)),
        (SOURCE + "    every: null", ("is not a duration",)),
        (SOURCE + "    every: [1s]", ("is not a duration",)),
        (SOURCE + "    first_sight: bazeline", ("or baseline or everything",)),
        (SOURCE + "    first_sight: 91d", ("jobs older than 90 days are not listed",)),
        (SOURCE + "    vanished_after: 0s", ("one NoSuchJob alone proves nothing",)),
        (OPS + "    timeout: 6m", ("receivers.ops.timeout", "100ms to 5m")),
        (OPS + "    give_up_after: 0s", ("from 1s to 30d",)),
        (OPS + "retention: {events: 1h}", ("retention.events", "from 1d")),
        # numbers, words
        (SOURCE + "    rate_limit: {burst: 0}", ("rate_limit.burst", "at least 1")),
        (SOURCE + "    rate_limit: {burst: x}", ("must be a whole number",)),
        (SOURCE + "    rate_limit: {requests_per_second: .nan}", ("must be a number",)),
        (SOURCE + "    rate_limit: 5", ("must be a mapping of keys to values",)),
        (OPS + "    concurrency: 0", ("concurrency", "at least 1")),
        (OPS + "    format: slak", ("must be one of standard, slack", 'did you mean "slack"?')),
        (OPS + "log: {level: warn}", ("log.level", 'did you mean "warning"?')),
        (OPS + "egress: {allow_http: maybe}", ("egress.allow_http", "must be true or false")),
        (OPS + "    wants: {failed_ratio_at_least: 2}", ("failed_ratio_at_least", "at most 1")),
        (OPS + "    wants: {types: job.failed}", ("wants.types", "must be a list")),
        # sources
        ("instance: x", ("sources", "is missing")),
        ("sources: {}", ("sources (jobwatch.yaml:1)", "at least one is needed")),
        ("sources: null", ("sources", "must be a mapping")),
        ("sources: {prod: null}", ("sources.prod", "must be a mapping")),
        ("sources: {prod: {}}", ("sources.prod.provider (jobwatch.yaml:1): is missing",)),
        (SOURCE.replace("kind: cos-batch, ", ""), ("sources.prod.provider.kind", "is missing")),
        (SOURCE.replace("cos-batch", "cos"), ("provider.kind", "must be one of cos-batch, cas")),
        (SOURCE.replace("kind:", "kimd:"), ("provider.kind", "one of cos-batch, cas", "`kimd`?")),
        (CAS.replace("uid", "uin"), ("provider.uin", "belongs to kind cos-batch", "`uid`?")),
        (CAS.replace("uid", "vault"), ("provider.vault", "unknown key; did you mean `vaults`?")),
        (CAS.replace("'-'", "x"), ("provider.uid", "the number of the account", '"-"')),
        (CAS.replace("'-'", "1.5"), ("provider.uid", "the number of the account")),
        (CAS.replace("uid: '-'", "vaults: a"), ("provider.vaults", "must be a list")),
        (CAS.replace("uid: '-'", "vaults: []"), ("provider.vaults", "must not be empty; write names, or globs")),
        (CAS.replace("uid: '-'", "vaults: ['']"), ("provider.vaults[0]", "it is empty")),
        (CAS.replace("'-'", "'-', vaults: ['qcs::cas:x:uid/1:vaults/a']"), ("after `vaults/` alone",)),
        (CAS.replace("uid: '-'", "vaults: [*]"), ("is not YAML", "begins with `*`")),
        (CAS.replace("{kind: cas, region: ap-chengdu, uid: '-'}", "\n      uid: -\n"), ('uid: "-"',)),
        (
            CAS + CAS.replace("sources:\n", "").replace("vault_jobs", "again"),
            ("sources.again.provider", "the number of each account"),
        ),
        (
            SOURCE.replace("uin:", "vaults: [a], uin:"),
            ("provider.vaults", "belongs to kind cas, and this is cos-batch", "keys here are kind, region, uin"),
        ),
        (OPS + "rules: {expiring_before: 2d}", ("rules.expiring_before", "kept for a day")),
        (SOURCE.replace('"100000000001"', "x1"), ("provider.uin", "must match")),
        (
            SOURCE + "  again: {provider: {kind: cos-batch, region: ap-chengdu, uin: 100000000001, appid: 1}}",
            ("sources.again.provider (jobwatch.yaml:5)", "same account and region as sources.prod"),
        ),
        # wants
        (OPS + "    wants: {types: [problem]}", ("types[0]", 'did you mean "problems"?')),
        (OPS + "    wants: {types: [job.failedd]}", ('did you mean "job.failed"?',)),
        (OPS + "    wants: {types: [job.*]}", ("is not an event type",)),
        (OPS + "    wants: {types: [qqqqq]}", ("the groups are endings, problems", "job.vanished")),
        (OPS + "    wants: {sources: [prd]}", ("wants.sources[0]", 'did you mean "prod"?')),
        (OPS + "    wants: {sources: [zzz]}", ("there is no such source; there are prod",)),
        (OPS + "    wants: {except: {sources: [zzz]}}", ("wants.except.sources[0]", "no such source")),
        (OPS + "    wants: {except: {types: [zzz]}}", ("wants.except.types[0]",)),
        # files and addresses
        (OPS + "    header_files: {X-A: nowhere}", ("header_files.X-A", "cannot be read")),
        (OPS + "    secret_files: [nowhere]", ("secret_files[0]", "cannot be read")),
        (OPS + "    secret_files: ['.']", ("is not a regular file",)),
        (OPS + "    url_file: x", ("receivers.ops (jobwatch.yaml:6): has both url and url_file",)),
        (SOURCE + f"receivers: {{ops: {{secrets: [{SECRET}]}}}}", ("needs a url, or a url_file",)),
        (SOURCE + "receivers: {ops: {url: 'https://x'}}", ("needs secrets or secret_files",)),
        (OPS + 'http: {listen: ":80"}', ("http.listen", "0.0.0.0:19870")),
        (OPS + "http: {listen: 19870}", ("http.listen", "is not host:port")),
        (OPS + 'http: {listen: "[zz]:1"}', ("http.listen", "is not host:port")),
        (OPS + 'http: {listen: "[1:2]:1"}', ("http.listen", "IPv6")),
        (OPS + "http: {listen: 'a:65536'}", ("above 65535",)),
        (OPS + "http: {public_url: jobwatch.example.com}", ("http.public_url", "https://jobwatch")),
        (OPS + "http: {public_url: 'https://u:p@x'}", ("http.public_url", "is not the address")),
        # headers
        (OPS + "    headers: {Host: a}", ("headers.Host", "writes itself")),
        (OPS + "    headers: {Webhook-Signature: a}", ("writes itself",)),
        (OPS + "    headers: {content-length: 1}", ("writes itself",)),
        (OPS + "    headers: {'X A': a}", ("is not the name of a header",)),
        (OPS + '    headers: {"X-A\\r\\nB": a}', ("is not the name of a header",)),
        (OPS + '    headers: {X-A: "a\\r\\nb"}', ("line break",)),
        (OPS + "    headers: {X-A: ä}", ("not ASCII",)),
        (OPS + "    headers: {X-A: a, x-a: b}", ("is the same header as headers.X-A",)),
        # other shapes
        ("[]", ("jobwatch.yaml:1: is not a mapping",)),
        ("just text", ("is not a mapping",)),
        ("", ("jobwatch.yaml: is empty",)),
        ("# only a comment", ("is empty",)),
        ("a: [", ("jobwatch.yaml:1:5: is not YAML",)),
        ("a: b: c", ("jobwatch.yaml:1:5: is not YAML: mapping values",)),
        ("a:\n\t- b", ("jobwatch.yaml:2:1: is not YAML",)),
        ("a: 1\n---\nb: 2", ("another document",)),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(
    tmp_path: Path, text: str, fragments: tuple[str, ...]
) -> None:
    told = problems(tmp_path, text)
    assert len(told) == 1, told
    for fragment in fragments:
        assert fragment in told[0]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = """
instance: Job-watch
instance: twice
sources:
  prod:
    evrie: 3s
    every: 30
    provider: {kind: cos-batch, region: ap-chengdu, uin: 1, appid: 2}
receivers:
  ops:
    url: http://x.example
    secrets: [nonsense]
    wants: {types: [problem], sources: [prd]}
  chat: {url_file: nowhere, format: slak}
heartbeat: {every: 5s}
"""
    told = problems(tmp_path, text, {"JOBWATCH_STORE_PATH": "x"})
    for key in (
        "instance (jobwatch.yaml:3)",
        "instance (jobwatch.yaml:2)",
        "sources.prod.evrie",
        "sources.prod.every",
        "receivers.ops.url",
        "receivers.ops.secrets[0]",
        "receivers.ops.wants.types[0]",
        "receivers.ops.wants.sources[0]",
        "receivers.chat.url_file",
        "receivers.chat.format",
        "heartbeat.every",
        "JOBWATCH_STORE_PATH",
    ):
        assert sum(each.startswith((key + " ", key + ":")) for each in told) == 1, key
    assert len(told) == 12


def test_a_key_left_out_for_being_wrong_is_not_missed_as_well(tmp_path: Path) -> None:
    told = problems(tmp_path, SOURCE + "receivers: {ops: {url: [], secrets: {a: b}}}")
    assert [each.split(" ")[0] for each in told] == ["receivers.ops.url", "receivers.ops.secrets"]


def test_a_broken_source_is_still_a_source_that_can_be_wanted(tmp_path: Path) -> None:
    text = "sources: {prod: {provider: {}}, other: 5}\nreceivers: {ops: {wants: {sources: [prod, other]}}}"
    assert not [each for each in problems(tmp_path, text) if "no such source" in each]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"a: \xff", "jobwatch.yaml:1: is not UTF-8 text"),
        (b"a: 1\nb: \xff", "jobwatch.yaml:2: is not UTF-8 text"),
        ("a: b".encode("utf-16"), "is not UTF-8 text"),
        (b"a: \x00", "is not YAML"),
        (b"a: " + b"b" * 1024 * 1024, "larger than 1024 KiB"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, wrong: str) -> None:
    file = tmp_path / "jobwatch.yaml"
    file.write_bytes(content)
    with pytest.raises(Exception, match=wrong):
        load_settings(file, {})


def test_a_folder_and_a_missing_file_are_refused_by_name(tmp_path: Path) -> None:
    for path, wrong in ((tmp_path, "is a directory"), (tmp_path / "nowhere", "no such file")):
        with pytest.raises(Exception, match=wrong) as caught:
            load_settings(path, {})
        assert str(path) in str(caught.value)
