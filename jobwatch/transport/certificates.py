"""Whose certificates are trusted."""

import ssl
from pathlib import Path

from jobwatch.core.errors import ConfigError


def tls_context(ca_file: Path) -> ssl.SSLContext:
    """Trust the system's authorities and those in the file (PEM, one or more certificates).

    Raises `ConfigError` with the file and the reason.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    try:
        # An SSLError is an OSError, too; its texts name lines of OpenSSL's source.
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        reason = "it holds no certificate in PEM form"
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
    else:
        return context
    raise ConfigError([f"egress.ca_file: {ca_file}: {reason}"])
