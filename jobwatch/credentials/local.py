"""Keys that are at hand: in the configuration, in variables, in files. They are looked at on every use."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import ConfigError, NoCredentials
from jobwatch.credentials.source import LOOK_AGAIN, KeyFacts, same_keys
from jobwatch.providers.issued_keys import NothingThere
from jobwatch.providers.keys import CredentialsSettings, wrong_key
from jobwatch.secret_files import FileSecret, FixedSecret, Secret

ID_NAME = "TENCENTCLOUD_SECRET_ID"
KEY_NAME = "TENCENTCLOUD_SECRET_KEY"
TOKEN_NAMES = (
    "TENCENTCLOUD_TOKEN",
    "TENCENTCLOUD_SECURITY_TOKEN",
    "TENCENTCLOUD_SESSION_TOKEN",
)
"""Tencent Cloud's CLI reads the first, Terraform the second, others the third."""


class LocalKeys(ABC):
    """A `CredentialSource` that reads its place again every time. Implementations say how with `_read`."""

    def __init__(self) -> None:
        self._facts: KeyFacts | None = None

    @property
    def facts(self) -> KeyFacts | None:
        return self._facts

    async def current(self) -> Credentials:
        keys = self._read()
        self._facts = KeyFacts(kind=keys.kind, expires_at=keys.expires_at)
        return keys

    async def renewed(self, rejected: Credentials) -> Credentials | None:
        try:
            keys = await self.current()
        except NoCredentials:
            return None
        return None if same_keys(keys, rejected) else keys

    async def refresh(self) -> timedelta:
        with suppress(NoCredentials):  # whoever needs the keys is told
            await self.current()
        return LOOK_AGAIN

    def take_problems(self) -> tuple[str, ...]:
        return ()

    @abstractmethod
    def _read(self) -> Credentials:
        """Read the keys. Raises `NoCredentials`, `NothingThere` where the place is empty."""


class ConfiguredKeys(LocalKeys):
    """Keys written in the configuration, or in files that it names and that may change."""

    def __init__(self, settings: CredentialsSettings) -> None:
        super().__init__()
        self._id = _secret(settings.secret_id, settings.secret_id_file)
        self._key = _secret(settings.secret_key, settings.secret_key_file)
        self._token = _secret(settings.token, settings.token_file)

    def take_problems(self) -> tuple[str, ...]:
        secrets = (self._id, self._key, self._token)
        problems = (secret.take_problem() for secret in secrets if secret)
        return tuple(problem for problem in problems if problem)

    def _read(self) -> Credentials:
        if self._id is None or self._key is None:
            raise NoCredentials("credentials: set secret_id and secret_key, or both as *_file")
        return Credentials(
            secret_id=value_of(self._id),
            secret_key=value_of(self._key),
            token=value_of(self._token) if self._token else None,
        )


class EnvironmentKeys(LocalKeys):
    """Keys in the variables that Tencent Cloud's own tools read."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__()
        self._environ = environ

    def _read(self) -> Credentials:
        tokens = [name for name in TOKEN_NAMES if self._value(name)]
        missing = [name for name in (ID_NAME, KEY_NAME) if not self._value(name)]
        if missing:
            raise self._absent(missing, something=bool(tokens) or len(missing) == 1)
        return Credentials(
            secret_id=self._checked(ID_NAME),
            secret_key=self._checked(KEY_NAME),
            token=self._checked(tokens[0]) if tokens else None,
            kind="environment",
        )

    def _absent(self, missing: list[str], *, something: bool) -> NoCredentials:
        """Half of a set of keys is a mistake; going on to another place would hide it behind another identity."""
        names = " and ".join(missing)
        if not something:
            return NothingThere(f"environment: {names} are not set")
        return NoCredentials(
            f"environment: {names} not set, while other variables of TENCENTCLOUD_* are; set "
            "the whole set or none of it, or secret_id and secret_key under provider.credentials"
        )

    def _value(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def _checked(self, name: str) -> str:
        value = self._value(name)
        wrong = wrong_key(value)
        if wrong is not None:
            raise NoCredentials(f"environment: {name} {wrong}")
        return value


def value_of(secret: Secret) -> str:
    """The value of a secret that may stand in a file. Raises `NoCredentials`."""
    try:
        return secret.current()
    except ConfigError as error:
        problem = str(error)
    raise NoCredentials(f"credentials: {problem}")


def still_good(keys: Credentials, where: str, now: Callable[[], datetime]) -> Credentials:
    """Give keys back that have not expired. Raises `NoCredentials`."""
    if keys.expires_at is None or now() < keys.expires_at:
        return keys
    raise NoCredentials(f"{where}: the keys expired at {keys.expires_at:%Y-%m-%dT%H:%M:%SZ}")


def _secret(value: SecretStr | None, file: Path | None) -> Secret | None:
    if value is not None:
        return FixedSecret(value.get_secret_value())
    if file is not None:
        return FileSecret(file, check=wrong_key)
    return None
