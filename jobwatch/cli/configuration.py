"""The configuration as a command needs it: read, its warnings told, logging out of the output's way."""

import os
from pathlib import Path

from jobwatch import logs
from jobwatch.cli.screen import complain
from jobwatch.cli.text import plain
from jobwatch.settings import Loaded, Needed, Settings, everything, load_settings, to_look


def load(config: Path | None, needed: Needed = everything) -> Loaded:
    """Read the configuration. Raises `ConfigError` for a mistake in what is needed."""
    return load_settings(config, os.environ, needed)


def load_quietly(config: Path | None, needed: Needed = to_look) -> Settings:
    """Read the configuration for a command that only looks: logs are for trouble, on standard error.

    A mistake in what it does not need is told, and keeps nobody from looking.
    """
    loaded = load(config, needed)
    complain(f"warning: {plain(each)}" for each in (*loaded.warnings, *loaded.forgiven))
    if loaded.forgiven:
        complain(["warning: `jobwatch check` refuses this configuration, not only warns"])
    wanted = loaded.settings.log
    logs.configure("debug" if wanted.level == "debug" else "warning", wanted.format)
    return loaded.settings
