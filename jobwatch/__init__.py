"""jobwatch watches batch jobs in the cloud and tells people how they end.

The version lives here and nowhere else; the build, `jobwatch version` and `jobwatch_build_info` read it.
"""

__version__ = "0.1.0"
