"""What is read from the environment of a service, and the words of its status line."""

from datetime import timedelta

import pytest

from jobwatch.app.service import Service, summary, watchdog

PID = 4711
SOCKET = "/run/systemd/notify"


@pytest.mark.parametrize(
    ("environ", "address", "patience"),
    [
        ({}, None, None),
        ({"NOTIFY_SOCKET": SOCKET}, SOCKET, None),
        ({"NOTIFY_SOCKET": "@abstract"}, "@abstract", None),
        ({"NOTIFY_SOCKET": ""}, None, None),
        ({"NOTIFY_SOCKET": "/"}, None, None),
        ({"NOTIFY_SOCKET": "vsock:2:1"}, None, None),
        ({"NOTIFY_SOCKET": "relative/path", "WATCHDOG_USEC": "60000000"}, None, None),
        ({"WATCHDOG_USEC": "60000000"}, None, None),
        ({"NOTIFY_SOCKET": SOCKET, "WATCHDOG_USEC": "60000000"}, SOCKET, 60.0),
        (
            {"NOTIFY_SOCKET": SOCKET, "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "4711"},
            SOCKET,
            1.5,
        ),
        ({"NOTIFY_SOCKET": SOCKET, "WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "1"}, SOCKET, None),
        ({"NOTIFY_SOCKET": SOCKET, "WATCHDOG_USEC": "0"}, SOCKET, None),
        ({"NOTIFY_SOCKET": SOCKET, "WATCHDOG_USEC": "-5"}, SOCKET, None),
        ({"NOTIFY_SOCKET": SOCKET, "WATCHDOG_USEC": "soon"}, SOCKET, None),
        ({"NOTIFY_SOCKET": SOCKET, "WATCHDOG_USEC": "٣"}, SOCKET, None),
        ({"NOTIFY_SOCKET": SOCKET, "WATCHDOG_USEC": "18446744073709551615"}, SOCKET, None),
        ({"NOTIFY_SOCKET": SOCKET, "WATCHDOG_USEC": "9" * 5000}, SOCKET, None),
    ],
)
def test_what_the_manager_left_in_the_environment_is_read_and_taken_out(
    environ: dict[str, str], address: str | None, patience: float | None
) -> None:
    environ = {**environ, "PATH": "/usr/bin"}
    service = Service.from_environ(environ, PID)
    assert service.address == address
    assert service.managed == (address is not None)
    assert service.patience == (timedelta(seconds=patience) if patience else None)
    assert environ == {"PATH": "/usr/bin"}


def test_without_a_manager_every_call_does_nothing() -> None:
    service = Service()
    service.starting("the store is being opened", timedelta(minutes=1))
    service.ready("watching 3 sources")
    service.reloading(1)
    service.status("watching 3 sources")
    service.alive()
    service.stopping()
    assert service == Service()


@pytest.mark.parametrize(
    ("missing", "sources", "words"),
    [
        ([], 1, "watching 1 source"),
        ([], 3, "watching 3 sources"),
        (
            ["source a was not attempted yet"],
            2,
            "watching 2 sources; waiting: source a was not attempted yet",
        ),
        ([*"abc"], 9, "watching 9 sources; waiting: a, b, c"),
        ([*"abcde"], 9, "watching 9 sources; waiting: a, b, c and 2 more"),
    ],
)
def test_the_status_line_says_how_much_is_watched_and_what_is_missing(
    missing: list[str], sources: int, words: str
) -> None:
    assert summary(missing, sources) == words


@pytest.mark.parametrize(("patience", "pause"), [(60, 10), (12, 6), (1, 0.5), (None, 10)])
async def test_the_watchdog_comes_at_least_twice_within_the_managers_patience(
    patience: int | None, pause: float
) -> None:
    service = Service(patience=timedelta(seconds=patience) if patience else None)
    assert await watchdog(service, list, str)() == timedelta(seconds=pause)
