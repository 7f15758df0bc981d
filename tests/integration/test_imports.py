"""What a daemon does not import until it is needed: it starts sooner, and stays smaller."""

import subprocess
import sys

LATER = ("alembic", "asyncpg", "jinja2", "jobwatch.simulator", "sqlalchemy.dialects.postgresql")


def test_the_daemon_starts_without_what_few_need() -> None:
    asked = f"import sys, jobwatch.app.daemon; print([n for n in {LATER} if n in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
