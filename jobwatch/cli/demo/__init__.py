"""`jobwatch demo`: everything on loopback. The cloud is simulated; the daemon and its webhooks are the real ones."""

import asyncio
import shlex
import shutil
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from jobwatch import logs
from jobwatch.app import daemon
from jobwatch.app.clock import utc_now
from jobwatch.cli.demo.plan import Plan, lively_vaults, lively_world, write_configuration
from jobwatch.cli.demo.telling import event_block
from jobwatch.cli.running import stop_on_signals
from jobwatch.cli.screen import Screen
from jobwatch.cli.starting import take_time
from jobwatch.cli.text import count, length
from jobwatch.settings import load_settings
from jobwatch.simulator.receiver import Received
from jobwatch.simulator.simulation import HOST, Options, Simulation

LOG_FILE = "daemon.log"


def run_demo(plan: Plan) -> None:
    """Run the demo until its time is over or Ctrl-C. Raises `ConfigError` or `StoreError`."""
    take_time()
    with TemporaryDirectory(prefix="jobwatch-demo-") as name:
        folder = Path(name)
        with (folder / LOG_FILE).open("w", encoding="utf-8") as log_file:
            logs.configure("info", "json", stream=log_file)
            asyncio.run(_demo(plan, folder))


async def _demo(plan: Plan, folder: Path) -> None:
    stop = stop_on_signals()
    screen = Screen(unread=stop.set)

    async def tell(received: Received) -> None:
        screen.print(event_block(received), soft_wrap=True)

    if plan.lasts is not None:
        asyncio.get_running_loop().call_later(plan.lasts.total_seconds(), stop.set)
    start = utc_now()
    async with Simulation(
        lively_world(plan, start),
        vaults=lively_vaults(plan, start),
        clock=utc_now,
        options=Options(on_accepted=tell),
    ) as simulation:
        listen = f"{HOST}:{plan.port if _is_free(plan.port) else 0}"
        file = write_configuration(
            folder, endpoint=simulation.endpoint, hook=simulation.hook_url(), listen=listen
        )
        settings = load_settings(file, {}).settings

        def listening(url: str) -> None:
            _introduce(screen, plan, file, url)

        await daemon.run(settings, stop=stop, listening=listening)
        _sum_up(screen, simulation)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the server does: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _this_program() -> str:
    """What to type for this program in another terminal: `make demo` puts nothing on the search path."""
    beside = Path(sys.executable).with_name("jobwatch")
    if shutil.which("jobwatch") == str(beside):
        return "jobwatch"
    return shlex.join([str(beside)] if beside.exists() else [sys.executable, "-m", "jobwatch"])


def _introduce(screen: Screen, plan: Plan, file: Path, url: str) -> None:
    url = url.rstrip("/")
    ends = f"after {length(plan.lasts)}, or with Ctrl-C" if plan.lasts else "with Ctrl-C"
    screen.words(
        "jobwatch demo: a simulated cloud, the real daemon, and a receiver that prints", "bold"
    )
    screen.words(f"  status page  {url}/")
    screen.words(f"  metrics      {url}/metrics")
    screen.words(f"  look inside  {_this_program()} jobs --config {shlex.quote(str(file))}")
    screen.words(f"  daemon log   {file.with_name(LOG_FILE)}")
    screen.words(f"It ends {ends}. The first events come within seconds.")


def _sum_up(screen: Screen, simulation: Simulation) -> None:
    sink, cloud = simulation.sink, simulation.cloud
    told = {received.id for received in sink.accepted}
    verified = sum(received.valid is True for received in sink.received)
    lists = sum(call.question.lists for call in cloud.calls)
    refused = len(sink.received) - len(sink.accepted)
    screen.words(
        f"\n{count(len(told), 'event')} told; {verified} of {count(len(sink.received), 'delivery', 'deliveries')} "
        f"verified{f', {refused} refused' if refused else ''}; {count(cloud.asked, 'call')} to the cloud, "
        f"{lists:,} of them listings.",
        "bold",
    )
