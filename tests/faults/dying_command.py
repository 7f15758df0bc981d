"""A command of jobwatch that kills itself around a call of the system: `DIE_AT=function:moment:nth`.

The package has no hook for this; the wrapper puts itself round functions of `os`.
"""

import os
import signal
import sys
from typing import Any

from jobwatch.cli import main


def arm(name: str, moment: str, nth: int) -> None:
    original, calls = getattr(os, name), 0

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(os, name, dying)


if __name__ == "__main__":
    name, moment, nth = os.environ["DIE_AT"].split(":")
    arm(name, moment, int(nth))
    sys.argv[0] = "jobwatch"
    main()
