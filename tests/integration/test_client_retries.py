"""The client against a cloud in trouble: what is tried again, how often, and what is told."""

import pytest

from jobwatch.client import ApiClient
from jobwatch.core.codec import Credentials
from jobwatch.core.errors import (
    ApiError,
    CallResult,
    Denied,
    KeysRejected,
    Malformed,
    NoCredentials,
    ServerError,
    Throttled,
    TransportError,
    TransportKind,
)
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.model import JobKey
from jobwatch.simulator import faults as f
from jobwatch.simulator.simulation import DEMO_CREDENTIALS, Simulation
from jobwatch.transport import Transport
from tests.client_rig import ENDPOINT, Around, Keys, client_of, walk


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.fixture
def client(transport: Transport, around: Around, cloud: Simulation) -> ApiClient:
    return client_of(transport, around, cloud.endpoint)


PASSING = {
    "internal error": (f.INTERNAL, CallResult.SERVER_ERROR, 0.5),
    "unavailable with 500": (f.UNAVAILABLE, CallResult.SERVER_ERROR, 0.5),
    "request timeout with 400": (f.TIMEOUT, CallResult.SERVER_ERROR, 0.5),
    "a gateway's page": (f.HTML_502, CallResult.SERVER_ERROR, 0.5),
    "slow down": (f.SLOW_DOWN, CallResult.THROTTLED, 0.5),
    "slow down for two seconds": (f.TOO_MANY, CallResult.THROTTLED, 2.0),
    "a reset before the headers": (f.Reset(), CallResult.NETWORK, 0.5),
    "a reset within the body": (f.Reset(after_headers=True), CallResult.NETWORK, 0.5),
    "half a body": (f.Cut(), CallResult.NETWORK, 0.5),
    "half a page sent as a whole": (f.Cut(honest=True), CallResult.MALFORMED, 0.5),
    "no body": (f.EMPTY, CallResult.MALFORMED, 0.5),
    "a page for people": (f.HTML_200, CallResult.MALFORMED, 0.5),
    "a document type": (f.DOCTYPE, CallResult.MALFORMED, 0.5),
}


@pytest.mark.parametrize(("fault", "result", "pause"), PASSING.values(), ids=PASSING.keys())
async def test_trouble_that_passes_costs_a_pause_and_a_fresh_signature(
    client: ApiClient,
    cloud: Simulation,
    around: Around,
    fault: f.Act,
    result: CallResult,
    pause: float,
) -> None:
    cloud.faults.add(fault, f.When(nth=frozenset({1})))
    await client.describe(JobKey("", "job-0001"))
    assert around.results == [result, CallResult.OK]
    assert around.slept == [pause]
    if pause >= 1:  # a signature holds whole seconds
        first, second = (call.question.headers["authorization"] for call in cloud.cloud.calls)
        assert first != second


@pytest.mark.parametrize(
    ("fault", "error", "tries"),
    [
        (f.INTERNAL, ServerError, 4),
        (f.SLOW_DOWN, Throttled, 4),
        (f.EMPTY, Malformed, 2),
        (f.DENIED, Denied, 1),
        (f.EXPIRED_TOKEN, KeysRejected, 1),
    ],
    ids=["internal", "slow down", "empty", "denied", "expired token"],
)
async def test_trouble_that_stays_is_told_after_a_few_tries(
    client: ApiClient,
    around: Around,
    cloud: Simulation,
    fault: f.Say,
    error: type[ApiError],
    tries: int,
) -> None:
    cloud.faults.add(fault)
    with pytest.raises(error):
        await walk(client)
    assert len(cloud.cloud.calls) == tries
    assert around.slept == [0.5, 1.0, 2.0][: tries - 1]


async def test_a_wrong_key_is_denied_at_once(
    transport: Transport, around: Around, cloud: Simulation
) -> None:
    wrong = Credentials(secret_id=DEMO_CREDENTIALS.secret_id, secret_key="wrong")
    with pytest.raises(KeysRejected, match="SignatureDoesNotMatch"):
        await walk(client_of(transport, around, cloud.endpoint, Keys(wrong)))
    assert around.results == [CallResult.DENIED]


async def test_missing_keys_are_told_without_a_call(
    transport: Transport, around: Around, cloud: Simulation
) -> None:
    with pytest.raises(NoCredentials, match="TENCENTCLOUD_SECRET_ID"):
        await walk(client_of(transport, around, cloud.endpoint, Keys(None)))
    assert not cloud.cloud.calls
    assert around.calls == []


async def test_a_gzip_bomb_is_not_asked_for_again(
    client: ApiClient, cloud: Simulation, around: Around
) -> None:
    cloud.faults.add(f.GzipBomb(size=64 * 1024 * 1024))
    with pytest.raises(TransportError) as caught:
        await walk(client)
    assert caught.value.kind is TransportKind.TOO_LARGE
    assert around.results == [CallResult.MALFORMED]


class Failing(Transport):
    """A transport that fails in one way."""

    def __init__(self, kind: TransportKind) -> None:
        super().__init__()
        self.kind = kind

    async def send(self, request: HttpRequest, **_limits: object) -> HttpResponse:
        assert request.url.startswith(ENDPOINT)
        raise TransportError(self.kind, "as told")


NETWORK, ONE, FOUR = CallResult.NETWORK, 1, 4


@pytest.mark.parametrize(
    ("kind", "result", "tries"),
    [
        (TransportKind.TIMEOUT, CallResult.TIMEOUT, FOUR),
        (TransportKind.DNS, NETWORK, FOUR),
        (TransportKind.CONNECT, NETWORK, FOUR),
        (TransportKind.TLS, NETWORK, FOUR),
        (TransportKind.RESET, NETWORK, FOUR),
        (TransportKind.BLOCKED, NETWORK, ONE),
        (TransportKind.PROTOCOL, CallResult.MALFORMED, FOUR),
        (TransportKind.TOO_LARGE, CallResult.MALFORMED, ONE),
    ],
)
async def test_every_failure_of_the_transport_has_its_result_and_tries(
    around: Around, kind: TransportKind, result: CallResult, tries: int
) -> None:
    with pytest.raises(TransportError):
        await client_of(Failing(kind), around).describe(JobKey("", "job"))
    assert around.results == [result] * tries
