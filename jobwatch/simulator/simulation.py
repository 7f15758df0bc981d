"""The simulated cloud and a receiver, started and stopped together on free loopback ports."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

from aiohttp import web

from jobwatch.core.codec import Credentials
from jobwatch.simulator.admission import Account
from jobwatch.simulator.cloud import Cloud
from jobwatch.simulator.faults import Faults
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.receiver import Received, WebhookSink
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World

HOST = "127.0.0.1"
# Nobody's keys: they open nothing but a simulator.
DEMO_CREDENTIALS = Credentials(
    secret_id="AKIDdemo-not-a-real-id",  # noqa: S106 - as it says
    secret_key="demo-not-a-real-key",  # noqa: S106 - as it says
)
DEMO_ACCOUNT = Account(keys=(DEMO_CREDENTIALS,))
DEMO_WEBHOOK_SECRET = "whsec_ZGVtby1ub3QtYS1yZWFsLXNlY3JldC0xMjM0NTY3OA=="  # noqa: S105 - as it says
DRAIN_SECONDS = 1.0


class Server:
    """One aiohttp application on a port, of loopback unless said otherwise; port 0 takes a free one."""

    def __init__(self, application: web.Application, port: int = 0, *, host: str = HOST) -> None:
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=DRAIN_SECONDS)
        self._port = port
        self._host = host

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end. RuntimeError while it does not run."""
        if not self._runner.addresses:
            raise RuntimeError("the server is not running")
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        """Listen. OSError where the port is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self._runner.cleanup()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a simulation is made of besides its world and clock. `secrets` empty: no verifying."""

    account: Account = DEMO_ACCOUNT
    faults: Faults | None = None
    quirks: Quirks = field(default_factory=Quirks)
    secrets: Sequence[str] = (DEMO_WEBHOOK_SECRET,)
    cloud_port: int = 0
    sink_port: int = 0
    on_accepted: Callable[[Received], Awaitable[None]] | None = None


class Simulation:
    """An asynchronous context manager: inside it, both listen. Without `vaults` the account has none."""

    def __init__(
        self,
        world: World,
        *,
        clock: Callable[[], datetime],
        vaults: VaultWorld | None = None,
        options: Options | None = None,
    ) -> None:
        options = options or Options()
        self.world = world
        self.vaults = VaultWorld() if vaults is None else vaults
        self.cloud = Cloud(
            world=world,
            vaults=self.vaults,
            account=options.account,
            clock=clock,
            faults=options.faults or Faults(),
            quirks=options.quirks,
        )
        self.sink = WebhookSink(options.secrets, clock=clock, on_accepted=options.on_accepted)
        self._cloud_server = Server(self.cloud.application(), options.cloud_port)
        self._sink_server = Server(self.sink.application(), options.sink_port)

    @property
    def faults(self) -> Faults:
        """The rules of failure in force."""
        return self.cloud.faults

    @property
    def credentials(self) -> Credentials:
        """Keys that the cloud takes."""
        return self.cloud.account.keys[0]

    def register(self, keys: Credentials) -> None:
        """Let the cloud take these keys, too, until they expire."""
        self.cloud.account = self.cloud.account.with_keys(keys)

    def revoke(self, keys: Credentials) -> None:
        """Let the cloud know nothing of these keys any more."""
        self.cloud.account = self.cloud.account.without_keys(keys.secret_id)

    @property
    def endpoint(self) -> str:
        """The `endpoint` of a provider, `cos-batch` or `cas`: one server speaks both."""
        return self._cloud_server.url

    def hook_url(self, path: str = "/hook") -> str:
        """The url of a receiver; every path has a script of its own."""
        return self._sink_server.url + path

    async def __aenter__(self) -> Self:
        await self._cloud_server.start()
        try:
            await self._sink_server.start()
        except BaseException:
            await self._cloud_server.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._sink_server.stop()
        await self._cloud_server.stop()
