import json
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobwatch.core.digest import DigestPolicy
from jobwatch.core.events import ENDINGS, PROBLEMS, UNASKED, EventType
from jobwatch.core.routing import Selection
from jobwatch.formats.pagerduty import DEFAULT_URL
from jobwatch.formats.values import PLAIN
from jobwatch.settings import (
    Address,
    Receiver,
    digest_policy,
    give_up_after,
    listen_address,
    live_recipient,
    max_age,
    redacted,
    style_of,
    subscriptions,
    wanted_words,
)
from tests.unit.settings_cases import RECEIVER, SECRET, SOURCE, URL, read

OPS = SOURCE + RECEIVER


def test_a_standard_receiver_wants_endings_and_problems_for_three_days(tmp_path: Path) -> None:
    (ops,) = subscriptions(read(tmp_path, OPS).settings)
    assert ops.receiver == "ops"
    assert ops.wants == Selection(types=ENDINGS | PROBLEMS)
    assert ops.exceptions is None
    assert ops.give_up_after == timedelta(days=3)
    assert (ops.failed_tasks_at_least, ops.failed_ratio_at_least) == (1, 0)


@pytest.mark.parametrize(
    ("name", "words", "patience"),
    [
        ("standard", ("endings", "problems"), timedelta(days=3)),
        ("template", ("endings", "problems"), timedelta(days=3)),
        ("pagerduty", ("problems",), timedelta(hours=24)),
        ("slack", ("problems",), timedelta(hours=6)),
        ("feishu", ("problems",), timedelta(hours=6)),
    ],
)
def test_a_format_has_its_own_defaults(
    name: str, words: tuple[str, ...], patience: timedelta
) -> None:
    receiver = Receiver.model_validate({"format": name})
    assert wanted_words(receiver) == words
    assert give_up_after(receiver) == patience


@pytest.mark.parametrize(
    ("words", "types"),
    [
        ("[problems]", PROBLEMS),
        ("[endings]", ENDINGS),
        ('["*"]', frozenset(EventType) - UNASKED),
        ("[job.failed, job.discovered]", {EventType.FAILED, EventType.DISCOVERED}),
        ("[receiver.paused, job.output_expiring]", {EventType.PAUSED, EventType.OUTPUT_EXPIRING}),
        ("[problems, job.cancelled]", PROBLEMS | {EventType.CANCELLED}),
        ("[]", frozenset()),
    ],
)
def test_words_become_the_types_of_this_version(
    tmp_path: Path, words: str, types: frozenset[EventType]
) -> None:
    (ops,) = subscriptions(read(tmp_path, OPS + f"    wants: {{types: {words}}}").settings)
    assert ops.wants.types == types


def test_what_is_wanted_is_carried_over_key_by_key(tmp_path: Path) -> None:
    text = (
        OPS
        + """
    give_up_after: 1h
    wants:
      sources: [prod]
      operations: [COS*]
      descriptions: ["nightly*"]
      except: {operations: [COSDeleteObject]}
      failed_tasks_at_least: 5
      failed_ratio_at_least: 0.1
"""
    )
    (ops,) = subscriptions(read(tmp_path, text).settings)
    assert (ops.wants.sources, ops.wants.operations) == (("prod",), ("COS*",))
    assert ops.wants.descriptions == ("nightly*",)
    assert ops.exceptions == Selection(operations=("COSDeleteObject",))
    assert (ops.failed_tasks_at_least, ops.failed_ratio_at_least) == (5, 0.1)
    assert ops.give_up_after == timedelta(hours=1)


