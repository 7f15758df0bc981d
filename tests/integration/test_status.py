"""The status page as the reader puts it together from one overview."""

from collections.abc import Sequence

from jobwatch.core.overview import ConditionCount, Overview
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.store.values import JobRow
from jobwatch.web import Configured
from jobwatch.web.status_page import render
from tests.factories import MINUTE, NOW
from tests.overviews import last_error, overview, shape, state
from tests.web_rig import bare_reader


async def page_of(known: Overview, *sources: SourceShape) -> str:
    """The page of these sources."""

    async def read() -> Overview:
        return known

    async def jobs(_limit: int) -> Sequence[JobRow]:
        return []

    configured = Configured(instance="jobwatch", sources=sources)
    reader = bare_reader(
        configured=lambda: configured, overview=read, unfinished=jobs, endings=jobs
    )
    return render(await reader.read())


async def test_a_source_is_called_unreachable_by_its_own_rule() -> None:
    known = state(failures=2, failing_since=NOW - 5 * MINUTE, last_error=last_error())
    failing = overview(sources=(known,))
    assert ">unreachable<" in await page_of(failing, shape(unreachable_after=5 * MINUTE))
    for patience in (6 * MINUTE, None):
        html = await page_of(failing, shape(unreachable_after=patience))
        assert ">cannot be read<" in html
        assert "unreachable" not in html


async def test_the_page_and_the_metric_agree_on_which_sources_are_up() -> None:
    fresh, late = shape(), shape("late")
    known = overview(
        sources=(
            state(),
            state("late", unfinished_data_at=NOW - 10 * MINUTE, watched_until=NOW - 10 * MINUTE),
        ),
        conditions=(
            ConditionCount("late", "Copy", "waiting", 1),
            ConditionCount("late", "Copy", "stalled", 1),
            ConditionCount("late", "Restore", "stalled", 2),
        ),
    )
    html = await page_of(known, fresh, late, shape("new"))
    words = [part.partition("<")[0] for part in html.split('<span class="tag ')[1:4]]
    assert words == ['good">up to date', 'bad">overdue', 'idle">not tried yet']
    assert "data 10 min old, read every 30 s: overdue" in html
    assert "jobs in trouble: 3 stalled, 1 waiting" in html
    metrics = Metrics((fresh, late), (), monotonic=lambda: 0.0)
    metrics.show(known)
    scrape = metrics.render("", "").body.decode()
    assert 'jobwatch_source_up{source="prod"} 1.0' in scrape
    assert 'jobwatch_source_up{source="late"} 0.0' in scrape
