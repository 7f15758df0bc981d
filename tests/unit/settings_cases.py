"""Configurations for the tests of `jobwatch.settings`: a whole one, and a way to read any."""

from pathlib import Path

import pytest

from jobwatch.core.errors import ConfigError
from jobwatch.settings import Loaded, load_settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "https://hooks.example.com/canary-path"
SOURCE = """
sources:
  prod:
    provider: {kind: cos-batch, region: ap-chengdu, uin: "100000000001", appid: "1250000000"}
"""
RECEIVER = f"""receivers:
  ops:
    url: {URL}
    secrets: [{SECRET}]
"""


def read(folder: Path, text: str, environ: dict[str, str] | None = None) -> Loaded:
    """Read a configuration of this text."""
    file = folder / "jobwatch.yaml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, environ or {})


def problems(folder: Path, text: str, environ: dict[str, str] | None = None) -> tuple[str, ...]:
    """Give the messages that refuse a configuration, the folder of its file left out."""
    with pytest.raises(ConfigError) as caught:
        read(folder, text, environ)
    return tuple(each.replace(f"{folder}/", "") for each in caught.value.problems)
