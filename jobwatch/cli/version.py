"""What `jobwatch version` says."""

import platform

from jobwatch import __version__


def version_line() -> str:
    """The version of this program and of the Python that runs it, on one line."""
    return f"jobwatch {__version__} (Python {platform.python_version()})"


def version_document() -> dict[str, str]:
    """The same as JSON."""
    return {"version": __version__, "python": platform.python_version()}
