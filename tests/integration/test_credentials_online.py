"""Keys from the simulated metadata service and token service, over real sockets, used on the simulated cloud."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.codec import Credentials, Known, Signing, Walk
from jobwatch.core.errors import KeysRejected, NoCredentials
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.credentials import CredentialSource, KeyFacts, open_credentials
from jobwatch.providers.cos_batch import CosBatch, CosBatchSettings
from jobwatch.simulator.identity import IdentityServices, Manner
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Server, Simulation
from jobwatch.simulator.world import World as Jobs
from jobwatch.transport import Transport
from tests.keys_rig import T0, Time, settings, world, write
from tests.raw_server import Peer, serving

POD_TOKEN = "eyJhbGciOi.canary-pod-token.sig"
IMPATIENCE = timedelta(milliseconds=200)


@dataclass(slots=True)
class Place:
    """A cloud, the services that issue keys for it, and a pod on a machine in it."""

    now: Time
    cloud: Simulation
    identity: IdentityServices
    url: str
    transport: Transport
    folder: Path
    impatient: bool = False

    async def send(
        self,
        request: HttpRequest,
        *,
        timeout: timedelta,  # noqa: ASYNC109  the transport's own parameter
        max_body: int,
    ) -> HttpResponse:
        """The transport's, with a shorter patience where a test has no time for silence."""
        patience = IMPATIENCE if self.impatient else timeout
        return await self.transport.send(request, timeout=patience, max_body=max_body)

    @property
    def pod(self) -> dict[str, str]:
        return {
            "TKE_REGION": "ap-guangzhou",
            "TKE_PROVIDER_ID": "cls-provider",
            "TKE_WEB_IDENTITY_TOKEN_FILE": str(self.token),
            "TKE_ROLE_ARN": "qcs::cam::uin/100000000001:roleName/pod",
        }

    @property
    def token(self) -> Path:
        return self.folder / "token"

    def open(self, environ: dict[str, str] | None = None, **more: object) -> CredentialSource:
        endpoints = {"metadata_endpoint": self.url, "sts_endpoint": self.url}
        return open_credentials(
            settings(**endpoints | more),
            world(self.folder, environ, now=self.now, send=self.send),
        )

    async def list_jobs(self, keys: Credentials) -> int:
        """Use keys on the cloud: how many jobs it shows."""
        account = self.cloud.cloud.account
        provider = CosBatch(
            CosBatchSettings(
                kind="cos-batch",
                region="ap-chengdu",
                uin=account.uin,
                appid=account.appid,
                endpoint=self.cloud.endpoint,
            )
        )
        request = provider.list_jobs(Walk(), None, Signing(credentials=keys, now=self.now()))
        answer = await self.transport.send(request, timeout=timedelta(seconds=5), max_body=1 << 20)
        return len(provider.read_page(answer, Walk(), Known()).jobs)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    now = Time()
    cloud = Simulation(Jobs([JobScript(id="job", created_at=T0)]), clock=now)
    identity = IdentityServices(
        clock=now, issued=cloud.register, accepted=frozenset({POD_TOKEN, "second.token.x"})
    )
    server = Server(identity.application())
    write(tmp_path / "token", POD_TOKEN + "\n")
    async with cloud, Transport() as transport:
        await server.start()
        yield Place(now, cloud, identity, server.url, transport, tmp_path)
        await server.stop()


@contextmanager
def refused(words: str) -> Iterator[pytest.ExceptionInfo[NoCredentials]]:
    """Keys are refused in these words, and with nothing of a secret."""
    with pytest.raises(NoCredentials, match=words) as caught:
        yield caught
    told = f"{caught.value} {caught.value.__context__!r} {caught.value.__cause__!r}"
    assert "canary" not in told
    assert "temporary" not in told


# ── which place ──────────────────────────────────────────────────────────────────────


async def test_a_pod_on_a_machine_with_a_role_is_the_pod(place: Place) -> None:
    keys = await place.open(place.pod).current()
    assert keys.kind == "tke-oidc"
    assert keys.expires_at == T0 + timedelta(hours=2)
    assert place.identity.exchanged == [POD_TOKEN]
    assert (place.identity.asked.roles, place.identity.asked.keys) == (0, 0)
    assert await place.list_jobs(keys) == 1


