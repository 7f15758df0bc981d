"""Secrets that are read anew for every use: what goes wrong with their files costs a line in the log, once."""

from collections.abc import Callable

import structlog

from jobwatch.secret_files import Secret

log = structlog.get_logger()


def reread(secret: Secret, setting: str) -> Callable[[], str]:
    """What gives the value that holds now. Raises `ConfigError` where there never was one."""

    def current() -> str:
        value = secret.current()
        problem = secret.take_problem()
        if problem is not None:
            log.warning("secret.unread", setting=setting, error=problem)
        return value

    return current
