"""Around every command: whatever goes wrong ends in words and an exit code."""

import sys

from jobwatch.cli.commands import app
from jobwatch.cli.ending import Exit, sentences, wants_traceback
from jobwatch.cli.screen import complain


def run_guarded() -> None:
    """Run the command that the arguments name, and end the process."""
    try:
        app(prog_name="jobwatch")
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except Exception as error:
        if wants_traceback(error):
            raise
        lines, code = sentences(error)
        complain(lines)
        sys.exit(code)
