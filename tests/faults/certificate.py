"""A certificate that nobody vouches for."""

import ssl
import subprocess
from pathlib import Path

from tests.programs import program


def self_signed(folder: Path) -> ssl.SSLContext:
    """What a server needs that signed its own certificate. Skips the test where there is no openssl."""
    openssl = program("openssl")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ["-subj", "/CN=jobwatch test", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        [openssl, "req", "-x509", *kind, *subject, *files], check=True, capture_output=True
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context
