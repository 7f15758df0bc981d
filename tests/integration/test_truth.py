"""Random lives, faults, restarts and clock steps: what is told is what happened, each ending once, and nothing else.

`python -m tests.truth --lives 100000` is the same with as many lives as one has patience for.
"""

import sqlite3
from pathlib import Path

import pytest

from tests.truth.judge import Kind, Verdict, judge_world, played, verdict_on

LIVES = 250
WORLDS: tuple[tuple[Kind, int], ...] = (
    ("cos", 2),
    ("cos", 10),
    ("cos", 16),
    ("cas", 402),
    ("cas", 408),
    ("cas", 468),
)


def found(verdict: Verdict, lives: int = LIVES) -> str:
    again = f"python -m tests.truth --only {verdict.seed} --kind {verdict.kind} --world {lives}"
    return "\n".join([*verdict.faults[:20], f"again: {again}"])


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "seed"), WORLDS)
def test_whatever_goes_wrong_each_ending_is_told_once_and_nothing_that_is_not_true(
    kind: Kind, seed: int, tmp_path: Path
) -> None:
    verdict = judge_world(seed, LIVES, tmp_path, kind=kind)
    assert not verdict.faults, found(verdict)
    # The truth must not hide behind what may be told or not.
    assert verdict.certain > 0.9 * verdict.lives


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "seed"), [("cos", 7), ("cas", 7)])
def test_the_same_holds_over_sockets(kind: Kind, seed: int, tmp_path: Path) -> None:
    verdict = judge_world(seed, 50, tmp_path, kind=kind, sockets=True)
    assert not verdict.faults, found(verdict, 50)


TAMPERED = {
    "an ending is not told": "DELETE FROM events WHERE position = ({last})",
    "an ending is told twice": (
        "INSERT INTO events SELECT position + 100000, id || '-', source_id, sequence + 100000, type,"
        " severity, scope, job_id, ending, recorded_at, observed_at, late, detail_until,"
        " released_at, condition_id, body, routes, sweep FROM events WHERE position = ({last})"
    ),
    "another ending is told": ("UPDATE events SET type = 'job.vanished' WHERE position = ({last})"),
    "a delivery is missing": "DELETE FROM deliveries WHERE event_id = (SELECT max(event_id)"
    " FROM deliveries JOIN events ON events.id = event_id WHERE condition_id IS NULL)",
    "a counter is off": (
        "UPDATE series SET value = value + 1 WHERE name = 'jobwatch_jobs_finished_total'"
    ),
    "a snapshot is wrong": "UPDATE jobs SET status = 'Active', outcome = NULL",
    "a condition stays open": (
        "DELETE FROM events WHERE json_extract(body, '$.data.condition.state') = 'closed'"
    ),
}
TAMPERED_VAULTS = {
    name: TAMPERED[name] for name in ("an ending is not told", "another ending is told")
} | {
    "a job is told of another vault": (
        "UPDATE events SET scope = 'data-elsewhere' WHERE position = ({last})"
    ),
    "an expiry is not told": (
        "DELETE FROM events WHERE position ="
        " (SELECT max(position) FROM events WHERE type = 'job.output_expiring')"
    ),
    "an expiry is told of what gave nothing": (
        "UPDATE events SET type = 'job.output_expiring' WHERE position ="
        " (SELECT max(position) FROM events WHERE type = 'job.failed')"
    ),
}
LAST = "SELECT max(position) FROM events WHERE type = 'job.succeeded'"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kind", "seed", "lives", "tampered"),
    [("cos", 8, 90, TAMPERED), ("cas", 402, 50, TAMPERED_VAULTS)],
)
async def test_a_store_that_is_tampered_with_does_not_pass_for_the_truth(
    kind: Kind, seed: int, lives: int, tampered: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "jobwatch.db"
    world = await played(seed, lives, path, kind=kind)
    assert verdict_on(path, *world).faults == []
    whole = path.read_bytes()
    for what, sql in tampered.items():
        path.write_bytes(whole)
        with sqlite3.connect(path) as database:
            database.execute(sql.format(last=LAST))
        database.close()
        assert verdict_on(path, *world).faults, what
