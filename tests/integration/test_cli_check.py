"""`jobwatch check`: what a configuration amounts to, and who is told what."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobwatch.cli.reach import reach, silent_receivers, silent_sources
from jobwatch.core.events import ENDINGS, PROBLEMS, UNASKED, EventType, Severity, SourceEvent
from jobwatch.core.routing import Selection, Subscription, route
from tests.cli_rig import configuration, jobwatch, read
from tests.factories import NOW, origin

SOURCES = ("prod", "test")
FAILED, PARTLY = EventType.FAILED, EventType.COMPLETED_WITH_FAILURES
LOST, PAUSED = EventType.UNREACHABLE, EventType.PAUSED
OTHERS = ("other receivers",)


def wanting(**fields: Any) -> Subscription:
    return Subscription(receiver="ops", **fields)


@pytest.mark.parametrize(
    ("event_type", "subscription", "word", "conditions"),
    [
        (FAILED, wanting(), "always", ()),
        (FAILED, wanting(wants=Selection(types=PROBLEMS)), "always", ()),
        (EventType.SUCCEEDED, wanting(wants=Selection(types=PROBLEMS)), "never", ()),
        (FAILED, wanting(wants=Selection(sources=())), "never", ()),
        (FAILED, wanting(wants=Selection(sources=("dev_*",))), "never", ()),
        (FAILED, wanting(wants=Selection(sources=("p*",))), "sometimes", ("sources prod",)),
        (FAILED, wanting(wants=Selection(sources=("prod", "test"))), "always", ()),
        (
            FAILED,
            wanting(wants=Selection(operations=("Copy",), descriptions=("nightly*",))),
            "sometimes",
            ("operations Copy", "descriptions nightly*"),
        ),
        (FAILED, wanting(exceptions=Selection(types=frozenset({FAILED}))), "never", ()),
        (PARTLY, wanting(exceptions=Selection(types=frozenset({FAILED}))), "always", ()),
        (
            FAILED,
            wanting(exceptions=Selection(sources=("test",))),
            "sometimes",
            ("except sources test",),
        ),
        (
            FAILED,
            wanting(exceptions=Selection(descriptions=("*drill*",), sources=("test",))),
            "sometimes",
            ("except sources test and descriptions *drill*",),
        ),
        (FAILED, wanting(exceptions=Selection(operations=())), "always", ()),
        (FAILED, wanting(failed_tasks_at_least=5), "always", ()),
        (PARTLY, wanting(failed_tasks_at_least=5), "sometimes", ("5 failed tasks or more",)),
        (PARTLY, wanting(failed_ratio_at_least=0.25), "sometimes", ("25% failed or more",)),
        # What a source has to say is about no job: words on jobs neither hide it nor except it.
        (LOST, wanting(wants=Selection(operations=("Copy",))), "always", ()),
        (LOST, wanting(wants=Selection(operations=(), descriptions=())), "always", ()),
        (LOST, wanting(exceptions=Selection(descriptions=("drill*",))), "always", ()),
        (LOST, wanting(exceptions=Selection()), "never", ()),
        (LOST, wanting(wants=Selection(sources=("p*",))), "sometimes", ("sources prod",)),
        (LOST, wanting(wants=Selection(sources=())), "never", ()),
        (LOST, wanting(exceptions=Selection(descriptions=("**",))), "always", ()),
        (
            LOST,
            wanting(exceptions=Selection(sources=("test",))),
            "sometimes",
            ("except sources test",),
        ),
        (
            LOST,
            wanting(wants=Selection(sources=("p*",)), exceptions=Selection(sources=("prod",))),
            "never",
            (),
        ),
        # Two stars say no more than one.
        (FAILED, wanting(wants=Selection(descriptions=("**",))), "always", ()),
        (FAILED, wanting(exceptions=Selection(descriptions=("**",))), "never", ()),
        # What is told of a receiver is about no source either.
        (PAUSED, wanting(), "sometimes", OTHERS),
        (PAUSED, wanting(wants=Selection(sources=(), operations=())), "sometimes", OTHERS),
        (PAUSED, wanting(exceptions=Selection(sources=("prod",))), "sometimes", OTHERS),
        (PAUSED, wanting(wants=Selection(types=ENDINGS)), "never", ()),
        (PAUSED, wanting(exceptions=Selection(types=frozenset({PAUSED}))), "never", ()),
        (EventType.TEST, wanting(), "never", ()),
        (EventType.DIGEST, wanting(), "never", ()),
    ],
)
def test_what_a_subscription_says_of_a_type(
    event_type: EventType, subscription: Subscription, word: str, conditions: tuple[str, ...]
) -> None:
    found = reach(event_type, subscription, SOURCES)
    assert (found.word, found.conditions) == (word, conditions)


def test_a_source_is_silent_where_nobody_hears_of_it() -> None:
    only_prod = wanting(wants=Selection(sources=("prod",)))
    only_endings_of_test = wanting(wants=Selection(types=ENDINGS - {FAILED}, sources=("test",)))
    assert silent_sources(FAILED, [], SOURCES) == SOURCES
    assert silent_sources(FAILED, [only_prod, only_endings_of_test], SOURCES) == ("test",)
    assert silent_sources(FAILED, [wanting()], SOURCES) == ()


GLOBS = ("", "*", "**", "prod", "p*", "?", "Copy")


@pytest.mark.parametrize("event_type", [LOST, EventType.SUSPECT, EventType.BASELINED])
@pytest.mark.parametrize("excepting", [True, False])
def test_what_is_said_of_a_source_is_what_will_be_done(
    event_type: EventType, *, excepting: bool
) -> None:
    lost = SourceEvent(
        type=event_type, severity=Severity.CRITICAL, origin=origin(), observed_at=NOW
    )
    for globs in itertools.product(GLOBS, repeat=3):
        chosen = Selection(sources=(globs[0],), operations=(globs[1],), descriptions=(globs[2],))
        subscription = wanting(exceptions=chosen) if excepting else wanting(wants=chosen)
        (routed,) = route(lost, [subscription])
        assert reach(event_type, subscription, ("prod",)).told is routed.wanted, globs


def test_a_receiver_is_silent_where_no_other_hears_that_it_is_paused() -> None:
    ops = wanting()
    audit = Subscription(receiver="audit", wants=Selection(types=ENDINGS))
    assert silent_receivers([]) == silent_receivers([ops]) == ()
    assert silent_receivers([ops, audit]) == ("ops",)
    assert silent_receivers([audit, Subscription(receiver="b", wants=audit.wants)]) == (
        "audit",
        "b",
    )
    assert silent_receivers([ops, Subscription(receiver="dev")]) == ()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = configuration(tmp_path, hooks={"ops": "https://hooks.example.com/secret-path"})
    tree = yaml.safe_load(made.read_text())
    tree["receivers"]["ops"]["wants"] = {"types": ["problems", "job.output_expiring"]}
    made.write_text(yaml.safe_dump(tree))
    return made


def test_a_good_configuration_is_shown_without_its_secrets(file: Path) -> None:
    done = jobwatch("check", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(file) in done.stdout
    assert "first_sight: 1h" in done.stdout
    for secret in ("secret-path", "demo-not-a-real-key", "whsec_"):
        assert secret not in done.stdout


def test_the_table_says_who_is_told_what(file: Path) -> None:
    lines = jobwatch("check", "--config", file).stdout.splitlines()
    rows = {
        line.split()[0]: line.split()[1:]
        for line in lines
        if line.startswith((" job.", " source.", " receiver."))
    }
    assert rows["job.failed"] == ["✓"]
    assert rows["job.succeeded"] == ["–"]  # noqa: RUF001  a dash
    assert rows["receiver.paused"] == ["–"], "there is nobody else"  # noqa: RUF001  a dash
    assert set(rows) == {each.value for each in EventType if each not in UNASKED}


def test_the_same_comes_as_one_json_document(file: Path) -> None:
    shown = read("check", "--config", file)
    assert shown["file"] == str(file)
    assert shown["environment"] == []
    assert shown["configuration"]["receivers"]["ops"]["url"] == "***"
    assert shown["routes"]["job.failed"] == {"ops": {"told": "always", "conditions": []}}
    assert shown["routes"]["job.cancelled"]["ops"]["told"] == "never"
    assert shown["warnings"] == []


def test_what_is_not_yet_active_is_listed_and_where_it_was_written(file: Path) -> None:
    listed = {
        each["key"]: each["written"] for each in read("check", "--config", file)["not_yet_active"]
    }
    assert listed == {"store.kind": []}


def test_a_failure_or_an_unreachable_source_that_reaches_nobody_is_a_warning(
    tmp_path: Path,
) -> None:
    done = jobwatch("check", "--config", configuration(tmp_path), "--output", "json")
    assert done.returncode == 0
    first, second = json.loads(done.stdout)["warnings"]
    assert "job.failed of source prod reaches nobody" in first
    assert "source.unreachable of source prod reaches nobody" in second
    table = jobwatch("check", "--config", tmp_path / "jobwatch.yaml")
    assert f"jobwatch: warning: {first}\njobwatch: warning: {second}\n" in table.stderr


def test_a_receiver_whose_pausing_reaches_nobody_is_a_warning(tmp_path: Path) -> None:
    hooks = {"ops": "https://hooks.example.com/a", "audit": "https://hooks.example.com/b"}
    made = configuration(tmp_path, hooks=hooks)
    tree = yaml.safe_load(made.read_text())
    tree["receivers"]["audit"]["wants"] = {"types": ["endings"]}
    made.write_text(yaml.safe_dump(tree))
    shown = read("check", "--config", made)
    assert shown["warnings"] == [
        "receiver.paused of receiver ops reaches nobody: no other receiver wants it"
    ]
    told = {"told": "sometimes", "conditions": ["other receivers"]}
    assert shown["routes"]["receiver.paused"]["ops"] == told
    assert shown["routes"]["receiver.paused"]["audit"]["told"] == "never"
    assert not {"receiver.test", "digest"} & set(shown["routes"])


def test_variables_that_took_part_are_named_and_not_shown(file: Path) -> None:
    env = {
        "JOBWATCH_CONFIG": str(file),
        "JOBWATCH_RECEIVERS__OPS__URL": "https://hooks.example.com/from-the-environment",
        "JOBWATCH_PORT": "tcp://10.0.0.1:80",
    }
    done = jobwatch("check", "--output", "json", env=env)
    assert done.returncode == 0
    shown = json.loads(done.stdout)
    assert shown["environment"] == ["JOBWATCH_CONFIG", "JOBWATCH_RECEIVERS__OPS__URL"]
    assert "from-the-environment" not in done.stdout + done.stderr
    assert any("JOBWATCH_PORT" in warning for warning in shown["warnings"])
