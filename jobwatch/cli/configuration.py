"""The configuration as a command needs it: read, its warnings told, logging out of the output's way."""

import os
from pathlib import Path

from jobwatch import logs
from jobwatch.cli.screen import complain
from jobwatch.cli.text import plain
from jobwatch.settings import Loaded, Settings, load_settings


def load(config: Path | None) -> Loaded:
    """Read the configuration. Raises `ConfigError`."""
    return load_settings(config, os.environ)


def load_quietly(config: Path | None) -> Settings:
    """Read the configuration for a command that only looks: logs are for trouble, on standard error."""
    loaded = load(config)
    complain(f"warning: {plain(warning)}" for warning in loaded.warnings)
    wanted = loaded.settings.log
    logs.configure("debug" if wanted.level == "debug" else "warning", wanted.format)
    return loaded.settings
