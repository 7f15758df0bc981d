"""What the log says of a receiver in trouble: a line for each turn, and none for each attempt that is made again."""

from pathlib import Path

from structlog.testing import capture_logs

from jobwatch.core.breaker import ReceiverState
from jobwatch.simulator.receiver import Reply, WebhookSink
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET
from tests.contract.watcher import Clock
from tests.daemon import free_port
from tests.factories import MINUTE
from tests.integration.delivery_rig import office, webhook
from tests.integration.test_delivery_breakers import listening, live
from tests.rig import Channel

ABOUT = ("receiver.tripped", "receiver.tried", "receiver.recovered")


async def test_the_log_says_when_a_receiver_fails_is_tried_and_is_well_again(
    tmp_path: Path,
) -> None:
    clock = Clock()
    sink = WebhookSink((DEMO_WEBHOOK_SECRET,), clock=clock)
    async with listening(sink.application()) as url, office(tmp_path / "db", clock) as one:
        recipient = webhook("ops", f"{url}/ops")
        one.open("ops", Channel(recipient=lambda: recipient))
        sink.always("/ops", Reply(status=500))
        await one.fail(*(f"job-{number}" for number in range(8)))
        with capture_logs() as logs:
            await one.deliver()
            sink.always("/ops", None)
            await live(one, clock() + 20 * MINUTE, "ops")
        assert (await one.standing()).state is ReceiverState.ACTIVE
    told = [each for each in logs if each["event"] in ABOUT]
    assert [each["event"] for each in told] == list(ABOUT)
    assert (told[0]["receiver"], told[0]["reason"]) == ("ops", "http_5xx")
    assert told[0]["until"] is not None


async def test_only_a_failing_receiver_and_what_is_given_up_are_warnings(tmp_path: Path) -> None:
    clock = Clock()
    sink = WebhookSink((DEMO_WEBHOOK_SECRET,), clock=clock)
    async with listening(sink.application()) as url, office(tmp_path / "db", clock) as one:
        for name, status in (("down", 500), ("narrow", 413)):
            recipient = webhook(name, f"{url}/{name}")
            one.open(name, Channel(recipient=lambda told=recipient: told))  # type: ignore[misc]
            sink.always(f"/{name}", Reply(status=status))
        await one.fail(*(f"job-{number}" for number in range(8)))
        with capture_logs() as logs:
            await one.deliver()
    warned = [(each["event"], each["receiver"]) for each in logs if each["log_level"] == "warning"]
    assert sorted(warned) == [
        *[("delivery.settled", "narrow")] * 8,
        ("receiver.tripped", "down"),
    ]
    tried = [each for each in logs if each.get("receiver") == "down" and "result" in each]
    assert {each["log_level"] for each in tried} == {"info"}


async def test_a_receiver_that_nobody_reaches_is_logged_with_why_and_one_that_answers_without(
    tmp_path: Path,
) -> None:
    clock = Clock()
    sink = WebhookSink((DEMO_WEBHOOK_SECRET,), clock=clock)
    async with listening(sink.application()) as url, office(tmp_path / "db", clock) as one:
        nowhere = webhook("gone", f"http://127.0.0.1:{free_port()}/gone")
        refusing = webhook("loud", f"{url}/loud")
        one.open("gone", Channel(recipient=lambda: nowhere))
        one.open("loud", Channel(recipient=lambda: refusing))
        sink.always("/loud", Reply(status=500, body=b"no words of a receiver"))
        await one.fail("job-1")
        with capture_logs() as logs:
            await one.deliver()
    said = {each["receiver"]: each["error"] for each in logs if each["event"] == "delivery.settled"}
    assert said["gone"].endswith("connection refused")
    assert said["loud"] is None
