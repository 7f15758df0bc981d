"""The pages for whoever runs jobwatch say what the program says, and the numbers that it has."""

import errno
import os
import re
from collections.abc import Iterator

import pytest
import yaml

from jobwatch.app.assembling import GRACE
from jobwatch.core.errors import BrokenReason, TransportKind
from jobwatch.core.manners import FAILURES_ALLOWED, FIRST_OPENING, LONGEST_OPENING
from jobwatch.core.outbox import Result
from jobwatch.core.remembered import MARKS
from jobwatch.notifier import ANSWER_LIMIT
from jobwatch.store.place import NETWORKED
from jobwatch.store.schema import REVISIONS
from jobwatch.store.settling import ANSWER_LIMIT as ANSWER_KEPT
from jobwatch.story.words import PAUSES, RESULTS
from jobwatch.web.serving.connections import Limits
from tests.deploying.helm import check_fields
from tests.documents.code_words import can_be_said
from tests.documents.shown import ROOT, anchors, fenced, read

DOCS = ROOT / "docs"
TROUBLE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
SAYS = "it says"


def page(name: str) -> str:
    """A page in one line, as its sentences run."""
    return " ".join((DOCS / name).read_text(encoding="utf-8").split())


def cells(text: str, heading: str) -> Iterator[str]:
    """Everything in the columns of this heading, table by table."""
    column = None
    for line in text.splitlines():
        parts = [each.strip() for each in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            column = None
        elif column is None:
            column = next((at for at, each in enumerate(parts) if each.strip("| ") == heading), -1)
        elif column >= 0 and not set(line) <= set("|- :"):
            yield parts[column]


MESSAGES = sorted(
    {message for cell in cells(TROUBLE, SAYS) for message in re.findall(r"`([^`]+)`", cell)}
)
OF_THE_SYSTEM = re.compile(
    "|".join(os.strerror(each).lower() for each in (errno.EACCES, errno.ECONNREFUSED))
)
EXAMPLE = re.compile(r"(?<=source )prod|(?<=send the )operate")


def test_there_are_messages_to_look_for() -> None:
    assert len(MESSAGES) > 50


@pytest.mark.parametrize("message", MESSAGES)
def test_what_the_page_has_somebody_look_for_is_what_the_program_can_say(message: str) -> None:
    assert can_be_said(EXAMPLE.sub("…", OF_THE_SYSTEM.sub("…", message)))


def test_every_alert_is_reached_from_a_symptom() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text(encoding="utf-8"))
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    linked = set(re.findall(r"\[(Jobwatch\w+)\]\(runbooks/\1\.md\)", TROUBLE))
    about_jobs = {name for name in alerts if re.match("Jobwatch(Job|Tasks|NoSuccess)", name)}
    assert alerts - linked - about_jobs == set()
    assert linked <= alerts


def test_the_index_leads_to_every_part_and_no_other() -> None:
    index = TROUBLE.split("## Look first", 1)[0]
    linked = re.findall(r"\]\(#([a-z0-9-]+)\)", index)
    parts = {
        each.lower().replace(" ", "-") for each in re.findall(r"^## (.+)$", TROUBLE, re.MULTILINE)
    }
    assert {*linked} == parts - {"look-first"}
    assert len(linked) == len(parts) - 1


@pytest.mark.parametrize(
    "name",
    ["troubleshooting", "security", "permissions", "upgrading", "store", "assumptions", "sizing"],
)
def test_links_into_pages_find_their_heading(name: str) -> None:
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text):
        there = (DOCS / (target or f"{name}.md")).resolve().relative_to(ROOT).as_posix()
        assert anchor in anchors(there), f"{target}#{anchor}"


def test_every_class_of_error_of_a_source_is_explained() -> None:
    part = TROUBLE.split("## A source cannot be read", 1)[1].split("\n## ", 1)[0]
    classes = {each.strip("`") for each in cells(part, "class")}
    code = (ROOT / "jobwatch/poller/failing.py").read_text(encoding="utf-8")
    made = set(re.findall(r'return "([a-z]+)"', code))
    answered = {"denied", "rejected", "throttled", "server_error", "malformed"}
    assert made | answered == classes
    kinds = {each.value for each in TransportKind} - {"blocked", "too_large", "protocol"}
    assert kinds <= set(re.findall(r"[a-z]+", part))
    assert {"token_repeated", "page_cap"} <= {each.value for each in BrokenReason}


def test_every_answer_of_a_receiver_that_somebody_can_mend_is_explained() -> None:
    part = TROUBLE.split("## A receiver takes nothing", 1)[1].split("\n### ", 1)[0]
    told = dict(each.split(": ", 1) for each in re.findall(r"`([a-z_0-9]+: [^`]+)`", part))
    by_itself = {Result.OK, Result.CANCELLED, Result.RESET, Result.TOO_LARGE, Result.REJECTED}
    assert told == {each.value: RESULTS[each] for each in Result if each not in by_itself}


