"""jobwatch that kills itself inside a verb of the store: `DIE_IN=verb:moment:nth`.

The package has no hook for this; the wrapper puts itself round the verb's function, which runs inside the
transaction. `before`: nothing of the transaction was written; `inside`: everything was, and nothing is committed;
`after`: it is committed, and nobody has heard of it.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from jobwatch.cli import main
from jobwatch.store import claiming, detail, leasing, recording, settling
from jobwatch.store.engine import SqliteDatabase

VERBS = {
    "record": (recording, "record"),
    "release": (detail, "release"),
    "claim_due": (claiming, "claim_due"),
    "settle": (settling, "settle"),
    "finish_sweep": (leasing, "finish_sweep"),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(verb: str, moment: str, nth: int) -> None:
    module, name = VERBS[verb]
    original: Callable[..., Any] = getattr(module, name)
    calls = 0
    committed = False

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls, committed
        calls += 1
        if calls == nth and moment == "before":
            die()
        result = original(*args, **kwargs)
        if calls == nth and moment == "inside":
            die()
        committed = calls == nth and moment == "after"
        return result

    setattr(module, name, dying)
    run = SqliteDatabase._run

    async def watched(self: SqliteDatabase, *args: Any) -> Any:
        result = await run(self, *args)
        if committed:
            die()
        return result

    setattr(SqliteDatabase, "_run", watched)  # noqa: B010  mypy need not know of this


if __name__ == "__main__":
    verb, moment, nth = os.environ["DIE_IN"].split(":")
    arm(verb, moment, int(nth))
    sys.argv[0] = "jobwatch"
    main()
