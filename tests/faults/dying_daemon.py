"""jobwatch that kills itself inside a verb of the store: `DIE_IN=verb:moment:nth`.

The package has no hook for this; the wrapper puts itself round the verb's function, which runs inside the
transaction. `before`: nothing of what it writes was written; `inside`: everything was, and nothing is committed;
`after`: it is committed, and nobody has heard of it. The daemon dies so, and any command that writes.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from jobwatch.cli import main
from jobwatch.store import (
    claiming,
    detail,
    digesting,
    leasing,
    muting,
    noticing,
    receiving,
    recording,
    redelivering,
    renaming,
    settling,
)
from jobwatch.store.engine import SqliteDatabase

VERBS = {
    "record": (recording, "record"),
    "release": (detail, "release"),
    "claim_due": (claiming, "claim_due"),
    "settle": (settling, "settle"),
    "finish_sweep": (leasing, "finish_sweep"),
}
"""The verbs that every daemon calls, whatever there is to tell."""

PARTS = {
    "take": (claiming, "_take"),
    "fold": (digesting, "_fold"),
    "settle_group": (settling, "settle"),
    "write_outcomes": (settling, "_write_deliveries"),
    "mark": (noticing, "_mark"),
}
"""What is called only where there is something to claim, to fold, or to settle."""

RELOADS = {
    "register": (leasing, "register"),
    "rename": (renaming, "rename_receivers"),
    "follow": (renaming, "follow"),
    "retire": (receiving, "retire"),
}
"""What every start and every reload calls."""

ORDERS = {
    "pause": (receiving, "pause"),
    "resume": (receiving, "resume"),
    "redeliver": (redelivering, "redeliver"),
    "mute": (muting, "begin"),
}
"""What a person's commands call."""

_COUNTED: dict[str, Callable[[Sequence[Any]], bool]] = {
    "fold": lambda args: len(args[2]) > 1,
    "settle_group": lambda args: len(args[1]) > 1,
    "mark": lambda args: any(each.expiring is not None for each in args[2]),
}
"""Which calls count: those with several deliveries, or with a reminder."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def counts(verb: str, args: Sequence[Any]) -> bool:
    return verb not in _COUNTED or _COUNTED[verb](args)


def arm(verb: str, moment: str, nth: int) -> None:
    module, name = (VERBS | PARTS | RELOADS | ORDERS)[verb]
    original: Callable[..., Any] = getattr(module, name)
    calls = 0
    committed = False

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls, committed
        calls += counts(verb, args)
        chosen = calls == nth and counts(verb, args)
        if chosen and moment == "before":
            die()
        result = original(*args, **kwargs)
        if chosen and moment == "inside":
            die()
        committed = committed or (chosen and moment == "after")
        return result

    setattr(module, name, dying)
    run = SqliteDatabase._run

    async def watched(self: SqliteDatabase, *args: Any) -> Any:
        result = await run(self, *args)
        # What a reader found meanwhile says nothing about the writer's COMMIT.
        if committed and args[0] is self._write_thread:
            die()
        return result

    setattr(SqliteDatabase, "_run", watched)  # noqa: B010  mypy need not know of this


if __name__ == "__main__":
    verb, moment, nth = os.environ["DIE_IN"].split(":")
    arm(verb, moment, int(nth))
    sys.argv[0] = "jobwatch"
    main()
