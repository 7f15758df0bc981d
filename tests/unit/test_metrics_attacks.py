"""What an attack on the metrics found: series that a mended store left old."""

from dataclasses import dataclass, field
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
from tests.scrapes import metrics, sample
from tests.unit.test_metrics_single_jobs import settings


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