def test_the_runbook_of_a_paused_receiver_has_the_words_that_the_command_shows() -> None:
    text = (DOCS / "runbooks/JobwatchReceiverPaused.md").read_text(encoding="utf-8")
    steps = text.split("## What to do", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"^- `([^`]+)`", steps, re.MULTILINE) == list(PAUSES.values())


def test_a_source_that_is_mended_is_tried_again_as_soon_as_the_pages_say() -> None:
    assert LONGEST_OPENING == 120
    for name in (
        "troubleshooting",
        "runbooks/JobwatchSourceDown",
        "runbooks/JobwatchSourceNeverRead",
    ):
        assert "two minutes at most" in page(f"{name}.md")
        assert "within one `every`" in page(f"{name}.md")
    for name in ("runbooks/JobwatchCredentialsExpiring", "runbooks/JobwatchDataOld"):
        assert "ew keys are tried within one `every`" in page(f"{name}.md")


def test_the_pauses_between_failures_are_those_of_the_code() -> None:
    lengths = [min(LONGEST_OPENING, FIRST_OPENING * 2**number) for number in range(9)]
    assert (lengths[:4], max(lengths), FAILURES_ALLOWED) == ([15, 30, 60, 120], 120, 5)
    text = " ".join(page("detection.md").split())
    assert "After five failed calls in a row" in text
    assert "15 s at first, then for 30 s, 1 min and at most 2 min" in text
    assert f"a number of {(MARKS - 1).bit_length()} bits" in text


def test_the_security_model_has_the_limits_of_the_code() -> None:
    assert f"cut at {ANSWER_LIMIT // 1024} KiB, kept to {ANSWER_KEPT // 1024} KB" in page(
        "security.md"
    )
    unit = (ROOT / "deploy/systemd/README.md").read_text(encoding="utf-8")
    assert "exposure 1.2 of 10" in page("security.md")
    assert "1.2 of 10" in unit


def test_jobwatch_starts_no_program_as_the_security_model_says() -> None:
    assert "jobwatch starts no program" in page("security.md")
    starting = re.compile(r"subprocess|\bimport pty\b|\bos\.(system|popen|fork|exec\w*|spawn\w*)\(")
    code = {path: path.read_text(encoding="utf-8") for path in (ROOT / "jobwatch").rglob("*.py")}
    assert not [path for path, text in code.items() if starting.search(text)]


def test_upgrading_has_the_times_of_the_code() -> None:
    longest = GRACE.total_seconds() + Limits().grace
    assert f"Stopping takes up to {longest:.0f} seconds" in page("upgrading.md")


def test_every_schema_is_opened_by_a_test_of_upgrades() -> None:
    assert "A test opens each of them" in page("upgrading.md")
    tried = (ROOT / "tests/contract/test_store_upgrades.py").read_text(encoding="utf-8")
    assert "REVISIONS" in tried
    assert len(REVISIONS) > 1


def test_file_systems_that_are_named_are_refused() -> None:
    named = re.search(r"\| (NFS, CFS, SMB) and others", TROUBLE)
    assert named is not None
    assert {"nfs", "nfs4", "smb3", "cifs"} <= NETWORKED  # CFS is mounted as NFS


def rows(text: str) -> list[str]:
    return re.findall(r"^\| ([A-Z]?\d+) \|", text, re.MULTILINE)


def test_assumptions_are_numbered_without_a_gap() -> None:
    text = (DOCS / "assumptions.md").read_text(encoding="utf-8")
    for part in re.split(r"^## ", text, flags=re.MULTILINE):
        found = rows(part)
        letter = found[0].rstrip("0123456789")
        assert found == [f"{letter}{number}" for number in range(1, len(found) + 1)]


def test_the_scheduled_backup_in_a_cluster_is_one_that_kubernetes_takes() -> None:
    [job] = [
        yaml.safe_load(text)
        for text in fenced(read("docs/store.md"), "yml")
        if text.startswith("apiVersion: batch")
    ]
    check_fields(job, "1.33")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [volume] = [each for each in pod["volumes"] if "persistentVolumeClaim" in each][:1]
    claims = {
        yaml.safe_load(path.read_text(encoding="utf-8"))["metadata"]["name"]
        for path in (ROOT / "deploy/kubernetes").glob("persistentvolumeclaim.yaml")
    }
    assert {volume["persistentVolumeClaim"]["claimName"]} == claims
    daemon = yaml.safe_load((ROOT / "deploy/kubernetes/deployment.yaml").read_text("utf-8"))
    ours = daemon["spec"]["template"]["spec"]
    assert pod["securityContext"] == ours["securityContext"]
    assert pod["containers"][0]["securityContext"] == (ours["containers"][0]["securityContext"])
