"""What the page on permissions tells people to allow is what jobwatch asks for, and no more."""

import json

import pytest

from jobwatch.providers import cas, cos_batch
from tests.documents.shown import fenced, read

PAGE = read("docs/permissions.md")
POLICIES = [json.loads(text) for text in fenced(PAGE, "json")]
ABOUT_JOBS, TRUST = POLICIES[:2], POLICIES[2:]


@pytest.mark.parametrize(
    ("policy", "service", "calls"),
    [(ABOUT_JOBS[0], "cos", cos_batch.CALLS), (ABOUT_JOBS[1], "cas", cas.CALLS)],
    ids=["cos-batch", "cas"],
)
def test_a_policy_allows_the_calls_that_are_made_and_no_other(
    policy: dict[str, object], service: str, calls: tuple[str, ...]
) -> None:
    assert policy == {
        "version": "2.0",
        "statement": [
            {
                "effect": "allow",
                "action": [f"name/{service}:{call}" for call in calls],
                "resource": ["*"],
            }
        ],
    }


def test_a_role_is_trusted_to_be_taken_and_not_to_do_anything() -> None:
    assert len(TRUST) == 2
    for policy in TRUST:
        [statement] = policy["statement"]
        assert statement["action"].startswith("name/sts:AssumeRole")
        assert set(statement) <= {"effect", "action", "principal", "condition"}
