from pathlib import Path

import pytest

from jobwatch.core.events import UNASKED, EventType
from jobwatch.settings import NOT_YET
from jobwatch.settings.not_yet import Row
from tests.unit.settings_cases import RECEIVER, SOURCE, problems, read

OPS = SOURCE + RECEIVER
CONTRACT_TYPES = [
    *("job.succeeded", "job.completed_with_failures", "job.failed", "job.cancelled"),
    *("job.vanished", "job.discovered", "job.status_changed", "job.stalled", "job.stuck"),
    *("job.waiting", "job.overdue", "job.failing", "job.output_expiring", "source.unreachable"),
    *("source.suspect", "source.baselined", "receiver.paused"),
]

# pattern of the table → the same text with another value, and the key that is refused
CHANGED = {
    "store.kind": (SOURCE + "store: {kind: postgres, dsn: 'postgresql://x'}", "store.kind"),
}


@pytest.mark.parametrize("row", NOT_YET, ids=lambda row: row.pattern)
def test_a_key_that_is_not_yet_active_is_refused_at_any_other_value(
    tmp_path: Path, row: Row
) -> None:
    text, key = CHANGED[row.pattern]
    (told,) = problems(tmp_path, text)
    assert told.startswith(f"{key} (jobwatch.yaml:")
    assert f"not yet active in this version ({row.reason})" in told


def test_every_case_belongs_to_the_table() -> None:
    assert set(CHANGED) == {row.pattern for row in NOT_YET}


def test_a_default_that_is_written_down_is_accepted_and_listed(tmp_path: Path) -> None:
    text = OPS + "store: {kind: sqlite}\n"
    loaded = read(tmp_path, text)
    written = [key for row in loaded.not_yet_active for key in row.written]
    assert written == ["store.kind"]
    assert [row.pattern for row in NOT_YET] == [row.pattern for row in loaded.not_yet_active]


@pytest.mark.parametrize("place", ["environment", "profile", "tke-oidc", "cvm-role"])
def test_keys_from_every_place_are_active_already(tmp_path: Path, place: str) -> None:
    loaded = read(tmp_path, SOURCE.replace("uin:", f"credentials: {{use: {place}}}, uin:"))
    assert not [row for row in loaded.not_yet_active if row.written]


def test_every_promised_type_is_told_and_may_be_wanted(tmp_path: Path) -> None:
    words = ", ".join(CONTRACT_TYPES)
    loaded = read(tmp_path, OPS + f"    wants: {{types: [{words}]}}")
    assert loaded.settings.receivers["ops"].wants.types == tuple(CONTRACT_TYPES)
    assert {each.value for each in EventType if each not in UNASKED} == set(CONTRACT_TYPES)
    assert not [row for row in loaded.not_yet_active if row.written]
