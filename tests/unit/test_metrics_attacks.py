"""What an attack on the metrics found: alerts that cried wolf, and series that a mended store left old."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from structlog.testing import capture_logs

from jobwatch.app.daemon import REFRESH, Refresher
from jobwatch.app.network import Doors
from jobwatch.app.parts import Parts
from jobwatch.core.errors import StoreError
from jobwatch.core.overview import Overview, SingleJobs
from jobwatch.loop import Pulse
from jobwatch.store import Store
from tests.overviews import overview
from tests.programs import program
from tests.scrapes import metrics, sample
from tests.unit.test_metrics_single_jobs import settings

CASES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules_test.yaml"


@dataclass(slots=True)
class Broken:
    """A store that cannot be read until it is mended."""

    mended: bool = False
    asked: list[SingleJobs] = field(default_factory=list)

    async def overview(self, single: SingleJobs) -> Overview:
        self.asked.append(single)
        if not self.mended:
            raise StoreError("the store failed: disk I/O error")
        return overview()


async def test_a_store_that_is_mended_is_shown_at_the_next_refresh_however_long_it_was_broken() -> (
    None
):
    store, made = Broken(), metrics()
    parts = Parts(
        settings=settings(),
        store=cast("Store", store),
        metrics=made,
        pulse=Pulse(),
        doors=cast("Doors", None),  # nothing is sent
    )
    refresher = Refresher(parts=parts)
    with capture_logs() as logs:
        for _ in range(9):
            assert await refresher.turn() == REFRESH
    assert [entry["event"] for entry in logs] == ["refresh.failed"]
    assert sample(made, "jobwatch_store_errors_total") == 9
    assert parts.pulse.failures == {"refresh": 9}
    assert sample(made, "jobwatch_store_size_bytes") is None
    store.mended = True
    assert await refresher.turn() == REFRESH
    assert sample(made, "jobwatch_store_size_bytes") == 4096


def test_the_alerts_hold_through_restarts_pauses_slow_sweeps_and_first_loads() -> None:
    tested = subprocess.run(
        [program("promtool"), "test", "rules", CASES.name],
        cwd=CASES.parent,
        capture_output=True,
        check=False,
    )
    assert tested.returncode == 0, (tested.stdout + tested.stderr).decode()
