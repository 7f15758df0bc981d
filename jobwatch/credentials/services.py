"""The two services that issue keys: the token service for a pod's own role, the metadata service for a machine's."""

from datetime import timedelta

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import ConfigError, NoCredentials, TransportError, TransportKind
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.credentials.source import World
from jobwatch.providers import cvm_role, tke_oidc
from jobwatch.providers.issued_keys import Issuer, NothingThere
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.secret_files import read_secret_file

METADATA_TIMEOUT = timedelta(seconds=2)
"""It answers from the same host in milliseconds; outside the cloud nobody answers at all."""
STS_TIMEOUT = timedelta(seconds=10)
ANSWER_LIMIT = 64 * 1024

_ANSWERED = frozenset({TransportKind.TOO_LARGE, TransportKind.PROTOCOL})
"""Failures of the transport that prove that somebody is there."""


class PodRole:
    """A pod's own role in TKE. Its token file is read at every look: TKE replaces it."""

    def __init__(self, settings: CredentialsSettings, world: World) -> None:
        self._endpoint = settings.sts_endpoint
        self._world = world

    async def look(self) -> Credentials:
        """Exchange the pod's token for keys. Raises `NoCredentials`."""
        pod = tke_oidc.read_identity(self._world.environ)
        identity = tke_oidc.prove(pod, _read_token(pod))
        request = tke_oidc.assume_role(self._endpoint, identity, self._world.now())
        answer = await _ask(self._world, request, STS_TIMEOUT)
        if isinstance(answer, TransportError):
            raise _unanswered(tke_oidc.ISSUER, answer)
        return tke_oidc.read_keys(answer, identity, self._world.now())


class MachineRole:
    """The role that is bound to the machine: the one that the settings name, else the first."""

    def __init__(self, settings: CredentialsSettings, world: World) -> None:
        self._endpoint = settings.metadata_endpoint
        self._role = settings.role
        self._world = world

    async def look(self) -> Credentials:
        """Ask for the role, and for its keys. Raises `NoCredentials`, `NothingThere` where nobody answers."""
        role = self._role
        if role is None:
            answer = await self._ask(cvm_role.list_roles(self._endpoint), first=True)
            role = cvm_role.read_role(answer)
        first = self._role is not None
        answer = await self._ask(cvm_role.ask_keys(self._endpoint, role), first=first)
        return cvm_role.read_keys(answer, role, self._world.now())

    async def _ask(self, request: HttpRequest, *, first: bool) -> HttpResponse:
        """Send a request. Silence after the first means that no such service is there."""
        answer = await _ask(self._world, request, METADATA_TIMEOUT)
        if not isinstance(answer, TransportError):
            return answer
        error = _unanswered(cvm_role.ISSUER, answer)
        raise NothingThere(str(error)) if first and answer.kind not in _ANSWERED else error


async def _ask(
    world: World,
    request: HttpRequest,
    timeout: timedelta,  # noqa: ASYNC109  handed to the transport, which ends the exchange
) -> HttpResponse | TransportError:
    try:
        return await world.send(request, timeout=timeout, max_body=ANSWER_LIMIT)
    except TransportError as error:
        return error


def _unanswered(issuer: Issuer, error: TransportError) -> NoCredentials:
    return issuer.refuse(f"gave no answer: {error}")


def _read_token(pod: tke_oidc.PodIdentity) -> str:
    try:
        return read_secret_file(pod.token_path)
    except ConfigError as error:
        problem = str(error)
    raise NoCredentials(f"tke-oidc: the pod's token: {problem}")
