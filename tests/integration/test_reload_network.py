"""The way to the network that changes while requests are under way."""

import asyncio
import gc
from datetime import timedelta
from pathlib import Path

from jobwatch.core.http import HttpRequest
from jobwatch.simulator.receiver import Reply, WebhookSink
from jobwatch.simulator.simulation import Server
from tests.integration.reload_parts import Bench, bench


async def send(at: Bench, url: str) -> int:
    request = HttpRequest(method="POST", url=url, body=b"{}")
    sent = at.parts.doors.out.send(request, timeout=timedelta(seconds=10), max_body=100)
    return (await sent).status


def closings() -> int:
    """How many ways that are used no more are still open."""
    return sum("object _closed" in str(each.get_coro()) for each in asyncio.all_tasks())


async def test_a_request_ends_on_the_way_that_it_began_on_and_that_is_closed_after_it(
    tmp_path: Path,
) -> None:
    free = asyncio.Event()

    async def hold(_: object) -> None:
        await free.wait()

    sink = WebhookSink(clock=lambda: at.parts.store.created_at)
    server = Server(sink.application())
    await server.start()
    try:
        async with bench(tmp_path) as at:
            url = f"{server.url}/ops"
            sink.script("/ops", Reply(hook=hold))
            under_way = asyncio.create_task(send(at, url))
            while not sink.received:
                await asyncio.sleep(0.01)
            for proxy in (True, False, True):  # replaced three times while it hangs
                at.tree["egress"] = {"allow_http": proxy}
                at.write()
                assert (await at.ask()).changed == ("egress.allow_http changed",)
                assert await send(at, url) == 204
            assert not under_way.done()
            while closings() > 1:  # those that nobody uses are closed
                await asyncio.sleep(0.01)
            assert closings() == 1
            free.set()
            assert await under_way == 204
            while closings():
                await asyncio.sleep(0.01)
            gc.collect()  # a session that was forgotten open would warn now
    finally:
        await server.stop()


async def test_what_cannot_be_closed_ends_nothing_else(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:

        async def break_off() -> None:
            raise OSError("the socket is gone")

        at.parts.in_background(break_off())
        await asyncio.sleep(0)
        assert not (await at.ask()).refused
