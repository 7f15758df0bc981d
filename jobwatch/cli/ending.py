"""How a command ends: its exit code, and what it says where it could not do what was asked."""

import os
from enum import IntEnum

from jobwatch.cli.text import plain
from jobwatch.core.errors import ConfigError, JobwatchError, StoreLocked, StoreUnusable

LEVEL_VARIABLE = "JOBWATCH_LOG__LEVEL"


class Exit(IntEnum):
    """The exit codes. INTERRUPTED is what shells call a program that Ctrl-C ended."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    UNREADABLE = 3
    INTERRUPTED = 130


class Failed(JobwatchError):
    """A command that cannot do what was asked; the message is for the person who asked."""

    def __init__(self, message: str, *, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


def sentences(error: BaseException) -> tuple[list[str], Exit]:
    """What to say of an error, line by line, and the exit code that goes with it."""
    error = _innermost(error)
    match error:
        case ConfigError():
            return [plain(problem) for problem in error.problems], Exit.MISUSED
        case StoreUnusable():
            return [plain(str(error))], Exit.MISUSED
        case StoreLocked():
            return [plain(_naming_the_holder(error))], Exit.FAILED
        case Failed():
            return [plain(line) for line in str(error).splitlines()], error.code
        case JobwatchError():
            return [plain(str(error))], Exit.FAILED
        case _:
            return [_internal(error)], Exit.FAILED


def wants_traceback(error: BaseException) -> bool:
    """Whether the error is a fault of this program, and the person who runs it is after it."""
    level = next(
        (value for name, value in os.environ.items() if name.upper() == LEVEL_VARIABLE), ""
    )
    return level.lower() == "debug" and not isinstance(_innermost(error), JobwatchError)


def _innermost(error: BaseException) -> BaseException:
    """The error itself where a task group wrapped it."""
    while isinstance(error, BaseExceptionGroup):
        known = error.subgroup(JobwatchError)
        error = (known or error).exceptions[0]
    return error


def _naming_the_holder(error: StoreLocked) -> str:
    text = str(error)
    return text if error.holder in text else f"{text} (held by {error.holder})"


def _internal(error: BaseException) -> str:
    what = (
        f"{type(error).__name__}: {plain(str(error), 200)}" if str(error) else type(error).__name__
    )
    return f"internal error: {what}; run with {LEVEL_VARIABLE}=debug for the traceback"
