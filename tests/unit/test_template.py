"""Bodies that the user writes: what a template may do, what it may not, and how it is sent."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from jobwatch.core.documents import document
from jobwatch.core.encoding import encode
from jobwatch.core.errors import ConfigError, RenderError
from jobwatch.core.http import HttpRequest
from jobwatch.core.samples import samples
from jobwatch.formats import Recipient, Told, build
from jobwatch.formats.sandbox import OUTPUT_LIMIT
from jobwatch.formats.template import LIMITS, check_template
from jobwatch.formats.values import Style
from tests.factories import with_job

NOW = datetime(2026, 11, 21, 20, 0, 5, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "https://hooks.example.com/canary"
SAMPLES = {each.name: each for each in samples()}
GOLDEN = Path(__file__).parent.parent / "samples" / "payloads" / "template"
EXAMPLE = """{
  "to": {{ receiver|tojson }},
  "title": {{ message.title|tojson }},
  "text": {{ (message.summary ~ " " ~ message.link|default("", true))|trim|tojson }},
  "urgent": {{ (event.data.severity == "critical")|tojson }},
  {%- if event.data.job is defined %}
  "job": {{ event.data.job.id|tojson }},
  {%- endif %}
  "facts": [{% for fact in message.facts %}{{ fact.value|tojson }}{{ "" if loop.last else ", " }}{% endfor %}]
}"""


def told(name: str) -> Told:
    sample = SAMPLES[name]
    return Told(id=sample.id, type=sample.event.type.value, body=sample.body)


def recipient(template: str | None = EXAMPLE, **fields: Any) -> Recipient:
    return Recipient(name="ops", url=URL, template=template, **fields)


def sent(template: str, name: str = "job.failed") -> HttpRequest:
    return build("template", told(name), recipient(template), NOW)


@pytest.mark.parametrize(
    "name", ["job.completed_with_failures", "source.unreachable.opened", "digest"]
)
def test_the_body_is_the_golden_one(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert json.loads(sent(EXAMPLE, name).body) == golden


def test_a_template_is_given_the_event_the_message_in_words_and_the_receivers_name() -> None:
    text = "{{ event|tojson }}\n{{ message.title }}\n{{ receiver }}"
    request = build(
        "template", told("job.failed"), recipient(text, style=Style(language="zh")), NOW
    )
    event, title, name = request.body.decode().split("\n")
    assert json.loads(event) == json.loads(SAMPLES["job.failed"].body)
    assert "批量处理任务失败" in title
    assert name == "ops"


@pytest.mark.parametrize(
    ("template", "content_type"),
    [
        ('{"a": {{ receiver|tojson }}}', "application/json; charset=utf-8"),
        ("[1]", "application/json; charset=utf-8"),
        ("Job {{ event.subject }}", "text/plain; charset=utf-8"),
        ('{"a": NaN}', "text/plain; charset=utf-8"),
        ("[" * 5000, "text/plain; charset=utf-8"),
    ],
)
def test_what_is_json_is_sent_as_json_and_all_else_as_text(
    template: str, content_type: str
) -> None:
    assert sent(template).headers == {"content-type": content_type}


def test_headers_join_and_override_the_content_type() -> None:
    to = recipient(headers=(("Content-Type", "text/markdown"), ("X-Key", "canary")))
    headers = build("template", told("job.failed"), to, NOW).headers
    assert headers == {"content-type": "text/markdown", "x-key": "canary"}


def test_with_secrets_it_is_signed_as_standard_webhooks_are() -> None:
    request = build("template", told("job.failed"), recipient(secrets=(SECRET,)), NOW)
    expected = Webhook(SECRET).sign(SAMPLES["job.failed"].id, NOW, request.body.decode())
    assert request.headers["webhook-id"] == SAMPLES["job.failed"].id
    assert request.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert request.headers["webhook-signature"] == expected


def test_a_later_attempt_has_the_same_bytes() -> None:
    first = build("template", told("job.stalled.reminded"), recipient(), NOW)
    later = build("template", told("job.stalled.reminded"), recipient(), NOW + timedelta(days=2))
    assert first == later


def test_without_a_template_or_with_a_bad_secret_nothing_is_sent() -> None:
    with pytest.raises(ConfigError, match="receiver ops: has no template"):
        build("template", told("job.failed"), recipient(None), NOW)
    with pytest.raises(ConfigError, match="secret 1") as caught:
        build("template", told("job.failed"), recipient(secrets=("p@ss",)), NOW)
    assert "p@ss" not in str(caught.value)


def test_a_template_is_nowhere_shown() -> None:
    request = sent("canary {{ receiver }}")
    assert "canary" not in repr(request) + repr(recipient("canary"))


@settings(max_examples=50)
@given(st.text(max_size=300))
def test_any_text_of_the_cloud_stays_a_text_within_json(description: str) -> None:
    body = encode(document(with_job(description=description), 1))
    template = '{"a": {{ event.data.job.description|tojson }}}'
    event = Told(id="evt_1", type="job.failed", body=body)
    request = build("template", event, recipient(template), NOW)
    assert json.loads(request.body) == {"a": json.loads(body)["data"]["job"]["description"]}


def test_a_text_of_the_cloud_is_no_template() -> None:
    body = encode(document(with_job(description="{{ receiver }}{% for %}"), 1))
    event = Told(id="evt_1", type="job.failed", body=body)
    request = build("template", event, recipient("{{ event.data.job.description }}"), NOW)
    assert request.body == b"{{ receiver }}{% for %}"


GOOD = (
    EXAMPLE,
    "",
    "plain",
    "{{ event|tojson(indent=2) }}",
    "{{ '%.1f of %s'|format(0.25, receiver) }} {{ '%d' % 3 }}",
    "{{ message.facts|map(attribute='label')|join(', ') }}",
    "{{ message.facts|join(', ', attribute='label') }}",
    "{{ 1 ~ '-' ~ 2 ~ receiver }} {{ 'a-b'|replace('-', '+') }} {{ 6 * 7 }} {{ 'ab' * 3 }}",
    "{% for i in range(3) %}{{ loop.index }}{% endfor %}",
    "{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(receiver) }}",
    "{% set n = namespace(x=0) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}",
    "{{ event.data.job.status if event.data.job is defined else 'no job' }}",
    "{{ 'nothing' if false }}",
    "{{ event.type.split('.')|first|upper }} {{ event.nope|default('none') }}",
)


@pytest.mark.parametrize("template", GOOD)
def test_a_template_that_renders_every_kind_of_event_passes(template: str) -> None:
    assert check_template(template) is None


DOUBLING = "{% set n = namespace(x='0123456789abcdef') %}{% for i in range(60) %}{% set n.x STEP %}{% endfor %}"
BAD = (
    ("{{ nope }}", "'nope' is undefined"),
    ("{{ event.nope }}", "has no attribute 'nope'"),
    ("{{ event.data.job.id }}", "has no attribute 'job'"),
    ("{{ nope|tojson }}", "'nope' is undefined"),
    ("one\n{% if %}", "line 2: "),
    ("one\ntwo {{ 1 / 0 }}", "line 2: division by zero"),
    ("{{ 1|nope }}", "No filter named 'nope'"),
    ("{% include 'x' %}", "loader"),
    ("{{ ''.__class__ }}", "unsafe"),
    ("{{ ''|attr('__class__') }}", "unsafe"),
    ("{{ event.__class__.__mro__ }}", "unsafe"),
    ("{{ self.__dict__ }}", "unsafe"),
    ("{{ range.__self__ }}", "unsafe"),
    ("{{ event.update({}) }}", "unsafe"),
    ("{{ [1].append(2) }}", "unsafe"),
    ("{{ '{0.__class__}'.format(1) }}", "unsafe"),
    ("{{ 'a'.ljust(99999999) }}", "unsafe"),
    ("{{ lipsum() }}", "'lipsum' is undefined"),
    ("{{ [1, 2]|random }}", "No filter named 'random'"),
    ("{{ range|tojson }}", "tojson takes"),
    ("{% for i in range(10 ** 9) %}x{% endfor %}", "range"),
    ("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", "range"),
    ("{% for i in range(9999) %}0123456789{% endfor %}", "output"),
    ("{{ 'a' * 200000000 }}", "over"),
    ("{{ 200000000 * 'a' }}", "over"),
    ("{{ 'a' * 2e8 }}", "float"),
    ("{{ [1] * 10 ** 9 }}", "over"),
    ("{{ 2 ** 99999999 }}", "number"),
    ("{{ '%99999999d' % 1 }}", "999"),
    ("{{ '%*d'|format(99999999, 1) }}", "999"),
    ("{{ '%(a)99999999d'|format(a=1) }}", ""),
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "without end"),
    (
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
        "too much",
    ),
    (DOUBLING.replace("STEP", "= n.x + n.x"), "over"),
    (DOUBLING.replace("STEP", "= n.x ~ n.x"), "over"),
    (DOUBLING.replace("STEP", "= [n.x, n.x]|join"), "over"),
    (DOUBLING.replace("STEP", "= n.x|replace('0', '0000')"), "over"),
    ("{{ " + "(" * 3000 + ")" * 3000 + " }}", "without end"),
    ("x" * (OUTPUT_LIMIT + 1), "65536"),
)


@pytest.mark.parametrize(("template", "words"), BAD, ids=range(len(BAD)))
def test_a_template_that_fails_is_refused_with_words(template: str, words: str) -> None:
    problem = check_template(template)
    assert problem is not None
    assert words in problem
    assert "\n" not in problem
    assert "tried with" in problem
    assert len(problem) < 300


def test_a_template_for_jobs_alone_is_told_how_to_spare_the_other_events() -> None:
    problem = check_template("{{ event.data.job.id }}")
    assert problem is not None
    assert problem.endswith("not every event has it: {% if … is defined %}")
    guarded = "{% if event.data.job is defined %}{{ event.data.job.id }}{% endif %}"
    assert check_template(guarded) is None


def test_what_fails_when_it_is_sent_says_where_and_nothing_of_python() -> None:
    with pytest.raises(RenderError, match=r"line 2: 'nope' is undefined") as caught:
        sent("one\n{{ nope }}")
    assert caught.value.__cause__ is None


def test_the_largest_output_is_sent_and_one_byte_more_is_not() -> None:
    text = "é" * (OUTPUT_LIMIT // 2 - 1)
    assert len(sent(text + "ab").body) == OUTPUT_LIMIT == LIMITS.max_bytes
    with pytest.raises(RenderError):
        sent(text + "a{{ 'bc' }}")


def test_one_rendering_takes_nothing_from_the_budget_of_the_next() -> None:
    template = "{% for i in range(6000) %}x{% endfor %}"
    assert sent(template) == sent(template)


def test_renderings_do_not_touch_the_event() -> None:
    to = recipient("{% set event = 1 %}{{ event }}")
    first = build("template", told("job.failed"), to, NOW)
    assert first.body == b"1"
    assert build("template", told("job.failed"), replace(to, template="{{ event.type }}"), NOW).body
