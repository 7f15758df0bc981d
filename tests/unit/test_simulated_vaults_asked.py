"""Who asks the simulated CAS and for what; and the lives of the jobs that it shows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from jobwatch.core.codec import Credentials, Signing
from jobwatch.core.http import HttpRequest
from jobwatch.providers.signing import Canon, sign
from jobwatch.simulator import faults as f
from jobwatch.simulator.admission import Account, admit_as_cas
from jobwatch.simulator.answers import Question, Refusal
from jobwatch.simulator.fault_spec import parse_faults
from jobwatch.simulator.script import ends_at, state_at
from jobwatch.simulator.simulation import DEMO_CREDENTIALS
from jobwatch.simulator.vault_job import ACTIONS, VAULT_STATUSES
from jobwatch.simulator.vault_lives import VAULT_KINDS, vault_script
from jobwatch.simulator.vaults import VaultWorld

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOST = "https://cas.ap-chengdu.myqcloud.com"


def ask(target: str, **headers: str) -> Question:
    parts = urlsplit(target)
    return Question(
        method="GET",
        url=HOST + target,
        path=unquote(parts.path),
        query=parse_qs(parts.query, keep_blank_values=True),
        headers=headers,
    )


# ── which call a path is ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("target", "call", "vault", "job_id", "token", "status"),
    [
        ("/jobs", "list", None, "jobs", None, None),
        ("/jobs?nextToken=t&jobStatuses=New", "list", None, "jobs", "t", "New"),
        ("/jobs/-/vaults", "describe", None, "vaults", None, None),
        ("/-/vaults", "vaults", None, "", None, None),
        ("/12/vaults?marker=m", "vaults", None, "", "m", None),
        ("/-/vaults/a%2Fb/jobs?statuscode=Failed&marker=", "list", "a/b", "", None, "Failed"),
        ("/-/vaults/jobs/jobs/-x%2F%20y", "describe", "jobs", "-x/ y", None, None),
        ("/-/vaults/a", "describe", None, "", None, None),
        ("/12/else", "describe", None, "", None, None),
    ],
)  # fmt: skip
def test_questions_know_their_call(
    target: str, call: str, vault: str | None, job_id: str, token: str | None, status: str | None
) -> None:
    asked = ask(target)
    assert (asked.call, asked.lists, asked.vault) == (call, call == "list", vault)
    assert (asked.job_id, asked.token, asked.status) == (job_id, token, status)


def test_a_rule_can_be_for_one_vault_or_for_the_list_of_vaults() -> None:
    faults = f.Faults()
    faults.add(f.DENIED, f.When(call="list", vault="b"))
    faults.add(f.EMPTY, f.When(call="vaults", has_token=True))
    targets = ("/-/vaults/a/jobs", "/-/vaults/b/jobs", "/-/vaults/b/jobs/x", "/-/vaults", "/jobs")
    found = [faults.decide(ask(target), T0)[1] for target in (*targets, "/-/vaults?marker=m")]
    assert found == [None, f.DENIED, None, None, None, f.EMPTY]


def test_the_text_of_faults_can_name_the_list_of_vaults() -> None:
    faults = parse_faults("denied/vaults, html200/list")
    found = [
        faults.decide(ask(target), T0)[1] for target in ("/-/vaults", "/-/vaults/a/jobs", "/jobs")
    ]
    assert found == [f.DENIED, f.HTML_200, f.HTML_200]


# ── who may ask ──────────────────────────────────────────────────────────────────────

TEMPORARY = Credentials(secret_id="tmp", secret_key="key", token="t+/=~")
OLD = replace(TEMPORARY, secret_id="old", expires_at=T0 - HOUR)
ACCOUNT = Account(keys=(DEMO_CREDENTIALS, TEMPORARY, OLD))


def admitted(keys: Credentials, uid: str = "-", canon: Canon = Canon.LOWERCASE) -> str | None:
    target = f"/{uid}/vaults/v/jobs?statuscode=InProgress&marker="
    request = HttpRequest(method="GET", url=HOST + target, headers={})
    signed = sign(request, Signing(credentials=keys, now=T0), canon=canon).headers
    return refused(ask(target, **{name.lower(): value for name, value in signed.items()}))


def refused(question: Question) -> str | None:
    try:
        admit_as_cas(question, ACCOUNT, T0)
    except Refusal as refusal:
        return refusal.code
    return None


def test_signatures_are_those_of_cas_and_the_account_is_its_own() -> None:
    assert admitted(DEMO_CREDENTIALS) is None
    assert admitted(DEMO_CREDENTIALS, ACCOUNT.appid) is None
    assert admitted(TEMPORARY) is None
    assert admitted(DEMO_CREDENTIALS, canon=Canon.AS_SENT) == "InvalidSignatureException"
    assert admitted(DEMO_CREDENTIALS, "1250000001") == "AccessDeniedException"
    assert admitted(replace(TEMPORARY, token=None)) == "UnrecognizedClientException"
    assert admitted(replace(DEMO_CREDENTIALS, secret_key="no")) == "InvalidSignatureException"
    assert admitted(OLD) == "ExpiredTokenException"
    assert refused(ask("/-/vaults")) == "MissingAuthenticationTokenException"
    assert refused(ask("/-/vaults", authorization="Basic x")) == "InvalidSignatureException"


# ── the lives ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", VAULT_KINDS)
def test_lives_of_vault_jobs_run_and_end_with_the_words_of_cas(kind: str) -> None:
    for seed in range(20):
        script = vault_script(kind, Random(seed), T0)
        end = ends_at(script)
        assert end is not None
        assert len(script.id) == 64
        assert script.operation in ACTIONS
        words = [state_at(script, look) for look in (T0, end)]
        assert [each.status for each in words if each] == [
            "InProgress",
            "Failed" if kind == "fails" else "Succeeded",
        ]


def test_a_generated_account_has_vaults_with_all_actions_statuses_and_odd_ids() -> None:
    vaults = VaultWorld.generate(start=T0, seed=3, jobs=40)
    states = [state for name in vaults.names for state in vaults[name].jobs_at(T0)]
    assert len(states) == 40
    assert {state.script.operation for state in states} == set(ACTIONS)
    assert {state.status for state in states} == set(VAULT_STATUSES)
    assert {state.id[0] for state in states} >= {"-", "_"}
    later = [len(vaults[name].jobs_at(T0 + 5 * HOUR)) for name in vaults.names]
    assert sum(later) > 60
    again = VaultWorld.generate(start=T0, seed=3, jobs=40)
    assert [again[name].jobs_at(T0) for name in again.names] == [
        vaults[name].jobs_at(T0) for name in vaults.names
    ]
    assert vaults["backup"].jobs_at(T0) != vaults["ledgers"].jobs_at(T0)
