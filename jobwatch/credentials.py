"""Where a source's keys come from: its configuration, or the environment.

Law of this module: nothing of a key ever enters an error, a `repr` or a log.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import ConfigError
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.secret_files import FileSecret, FixedSecret, Secret

ID_NAME = "TENCENTCLOUD_SECRET_ID"
KEY_NAME = "TENCENTCLOUD_SECRET_KEY"
TOKEN_NAMES = (
    "TENCENTCLOUD_TOKEN",
    "TENCENTCLOUD_SECURITY_TOKEN",
    "TENCENTCLOUD_SESSION_TOKEN",
)
"""Tencent Cloud's CLI reads the first, Terraform the second, others the third."""


class CredentialSource(Protocol):
    """Gives the keys that hold now; asked anew for every call."""

    def current(self) -> Credentials:
        """Give the keys. Raises `ConfigError` that says what to set."""
        ...

    def take_problems(self) -> tuple[str, ...]:
        """Give what went wrong with key files since the last call, once, for the log."""
        ...


class ConfiguredKeys:
    """Keys written in the configuration, or in files that it names and that may change."""

    def __init__(self, settings: CredentialsSettings) -> None:
        self._id = _secret(settings.secret_id, settings.secret_id_file)
        self._key = _secret(settings.secret_key, settings.secret_key_file)
        self._token = _secret(settings.token, settings.token_file)

    def current(self) -> Credentials:
        if self._id is None or self._key is None:
            raise ConfigError(["credentials: set secret_id and secret_key, or both as *_file"])
        return Credentials(
            secret_id=self._id.current(),
            secret_key=self._key.current(),
            token=self._token.current() if self._token else None,
        )

    def take_problems(self) -> tuple[str, ...]:
        secrets = (self._id, self._key, self._token)
        problems = (secret.take_problem() for secret in secrets if secret)
        return tuple(problem for problem in problems if problem)


class EnvironmentKeys:
    """Keys in the variables that Tencent Cloud's own tools read."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def current(self) -> Credentials:
        missing = [name for name in (ID_NAME, KEY_NAME) if not self._read(name)]
        if missing:
            names = " and ".join(missing)
            remedy = "in the environment, or secret_id and secret_key under provider.credentials"
            raise ConfigError([f"no credentials: set {names} {remedy}"])
        tokens = (self._read(name) for name in TOKEN_NAMES)
        return Credentials(
            secret_id=self._read(ID_NAME),
            secret_key=self._read(KEY_NAME),
            token=next((token for token in tokens if token), None),
        )

    def take_problems(self) -> tuple[str, ...]:
        return ()

    def _read(self, name: str) -> str:
        return self._environ.get(name, "").strip()


def open_credentials(settings: CredentialsSettings, environ: Mapping[str, str]) -> CredentialSource:
    """Choose where the keys come from: written down, else the environment.

    Raises `ConfigError` for a place that this version does not know yet.
    """
    if settings.explicit:
        return ConfiguredKeys(settings)
    if settings.use in (None, "environment"):
        return EnvironmentKeys(environ)
    raise ConfigError([f"credentials: `use: {settings.use}` is not active yet"])


def _secret(value: SecretStr | None, file: Path | None) -> Secret | None:
    if value is not None:
        return FixedSecret(value.get_secret_value())
    if file is not None:
        return FileSecret(file, check=_check_key)
    return None


def _check_key(text: str) -> str | None:
    return None if text == text.strip() else "begins or ends with a blank"
