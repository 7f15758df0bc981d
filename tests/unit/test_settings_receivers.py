"""What each format demands of a receiver's keys: what is refused, and what is only doubted."""

from pathlib import Path

import pytest

from tests.unit.settings_cases import SECRET, SOURCE, problems, read

KEY = "0" * 32
NEEDS = {
    "standard": f"url: https://x.example/a, secrets: [{SECRET}]",
    "slack": "url: https://hooks.slack.com/services/a/b/c",
    "wecom": "url: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=a'",
    "dingtalk": "url: 'https://oapi.dingtalk.com/robot/send?access_token=a'",
    "feishu": "url: https://open.feishu.cn/open-apis/bot/v2/hook/a",
    "teams": "url: https://prod-00.westeurope.logic.azure.com/workflows/a",
    "pagerduty": f"routing_key: '{KEY}'",
    "template": "url: https://x.example/a, template: '{{ event.type }}'",
}
ROBOTS = ("dingtalk", "feishu")
PLAIN = ("slack", "wecom", "teams")


def receiver(format_: str, more: str = "", *, needs: str | None = None) -> str:
    keys = ", ".join(each for each in (NEEDS[format_] if needs is None else needs, more) if each)
    return f"{SOURCE}receivers:\n  ops: {{format: {format_}, {keys}}}\n"


@pytest.mark.parametrize("format_", NEEDS)
def test_a_receiver_with_what_its_format_needs_is_fine(tmp_path: Path, format_: str) -> None:
    loaded = read(tmp_path, receiver(format_))
    assert loaded.settings.receivers["ops"].format == format_
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("text", "key", "fragments"),
    [
        # what is missing
        (receiver("slack", needs="timeout: 5s"), "", ("needs a url, or a url_file",)),
        (receiver("template", needs="template: x"), "", ("needs a url, or a url_file",)),
        (receiver("standard", needs="url: https://x.example"), "", ("needs secrets", "openssl")),
        (receiver("pagerduty", needs="timeout: 5s"), "", ("needs a routing_key", "PagerDuty")),
        (receiver("template", needs="url: https://x.example"), "", ("needs a template", "tojson")),
        # what is wrong
        (receiver("template", "secrets: [canary]"), ".secrets[0]", ("whsec_", "openssl")),
        (receiver("pagerduty", needs="routing_key: canary"), ".routing_key", ()),
        (receiver("pagerduty", needs="routing_key_file: nowhere"), ".routing_key_file", ("cannot be read",)),
        (receiver("pagerduty", "routing_key_file: x"), "", ("has both routing_key and routing_key_file",)),
        (receiver("slack", "url_file: x"), "", ("has both url and url_file",)),
        (receiver("template", needs="url: https://x.example, template: '{{ canary_ '"), ".template", ("line 1",)),
        (receiver("slack", "timezone: asia/shanghai"), ".timezone", ('did you mean "Asia/Shanghai"?',)),
        (receiver("slack", "timezone: Mars/Base"), ".timezone", ("is not a time zone", '"UTC"')),
        (receiver("slack", "timezone: Asia"), ".timezone", ("is not a time zone",)),
        (receiver("slack", "timezone: ../../etc/passwd"), ".timezone", ("is not a time zone",)),
        (receiver("slack", "language: cn"), ".language", ("must be one of en, zh",)),
        (receiver("wecom", "mention: {mobiles: [canary]}"), ".mention.mobiles[0]", ("is not a mobile number",)),
        (receiver("slack", "digest: {every: 5}"), ".digest.every", ('"5s"',)),
        (receiver("slack", "max_age: 0s"), ".max_age", ("from 1s to 30d",)),
        # what is out of place
        *((receiver(each, "secrets: [canary]"), ".secrets", (f"format {each} signs nothing", "its URL is the secret")) for each in PLAIN),
        (receiver("slack", "secret_files: [x]"), ".secret_files", ("its URL is the secret",)),
        (receiver("pagerduty", "secrets: [canary]"), ".secrets", ("its routing_key is the secret",)),
        (receiver("slack", "routing_key: canary"), ".routing_key", ("belongs to format pagerduty",)),
        (receiver("slack", "routing_key_file: x"), ".routing_key_file", ("belongs to format pagerduty",)),
        (receiver("slack", "template: canary"), ".template", ("belongs to format template",)),
        # what nobody subscribes to
        (receiver("slack", "wants: {types: [digest]}"), ".wants.types[0]", ("tells many events", "leave it out")),
        (receiver("slack", "wants: {types: [receiver.test]}"), ".wants.types[0]", ("is sent by command",)),
        (receiver("slack", "wants: {except: {types: [digest]}}"), ".wants.except.types[0]", ("leave it out",)),
    ],
)  # fmt: skip
def test_a_key_that_does_not_fit_its_format_is_one_mistake(
    tmp_path: Path, text: str, key: str, fragments: tuple[str, ...]
) -> None:
    (told,) = problems(tmp_path, text)
    assert told.startswith(f"receivers.ops{key} (jobwatch.yaml:6): "), told
    for fragment in fragments:
        assert fragment in told
    assert "canary" not in told.replace("canary_", "")


