"""The simulated cloud without a socket: what it answers, and the text of `--faults`."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from jobwatch.core.codec import Credentials, Signing
from jobwatch.core.http import HttpRequest
from jobwatch.providers.signing import sign
from jobwatch.simulator import faults as f
from jobwatch.simulator.admission import Account, admit
from jobwatch.simulator.answers import Question, Refusal, respond
from jobwatch.simulator.fault_spec import NAMES, BadSpecError, parse_faults
from jobwatch.simulator.markup import Writer
from jobwatch.simulator.quirks import PLAIN, EmptyListing, LastToken, Quirks
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import DEMO_CREDENTIALS
from jobwatch.simulator.world import World

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def job(job_id: str = "a", **changes: Any) -> JobScript:
    return JobScript(**{"id": job_id, "created_at": T0, **changes})


# ── the answers ──────────────────────────────────────────────────────────────────────


def ask(path: str = "/jobs", **query: str | list[str]) -> Question:
    values = {name: [v] if isinstance(v, str) else v for name, v in query.items()}
    return Question(method="GET", url="http://127.0.0.1" + path, path=path, query=values)


def told(question: Question, world: World, quirks: Quirks = PLAIN) -> ET.Element:
    return ET.fromstring(respond(question, world, Writer(quirks), T0).body)


def test_listing_reads_as_the_documented_sample() -> None:
    created = datetime(2019, 12, 19, 11, 5, 40, tzinfo=UTC)
    steps = (Step("Active", 16 * SECOND, done=1.0), Step("Complete"))
    script = job("021140d8-67ca-4e89-8089-0de9a1e40943", created_at=created, steps=steps)
    world = World([script])
    world.freeze(created + timedelta(minutes=1))
    assert respond(ask(), world, Writer(PLAIN), T0).body == (
        b"<ListJobsResult><Jobs><member><CreationTime>2019-12-19T11:05:40Z</CreationTime>"
        b"<Description>example-job</Description>"
        b"<JobId>021140d8-67ca-4e89-8089-0de9a1e40943</JobId>"
        b"<Operation>COSPutObjectCopy</Operation><Priority>10</Priority><ProgressSummary>"
        b"<NumberOfTasksFailed>0</NumberOfTasksFailed>"
        b"<NumberOfTasksSucceeded>10</NumberOfTasksSucceeded>"
        b"<TotalNumberOfTasks>10</TotalNumberOfTasks></ProgressSummary><Status>Complete</Status>"
        b"<TerminationDate>2019-12-19T11:05:56Z</TerminationDate></member></Jobs></ListJobsResult>"
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"jobStatuses": "Done"}, "Parameter jobStatuses is invalid"),
        ({"jobStatuses": "active"}, "Parameter jobStatuses is invalid"),
        ({"jobStatuses": "Active,Ready"}, "Parameter jobStatuses is invalid"),
        ({"jobStatuses": ["Active", "Ready"]}, "Parameter jobStatuses is invalid"),
        ({"maxResults": "ten"}, "The maxResults parameter must be an integer"),
        ({"maxResults": "-1"}, "The maxResults parameter must be an integer"),
        ({"maxResults": "0"}, "The maxResults parameter must be between 1 and 1000"),
        ({"maxResults": "1001"}, "The maxResults parameter must be between 1 and 1000"),
        ({"nextToken": "nobody"}, "The nextToken parameter is invalid"),
        ({"nextToken": ""}, "The nextToken parameter is invalid"),
        ({"nextToken": "x" * 65}, "The nextToken parameter is invalid"),
    ],
)
def test_bad_parameters_are_invalid_arguments(query: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal) as caught:
        told(ask(**query), World([job()]))
    assert (caught.value.status, caught.value.code) == (400, "InvalidArgument")
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("choice", "first", "last"),
    [
        (LastToken.ABSENT, "b", None),
        (LastToken.EMPTY, "b", ""),
        (LastToken.ECHO, "b", "c"),
    ],
)
def test_the_last_page_ends_as_chosen(choice: LastToken, first: str, last: str | None) -> None:
    world, quirks = World([job("a"), job("b"), job("c")]), Quirks(last_token=choice)
    assert told(ask(maxResults="2"), world, quirks).findtext("{*}NextToken") == first
    page = told(ask(maxResults="2", nextToken="b"), world, quirks)
    assert page.findtext("{*}NextToken") == last
    beyond = told(ask(nextToken="c"), world, quirks)
    assert beyond.find(".//{*}member") is None
    assert beyond.findtext("{*}NextToken") == last


def test_quirks_chosen_are_quirks_shown_and_a_mix_has_both() -> None:
    world = World([job(str(number)) for number in range(40)])
    for option, mark in (
        ("spaces", "<JobId> "),
        ("auto_manifest", "<AutoManifestStatus>"),
        ("empty_termination", "<TerminationDate></TerminationDate>"),
    ):
        shown = []
        for choice in (True, False, None):
            options: dict[str, Any] = {option: choice}
            quirks = Quirks(**options)
            shown.append(respond(ask(), world, Writer(quirks), T0).body.count(mark.encode()))
        assert shown[:2] == [40, 0], option
        assert 5 < shown[2] < 35, option
    bodies = {kind: told(ask(), World(), Quirks(empty_listing=kind)) for kind in EmptyListing}
    assert bodies[EmptyListing.ABSENT].find("{*}Jobs") is None
    assert bodies[EmptyListing.PAIR].find("{*}Jobs") is not None


# ── who may ask ──────────────────────────────────────────────────────────────────────


TEMPORARY = Credentials(secret_id="tmp", secret_key="key", token="t+/=~")
ACCOUNT = Account(keys=(DEMO_CREDENTIALS, TEMPORARY))
CONTROL = "https://100000000001.cos-control.ap-chengdu.myqcloud.com"


def admitted(keys: Credentials, url: str = CONTROL, **headers: str) -> str | None:
    named = {"x-cos-appid": ACCOUNT.appid, **headers}
    request = HttpRequest(method="GET", url=url + "/jobs", headers=named)
    signed = sign(request, Signing(credentials=keys, now=T0)).headers
    lower = {name.lower(): value for name, value in signed.items()}
    question = Question(method="GET", url=request.url, path="/jobs", headers=lower)
    try:
        admit(question, ACCOUNT, PLAIN, T0)
    except Refusal as refusal:
        return refusal.code
    return None


def test_temporary_keys_need_their_token() -> None:
    assert admitted(DEMO_CREDENTIALS) is None
    assert admitted(TEMPORARY) is None
    assert admitted(replace(TEMPORARY, token=None)) == "InvalidAccessKeyId"
    assert admitted(replace(TEMPORARY, token="other")) == "InvalidAccessKeyId"


def test_the_account_of_host_and_appid_has_to_be_right() -> None:
    assert admitted(DEMO_CREDENTIALS, CONTROL.replace("01.", "02.")) == "AccessDenied"
    assert admitted(DEMO_CREDENTIALS, **{"x-cos-appid": "1250000001"}) == "AccessDenied"
    assert admitted(DEMO_CREDENTIALS, **{"x-cos-appid": ""}) == "InvalidArgument"


# ── the text of --faults ─────────────────────────────────────────────────────────────


def bends(faults: f.Faults, seconds: float, question: Question | None = None) -> f.Bend | None:
    return faults.decide(question or ask(), T0 + timedelta(seconds=seconds))[1]


def test_a_window_a_moment_and_a_beginning() -> None:
    faults = parse_faults("slowdown@10-20s,html200@30s,reset@1m-")
    found = [bends(faults, seconds) for seconds in (0, 10, 19.9, 20, 31, 32, 60, 90)]
    assert found == [
        None, f.SLOW_DOWN, f.SLOW_DOWN, None, f.HTML_200, None, f.Reset(), f.Reset(),
    ]  # fmt: skip


def test_chance_is_seeded_and_near_what_was_asked() -> None:
    runs = []
    for seed in (1, 1, 2):
        faults = parse_faults("5xx:0.2,cut=9:0.1", seed=seed)
        runs.append([bends(faults, 0) for _ in range(2000)])
    assert runs[0] == runs[1] != runs[2]
    counts = Counter(runs[0])
    assert counts[f.INTERNAL] + counts[f.UNAVAILABLE] == pytest.approx(400, abs=80)
    assert min(counts[f.INTERNAL], counts[f.UNAVAILABLE]) > 100
    assert counts[f.Cut(at=9)] == pytest.approx(160, abs=50)


def test_values_calls_and_skew() -> None:
    faults = parse_faults("delay=1.5s/describe, status=Napping/list, skew=-2m@5s-")
    before, bend = faults.decide(ask("/jobs/a"), T0)
    assert (before, bend) == ([f.Delay(by=1.5 * SECOND)], None)
    assert faults.decide(ask(), T0) == ([], f.UnknownStatus(word="Napping"))
    assert faults.skew(T0) == timedelta()
    assert faults.skew(T0 + 5 * SECOND) == timedelta(minutes=-2)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_a_fault_can_be_used_bare(name: str) -> None:
    faults = parse_faults(name)
    assert faults.decide(ask(), T0) != ([], None) or faults.skew(T0)


@pytest.mark.parametrize(
    "text",
    ["nonsense", "cut=many", "slowdown=3", "5xx:2", "delay=5", "reset@soon", "reset@9-3", "a b"],
)
def test_a_mistake_in_the_text_names_its_part(text: str) -> None:
    with pytest.raises(BadSpecError) as caught:
        parse_faults(f"reset:0.1,{text}")
    assert text in str(caught.value)


def test_conditions_of_a_rule_count_what_they_match() -> None:
    faults = f.Faults()
    faults.add(f.EMPTY, f.When(call="list", status="Active", nth=frozenset({2})))
    faults.add(f.NO_SUCH_JOB, f.When(job_id="a", times=1))
    faults.add(f.TOKEN_REJECTED, f.When(has_token=True))
    active, other = ask(jobStatuses="Active"), ask("/jobs/a")
    questions = (active, ask(), active, active, other, other, ask(nextToken="t"))
    found = [bends(faults, 0, question) for question in questions]
    assert found == [None, None, f.EMPTY, None, f.NO_SUCH_JOB, None, f.TOKEN_REJECTED]
    faults.clear()
    assert bends(faults, 0, active) is None
