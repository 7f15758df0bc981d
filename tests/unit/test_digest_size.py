"""A digest stays under 20 KB, whatever its members are called, and is readable before it is complete."""

import json
from typing import Any

import pytest

from jobwatch.core.digest import sample, tallied
from jobwatch.core.documents import Document, document, released
from jobwatch.core.encoding import BODY_LIMIT, encode
from jobwatch.core.events import Count, DigestEvent, EventType, Severity
from jobwatch.core.model import FailureReason
from tests.factories import NOW, detail, event, job, origin, snapshot

PUBLIC = "https://jobwatch.example.com"
TYPES = list(EventType)
KINDS = tallied(
    Count(
        source=f"source_number_{number}",
        type=TYPES[number % 15],
        severity=list(Severity)[number % 3],
        count=1_000_000 + number,
        tasks=10**12,
        tasks_failed=10**11,
    )
    for number in range(200)
)


def member(id_: str) -> Document:
    failures = [FailureReason(code="AccessDenied", message="m" * 1024)] * 3
    seen = snapshot(of=job("Failed", id=id_, description="d" * 1024, operation="o" * 64))
    told = document(event(seen, origin=origin(public_url=PUBLIC)), 7)
    why = detail(status_reason="r" * 1024, failures=tuple(failures))
    return sample(json.loads(encode(released(told, why, None))))


def digest(id_: str, counts: tuple[Count, ...] = KINDS) -> dict[str, Any]:
    told = DigestEvent(
        origin=origin(source="", public_url=PUBLIC),
        severity=Severity.CRITICAL,
        receiver="ops",
        observed_at=NOW,
        began_at=NOW,
        ended_at=NOW,
        counts=counts,
        samples=tuple(member(id_) for _ in range(10)),
    )
    body = encode(document(told, 9))
    assert len(body) <= BODY_LIMIT
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("id_", ["j" * 36, "j" * 256, "\U0001f600" * 256])
def test_ids_of_any_kind_keep_a_digest_within_the_limit(id_: str) -> None:
    data = digest(id_)["data"]
    assert len(data["counts"]) == len(KINDS)
    assert data["omitted"] == data["total"] - len(data["samples"])


def test_a_sample_is_left_out_before_all_of_them_are_cut_to_nothing() -> None:
    samples = digest("j" * 36)["data"]["samples"]
    assert 0 < len(samples) < 10
    assert {each["data"]["job"]["description"] for each in samples} == {"d" * 63 + "…"}


def test_samples_that_fit_with_shorter_texts_are_all_kept() -> None:
    data = digest("j" * 36, KINDS[:3])["data"]
    assert len(data["samples"]) == 10