def test_a_glob_that_matches_nothing_is_a_warning(tmp_path: Path) -> None:
    text = OPS + "    wants: {sources: ['test*', prod], operations: [COSDeletObject, 'COS*']}"
    source, operation = read(tmp_path, text).warnings
    assert "wants.sources[0]" in source
    assert "matches no source there is; there are prod" in source
    assert "wants.operations[0]" in operation
    assert 'did you mean "COSDeleteObject"?' in operation


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary-in-a-file")
    text = SOURCE.replace(
        "uin:", "credentials: {secret_id: canary-id, secret_key: canary-key}, uin:"
    )
    text += RECEIVER + "    headers: {Authorization: canary-header}\n"
    text += "    header_files: {X-Token: token}\n"
    settings = read(tmp_path, text).settings
    shown = redacted(settings)
    for text in (json.dumps(shown), repr(settings), str(settings), settings.model_dump_json()):
        assert "canary" not in text.replace(str(tmp_path), "")
        assert SECRET not in text
    ops = shown["receivers"]["ops"]
    assert (ops["url"], ops["secrets"]) == ("***", ["***"])
    assert ops["headers"] == {"Authorization": "***"}
    assert ops["header_files"] == {"X-Token": str(tmp_path / "token")}


def test_the_effective_configuration_says_what_the_format_chose(tmp_path: Path) -> None:
    shown = redacted(read(tmp_path, OPS).settings)
    ops = shown["receivers"]["ops"]
    assert ops["wants"]["types"] == ["endings", "problems"]
    assert (ops["give_up_after"], ops["max_age"], ops["timeout"]) == ("3d", None, "15s")
    assert shown["sources"]["prod"]["first_sight"] == "1h"
    text = SOURCE + "    first_sight: everything"
    assert redacted(read(tmp_path, text).settings)["sources"]["prod"]["first_sight"] == "everything"


def test_the_effective_configuration_says_which_rules_hold_for_a_source(tmp_path: Path) -> None:
    text = (
        f"{SOURCE}    rules: {{stuck_after: 3h, failing: {{min_finished: 7}}}}\n"
        "rules: {stalled_after: null, stuck_after: 1h, failing: {ratio: 0.5}}\n"
    )
    shown = redacted(read(tmp_path, text).settings)["sources"]["prod"]["rules"]
    assert (shown["stalled_after"], shown["stuck_after"]) == (None, "3h")
    assert shown["failing"] == {"ratio": 0.5, "min_finished": 7}


def test_a_recipient_is_read_anew_from_its_files(tmp_path: Path) -> None:
    for name, content in (("url", URL), ("secret", SECRET), ("token", "Bearer one")):
        (tmp_path / name).write_text(content + "\n")
    text = SOURCE + "receivers: {ops: {url_file: url, secret_files: [secret], headers: {X-A: a}, "
    settings = read(tmp_path, text + "header_files: {Authorization: token}}}").settings
    live = live_recipient(settings, "ops")
    recipient = live.current()
    assert (recipient.name, recipient.url, recipient.secrets) == ("ops", URL, (SECRET,))
    assert recipient.headers == (("X-A", "a"), ("Authorization", "Bearer one"))
    (tmp_path / "token").write_text("Bearer other")
    assert live.current().headers[1] == ("Authorization", "Bearer other")
    assert live.take_problems() == []


def test_a_file_that_turns_bad_is_told_once_and_the_value_before_stays(tmp_path: Path) -> None:
    for name, content in (("url", URL), ("secret", SECRET)):
        (tmp_path / name).write_text(content)
    text = SOURCE + "receivers: {ops: {url_file: url, secret_files: [secret]}}"
    live = live_recipient(read(tmp_path, text).settings, "ops")
    live.current()
    (tmp_path / "url").write_text("http://canary.example")
    (tmp_path / "secret").write_text("canary")
    assert (live.current().url, live.current().secrets) == (URL, (SECRET,))
    told = live.take_problems()
    assert len(told) == 2
    assert "canary" not in "".join(told).replace(str(tmp_path), "")
    live.current()
    assert live.take_problems() == []


