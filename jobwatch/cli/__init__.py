"""The command line: tables for people, JSON for scripts, and never a traceback.

Law of this package: a command reads what it needs, shows it, and says with its exit code how it went. Text that
came from the cloud or a receiver passes `text.plain` before it is shown. What costs time to import is imported by
whoever needs it, so that `jobwatch version` and `--help` answer at once.
"""

# ruff: noqa: PLC0415  Typer alone, with what it imports, takes as long as `jobwatch version` may take in all

import sys
from io import TextIOWrapper

__all__ = ["main"]


def main() -> None:
    """Run the command line; however it ends, it ends in words and with an exit code."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal without UTF-8 shows question marks instead of ending the command.
        sys.stdout.reconfigure(errors="replace")
    if sys.argv[1:] in (["version"], ["--version"]):
        from jobwatch.cli.version import version_line

        sys.stdout.write(f"{version_line()}\n")
        return
    from jobwatch.cli.starting import hurry

    hurry()
    from jobwatch.cli.guard import run_guarded

    run_guarded()