async def test_a_machine_with_a_role_is_that_role(place: Place) -> None:
    source = place.open()
    keys = await source.current()
    assert await place.list_jobs(keys) == 1
    assert source.facts == KeyFacts(kind="cvm-role", expires_at=T0 + timedelta(hours=2))
    assert place.identity.asked.sts == 0


async def test_a_pod_whose_role_is_refused_is_not_its_node(place: Place) -> None:
    place.identity.sts = Manner.REFUSED
    with refused("tke-oidc: the token service refused .*WebIdentityTokenError: token \\*\\*\\* is"):
        await place.open(place.pod).current()
    assert place.identity.asked.roles == 0


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        (Manner.REFUSED, "the token service refused the role qcs::cam::"),
        (Manner.MALFORMED, "the token service gave no JSON object that can be read"),
        (Manner.BROKEN, "the token service answered HTTP 502"),
        (Manner.SILENT, "the token service gave no answer: no whole answer in the time allowed"),
    ],
)
@pytest.mark.parametrize("use", [None, "tke-oidc"])
async def test_a_token_service_that_gives_no_keys_is_an_error_in_words(
    place: Place, manner: Manner, words: str, use: str | None
) -> None:
    place.identity.sts, place.impatient = manner, True
    with refused(words):
        await place.open(place.pod, use=use).current()


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        (Manner.REFUSED, "gave no keys for the role jobwatch-role: InternalError"),
        (Manner.MALFORMED, "the metadata service gave no JSON object that can be read"),
        (Manner.BROKEN, "the metadata service answered HTTP 500"),
        (Manner.SILENT, "the metadata service gave no answer: no whole answer"),
    ],
)
@pytest.mark.parametrize("use", [None, "cvm-role"])
async def test_a_metadata_service_that_gives_no_keys_is_an_error_in_words(
    place: Place, manner: Manner, words: str, use: str | None
) -> None:
    place.identity.metadata, place.impatient = manner, True
    with refused(words):
        await place.open(use=use).current()


async def test_a_machine_without_a_role_has_no_keys_until_one_is_bound(place: Place) -> None:
    place.identity.roles = ()
    source = place.open()
    with refused("cvm-role: no role is bound to this instance; set one of them up"):
        await source.current()
    place.identity.roles = ("late-role",)
    place.now.advance(seconds=10)
    assert await place.list_jobs(await source.current()) == 1


async def test_the_first_role_is_taken_unless_one_is_named(place: Place) -> None:
    place.identity.roles = ("", "  ", "first-role", "second-role")
    assert (await place.open().current()).kind == "cvm-role"
    assert (await place.open(role="second-role").current()).kind == "cvm-role"
    assert (place.identity.asked.roles, place.identity.asked.keys) == (1, 2)
    with refused("the role third-role is not bound to this instance"):
        await place.open(role="third-role").current()


async def test_where_nobody_listens_there_is_no_metadata_service(place: Place) -> None:
    with refused("no credentials in any place: environment.*cvm-role: .*connect"):
        await place.open(metadata_endpoint="http://127.0.0.1:1").current()


async def test_callers_that_search_at_the_same_time_find_the_same(place: Place) -> None:
    place.identity.gate = asyncio.Event()
    source = place.open()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(source.current()) for _ in range(20)]
        while not place.identity.asked.total:
            await asyncio.sleep(0)
        late = "[default]\nsecret_id=late\nsecret_key=late\n"
        write(place.folder / "home/.tencentcloud/credentials", late)
        place.identity.gate.set()
    assert {each.result().kind for each in asking} == {"cvm-role"}
    assert (await source.current()).kind == "cvm-role"
    assert place.identity.asked.total == 2


# ── hostile answers ──────────────────────────────────────────────────────────────────


async def test_an_endless_list_of_roles_is_refused(place: Place) -> None:
    async with serving(lambda peer: peer.answer(b"role\n" * 100_000)) as server:
        words = (
            "^cvm-role: the metadata service gave no answer: the answer has more than 65536 bytes$"
        )
        with refused(words):
            await place.open(metadata_endpoint=server.url("")).current()


async def test_a_metadata_service_that_falls_silent_was_there(place: Place) -> None:
    async def answer_once(peer: Peer) -> None:
        if b"security-credentials/ " in await peer.request():
            await peer.answer(b"ops", headers=("Connection: close",))

    async with serving(answer_once) as server:
        with refused("^cvm-role: the metadata service gave no answer: the connection was lost"):
            await place.open(metadata_endpoint=server.url("")).current()


