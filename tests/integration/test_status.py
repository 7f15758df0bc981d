"""The status page as the reader puts it together from one glance at the store."""

from jobwatch.core.overview import SourceState
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.store.glance_values import Glance
from jobwatch.web.pages.frame import Frame
from jobwatch.web.pages.status import source_views
from jobwatch.web.pages.status_page import Status, render
from tests.factories import MINUTE, NOW
from tests.html_page import HtmlPage
from tests.overviews import last_error, overview, shape, state


def page_of(known: tuple[SourceState, ...], *sources: SourceShape, **more: object) -> str:
    """The page of these sources."""
    found = Glance(now=NOW, sources=known, **more)  # type: ignore[arg-type]
    frame = Frame(instance="jobwatch", version="0.1.0", now=NOW)
    views = source_views(sources, found)
    return render(Status(frame=frame, glance=found, sources=views, receivers=()))


def test_a_source_is_called_unreachable_by_its_own_rule() -> None:
    known = (state(failures=2, failing_since=NOW - 5 * MINUTE, last_error=last_error()),)
    assert ">unreachable<" in page_of(known, shape(unreachable_after=5 * MINUTE))
    for patience in (6 * MINUTE, None):
        html = page_of(known, shape(unreachable_after=patience))
        assert ">cannot be read<" in html
        assert "unreachable" not in html


def test_the_page_and_the_metric_agree_on_which_sources_are_up() -> None:
    fresh, late = shape(), shape("late")
    known = (
        state(),
        state("late", unfinished_data_at=NOW - 10 * MINUTE, watched_until=NOW - 10 * MINUTE),
    )
    html = page_of(
        known,
        fresh,
        late,
        shape("new"),
        troubled_of={("late", "waiting"): 1, ("late", "stalled"): 3},
    )
    words = [part.partition("<")[0] for part in html.split('</h3><span class="tag ')[1:4]]
    assert sorted(words) == ['bad">overdue', 'good">up to date', 'idle">not tried yet']
    assert "overdue" in HtmlPage(html).text
    assert "jobs in trouble: 3 stalled, 1 waiting" in html
    metrics = Metrics((fresh, late), (), monotonic=lambda: 0.0)
    metrics.show(overview(sources=known))
    scrape = metrics.render("", "").body.decode()
    assert 'jobwatch_source_up{source="prod"} 1.0' in scrape
    assert 'jobwatch_source_up{source="late"} 0.0' in scrape
