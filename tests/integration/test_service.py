"""What a service manager hears, on a real datagram socket."""

import hashlib
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.app.service import LONGEST_STATUS, Service, watchdog
from tests.service_manager import Manager


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    # The kernel allows 108 bytes, which a test's own folder may exceed; an abstract name is bound to no file.
    name = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]
    with tempfile.TemporaryDirectory() as folder:
        made = Manager(f"@{name}" if request.param == "abstract" else f"{folder}/{name}")
        yield made
        made.close()


@pytest.fixture
def service(manager: Manager) -> Service:
    return Service.from_environ(dict(manager.environ), 1)


def test_a_life_is_told_in_the_words_of_the_protocol(manager: Manager, service: Service) -> None:
    service.starting("the store is being opened", timedelta(seconds=90))
    service.ready("watching 3 sources")
    service.alive()
    service.reloading(123_456)
    service.ready("watching 4 sources")
    service.stopping()
    assert manager.heard() == [
        "EXTEND_TIMEOUT_USEC=90000000\nSTATUS=the store is being opened",
        "READY=1\nSTATUS=watching 3 sources",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=123456",
        "READY=1\nSTATUS=watching 4 sources",
        "STOPPING=1\nSTATUS=stopping",
    ]


async def test_the_watchdog_is_fed_only_while_no_loop_hangs(
    manager: Manager, service: Service
) -> None:
    hanging: list[str] = []
    step = watchdog(service, lambda: hanging, lambda: "watching 3 sources")
    await step()
    assert manager.heard() == ["WATCHDOG=1", "STATUS=watching 3 sources"]
    hanging.append("poller:prod")
    await step()
    assert manager.heard() == ["STATUS=loop poller:prod is stalled"]
    hanging.extend(["prune", "refresh", "lag"])
    await step()
    assert manager.heard() == ["STATUS=loops poller:prod, prune, refresh and 1 more are stalled"]
    hanging.clear()
    await step()
    assert manager.heard() == ["WATCHDOG=1", "STATUS=watching 3 sources"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("held by x\nREADY=1", "held by x READY=1"),
        ("a\r\x00\x1b[31m\u2028b", "a   [31m b"),
        ("lone \udcff end", "lone   end"),
        ("名" * 2000, "名" * LONGEST_STATUS),
        ("", ""),
    ],
)
def test_a_status_stays_one_line_that_fits(
    manager: Manager, service: Service, text: str, told: str
) -> None:
    service.status(text)
    assert manager.heard() == [f"STATUS={told}"]


def test_a_full_queue_delays_what_has_to_be_known_and_nothing_blocks(
    manager: Manager, service: Service
) -> None:
    for _ in range(10_000):
        service.alive()
    service.reloading(1)
    service.ready("watching 3 sources")
    full = manager.heard()
    assert 0 < len(full) < 10_000
    assert set(full) == {"WATCHDOG=1"}
    service.alive()
    assert manager.heard() == ["READY=1\nSTATUS=watching 3 sources", "WATCHDOG=1"]
    service.alive()
    assert manager.heard() == ["WATCHDOG=1"]


def test_a_manager_that_is_gone_troubles_nobody(manager: Manager, service: Service) -> None:
    manager.close()
    service.ready("watching 3 sources")
    service.alive()
    service.stopping()


@pytest.mark.parametrize(
    "address", ["/nowhere/notify", "/" + "x" * 300, "@" + "x" * 300, "/\udcff"]
)
def test_an_address_where_nobody_can_be_troubles_nobody(address: str) -> None:
    service = Service.from_environ({"NOTIFY_SOCKET": address}, 1)
    service.ready("watching 3 sources")
    service.alive()