# ── renewal ──────────────────────────────────────────────────────────────────────────


async def test_the_token_file_of_a_pod_is_read_at_every_renewal(place: Place) -> None:
    source = place.open(place.pod)
    first = await source.current()
    place.token.write_text("second.token.x")
    place.now.now += await source.refresh()
    place.now.advance(minutes=36)
    await source.refresh()
    second = await source.current()
    assert place.identity.exchanged == [POD_TOKEN, "second.token.x"]
    assert second.secret_id != first.secret_id
    assert await place.list_jobs(second) == 1


async def test_keys_of_a_machine_are_renewed_before_they_expire_for_a_whole_day(
    place: Place,
) -> None:
    source = place.open()
    while place.now() < T0 + timedelta(days=1):
        place.now.now += await source.refresh()
        assert await place.list_jobs(await source.current()) == 1
    assert 12 <= place.identity.asked.keys <= 20
    assert source.take_problems() == ()


@pytest.mark.parametrize("manner", [Manner.BROKEN, Manner.REFUSED, Manner.MALFORMED])
async def test_keys_that_hold_outlive_a_service_that_broke_until_they_expire(
    place: Place, manner: Manner
) -> None:
    source = place.open()
    old = await source.current()
    place.identity.metadata = manner
    place.now.advance(minutes=119)
    assert await source.refresh() == timedelta(seconds=10)
    assert await source.current() is old
    assert await place.list_jobs(old) == 1
    (problem,) = source.take_problems()
    assert "the keys at hand are used on until 2026-11-21T22:00:00Z" in problem
    assert "temporary" not in problem
    place.now.advance(minutes=1)
    with refused("cvm-role: .*; the keys before them expired"):
        await source.current()
    with pytest.raises(KeysRejected, match="ExpiredToken") as caught:
        await place.list_jobs(old)
    assert caught.value.status == 400
    place.identity.metadata = Manner.WELL
    place.now.advance(minutes=1)
    assert await place.list_jobs(await source.current()) == 1


async def test_keys_that_the_cloud_refuses_are_renewed_once_for_twenty_callers(
    place: Place,
) -> None:
    source = place.open()
    old = await source.current()
    place.cloud.revoke(old)
    place.identity.rotate()
    with pytest.raises(KeysRejected, match="InvalidAccessKeyId") as caught:
        await place.list_jobs(old)
    assert caught.value.status == 403
    place.identity.gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(source.renewed(old)) for _ in range(20)]
        await asyncio.sleep(0)
        place.identity.gate.set()
    (renewed,) = {each.result() for each in asking}
    assert renewed is not None
    assert await place.list_jobs(renewed) == 1
    assert await source.current() is renewed
    assert (place.identity.asked.roles, place.identity.asked.keys) == (2, 2)


async def test_refused_keys_that_the_service_still_gives_have_no_successor(place: Place) -> None:
    source = place.open()
    old = await source.current()
    for _ in range(5):
        assert await source.renewed(old) is None
    assert place.identity.asked.keys == 2


async def test_a_service_that_shows_expired_keys_is_not_believed(place: Place) -> None:
    place.identity.lifetime = timedelta()
    for environ in ({}, place.pod):
        with refused("gave keys that expired at 2026-11-21T20:00:00Z"):
            await place.open(environ).current()


# ── the simulated cloud ──────────────────────────────────────────────────────────────


async def test_the_cloud_takes_temporary_keys_with_their_own_token_alone(place: Place) -> None:
    keys = await place.open().current()
    with pytest.raises(KeysRejected, match="InvalidAccessKeyId"):
        await place.list_jobs(replace(keys, token="another"))
    with pytest.raises(KeysRejected, match="SignatureDoesNotMatch"):
        await place.list_jobs(replace(keys, secret_key="another"))
    assert await place.list_jobs(place.cloud.credentials) == 1


async def test_the_token_service_refuses_what_is_not_asked_as_documented(place: Place) -> None:
    for headers in ({}, {"Authorization": "SKIP", "Content-Type": "text/plain"}):
        request = HttpRequest(method="POST", url=place.url + "/", headers=headers, body=b"{}")
        answer = await place.send(request, timeout=timedelta(seconds=5), max_body=1 << 16)
        assert (answer.status, b"InvalidParameter" in answer.body) == (200, True)
    assert place.identity.exchanged == []