def test_nothing_is_demanded_in_the_name_of_a_format_that_is_misspelt(tmp_path: Path) -> None:
    text = f"{SOURCE}receivers: {{ops: {{format: pagerdty, routing_key: '{KEY}', template: x}}}}"
    (told,) = problems(tmp_path, text)
    assert told.startswith("receivers.ops.format (jobwatch.yaml:5)")
    assert 'did you mean "pagerduty"?' in told


@pytest.mark.parametrize(
    ("text", "key", "fragment"),
    [
        # a URL of another format
        (receiver("standard", needs=f"url: 'https://hooks.slack.com/a', secrets: [{SECRET}]"), ".url", "format: slack meant?"),
        (receiver("feishu", needs="url: https://qyapi.weixin.qq.com/x"), ".url", "format: wecom meant?"),
        (receiver("slack", needs="url: https://OAPI.dingtalk.com/x"), ".url", "format: dingtalk meant?"),
        (receiver("slack", needs="url: https://open.larksuite.com/x"), ".url", "format: feishu meant?"),
        (receiver("slack", needs="url: https://a.webhook.office.com/x"), ".url", "format: teams meant?"),
        (receiver("slack", needs="url: https://events.pagerduty.com/x"), ".url", "format: pagerduty meant?"),
        # an address that the guard refuses
        (receiver("slack", needs="url: https://169.254.169.254/x"), ".url", "egress.guard"),
        (receiver("slack", needs="url: 'https://[fe80::1]/x'"), ".url", "nothing will be sent there"),
        # keys that change nothing
        (receiver("standard", "language: zh"), ".language", "sends the event itself"),
        (receiver("standard", "timezone: Asia/Shanghai"), ".timezone", "changes nothing"),
        (receiver("standard", "title_prefix: x"), ".title_prefix", "changes nothing"),
        (receiver("standard", "digest: {first: 3, every: 1m}"), ".digest", "tells each event by itself"),
        (receiver("pagerduty", "digest: {}"), ".digest", "changes nothing: format pagerduty"),
        # mentions that call nobody
        (receiver("standard", "mention: {types: [problems], all: true}"), ".mention", "format standard cannot"),
        (receiver("teams", "mention: {types: [problems], all: true}"), ".mention", "format teams cannot"),
        (receiver("template", "mention: {mobiles: ['13800000000']}"), ".mention", "format template cannot"),
        (receiver("slack", "mention: {types: [problems], all: true, mobiles: ['13800000000']}"), ".mention.mobiles", "no mobile numbers"),
        (receiver("feishu", "mention: {types: [problems], all: true, mobiles: ['13800000000']}"), ".mention.mobiles", "no mobile numbers"),
        (receiver("wecom", "mention: {mobiles: ['13800000000']}"), ".mention.types", "write for example [problems]"),
        (receiver("wecom", "mention: {types: [problems]}"), ".mention", "neither mobiles nor all"),
        (receiver("slack", "mention: {types: [job.succeeded, job.cancelled], all: true}"), ".mention.types", "none of these is a problem"),
        # times that exclude each other
        (receiver("slack", "max_age: 30s"), ".max_age", "no longer than digest.every"),
    ],
)  # fmt: skip
def test_what_is_likely_not_meant_is_a_warning(
    tmp_path: Path, text: str, key: str, fragment: str
) -> None:
    (told,) = read(tmp_path, text).warnings
    assert told.startswith(f"receivers.ops{key} (")
    assert fragment in told
    assert "/x" not in told, "of the URL"


@pytest.mark.parametrize("format_", ROBOTS)
def test_a_robot_that_is_given_several_secrets_signs_with_the_first(
    tmp_path: Path, format_: str
) -> None:
    newer, older = "SEC" + "a" * 64, "SEC" + "b" * 64
    assert read(tmp_path, receiver(format_, f"secrets: [{newer}]")).warnings == ()
    (told,) = read(tmp_path, receiver(format_, f"secrets: [{newer}, {older}]")).warnings
    assert "only the first signs" in told
    (tmp_path / "older").write_text(older)
    more = f"secrets: [{newer}], secret_files: [older]"
    (told,) = read(tmp_path, receiver(format_, more)).warnings
    assert "only the first signs" in told


@pytest.mark.parametrize(
    "text",
    [
        receiver("template", needs="url: https://hooks.slack.com/x, template: x"),
        receiver("slack", needs="url: https://10.0.0.1/x"),
        receiver("slack", "digest: null, max_age: 30s"),
        receiver("standard", "digest: null"),
        receiver("pagerduty", "language: zh, timezone: Asia/Shanghai, title_prefix: x"),
        receiver("template", f"language: zh, secrets: [{SECRET}]"),
        receiver("wecom", "mention: {types: [problems, digest], mobiles: [13800000000]}"),
        receiver("dingtalk", "mention: {types: ['*'], mobiles: ['+86-13800000000'], all: true}"),
        receiver("slack", "wants: {types: ['*']}"),
    ],
)
def test_what_makes_sense_is_not_doubted(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).warnings == ()


def test_a_url_in_a_file_is_doubted_as_well(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://hooks.slack.com/services/canary\n")
    text = receiver("standard", needs=f"url_file: url, secrets: [{SECRET}]")
    (told,) = read(tmp_path, text).warnings
    assert told.startswith("receivers.ops.url_file (")
    assert "canary" not in told