def test_a_routing_key_is_read_anew_and_events_go_to_the_public_address(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a" * 32 + "\n")
    text = SOURCE + "receivers: {ops: {format: pagerduty, routing_key_file: key}}"
    settings = read(tmp_path, text).settings
    live = live_recipient(settings, "ops")
    assert (live.current().url, live.current().routing_key) == (DEFAULT_URL, "a" * 32)
    (tmp_path / "key").write_text("b" * 32)
    assert live.current().routing_key == "b" * 32
    (tmp_path / "key").write_text("canary")
    assert live.current().routing_key == "b" * 32
    (told,) = live.take_problems()
    assert "canary" not in told
    assert redacted(settings)["receivers"]["ops"]["url"] == DEFAULT_URL
    eu = "format: pagerduty, url: https://events.eu.pagerduty.com/v2/enqueue, routing_key: "
    text = SOURCE + f"receivers: {{ops: {{{eu}{'c' * 32}}}}}"
    recipient = live_recipient(read(tmp_path, text).settings, "ops").current()
    assert recipient.url.startswith("https://events.eu.")
    assert recipient.routing_key == "c" * 32


def test_how_messages_are_worded_goes_with_the_recipient(tmp_path: Path) -> None:
    text = (
        SOURCE
        + """
receivers:
  ops:
    format: wecom
    url: https://x.example/a
    language: zh
    timezone: Asia/Shanghai
    title_prefix: "[ops] "
    mention: {types: [problems, job.succeeded], mobiles: [13800000000], all: true}
"""
    )
    style = live_recipient(read(tmp_path, text).settings, "ops").current().style
    assert (style.language, style.timezone, style.title_prefix) == (
        "zh",
        ZoneInfo("Asia/Shanghai"),
        "[ops] ",
    )
    assert style.timezone_name == "Asia/Shanghai"
    assert style.mention.types == {each.value for each in PROBLEMS} | {"job.succeeded"}
    assert (style.mention.mobiles, style.mention.everybody) == (("13800000000",), True)
    assert style_of(Receiver()) == PLAIN
    everything = Receiver.model_validate({"mention": {"types": ["*"]}})
    assert style_of(everything).mention.types == {each.value for each in EventType}


def test_a_template_goes_with_the_recipient_and_is_shown_to_nobody(tmp_path: Path) -> None:
    template = '{"canary": {{ event.type | tojson }}}'
    text = f"{SOURCE}receivers: {{ops: {{format: template, url: https://x/a, template: '{template}'}}}}"
    settings = read(tmp_path, text).settings
    recipient = live_recipient(settings, "ops").current()
    assert recipient.template == template
    assert redacted(settings)["receivers"]["ops"]["template"] == "***"
    assert "canary" not in repr(settings) + repr(recipient)


@pytest.mark.parametrize(
    ("given", "policy", "oldest"),
    [
        ({"format": "slack"}, DigestPolicy(first=3, every=timedelta(minutes=1)), timedelta(days=1)),
        (
            {"format": "wecom", "digest": {"first": 0, "every": "5m"}, "max_age": "1h"},
            DigestPolicy(first=0, every=timedelta(minutes=5)),
            timedelta(hours=1),
        ),
        ({"format": "teams", "digest": None}, None, timedelta(days=1)),
        ({"format": "pagerduty"}, None, timedelta(days=1)),
        ({"format": "standard"}, None, None),
        ({"format": "template", "max_age": "2h"}, None, timedelta(hours=2)),
    ],
)
def test_only_chats_get_digests_and_old_news_reaches_programs_alone(
    given: dict[str, object], policy: DigestPolicy | None, oldest: timedelta | None
) -> None:
    receiver = Receiver.model_validate(given)
    assert (digest_policy(receiver), max_age(receiver)) == (policy, oldest)


def test_written_values_come_before_those_of_files(tmp_path: Path) -> None:
    newer = "whsec_" + "QUFB" * 8
    (tmp_path / "secret").write_text(SECRET)
    text = OPS.replace(SECRET, newer) + "    secret_files: [secret]"
    recipient = live_recipient(read(tmp_path, text).settings, "ops").current()
    assert recipient.secrets == (newer, SECRET)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:19870", Address("0.0.0.0", 19870)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:8080", Address("::1", 8080)),
        ("[::]:80", Address("::", 80)),
    ],
)
def test_an_address_is_a_host_and_a_port(tmp_path: Path, text: str, address: Address) -> None:
    assert listen_address(text) == address
    loaded = read(tmp_path, SOURCE + f'http: {{listen: "{text}"}}')
    assert loaded.settings.http.address == address
