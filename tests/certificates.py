"""Certificates that nobody vouches for, made by openssl as their owners make them."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest


class Pair(NamedTuple):
    """A certificate for 127.0.0.1 and its key, in PEM."""

    cert: Path
    key: Path


def make_pair(
    folder: Path,
    *,
    name: str = "server",
    valid: tuple[str, str] | None = None,
    passphrase: str | None = None,
) -> Pair:
    """Make a pair, valid for two days or from one moment to another. Skips the test where there is no openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    secret = ["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"]
    request = [openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *secret]
    request += ["-subj", f"/CN=jobwatch {name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    request += ["-keyout", str(pair.key)]
    if valid is None:
        _run(*request, "-x509", "-days", "2", "-out", str(pair.cert))
    else:
        _sign(folder, request, pair, valid)
    pair.key.chmod(0o600)
    return pair


def _sign(folder: Path, request: list[str], pair: Pair, valid: tuple[str, str]) -> None:
    """Sign for given times, which only `openssl ca` can; it wants a configuration and a few files."""
    asked = folder / f"{pair.cert.stem}.csr"
    _run(*request, "-out", str(asked))
    (folder / "index").write_text("")
    config = folder / "ca.cnf"
    config.write_text(
        f"[ca]\ndefault_ca=a\n[a]\ndatabase={folder}/index\nnew_certs_dir={folder}\n"
        "default_md=sha256\npolicy=p\nrand_serial=yes\nunique_subject=no\n[p]\ncommonName=supplied\n"
    )
    begin, end = valid
    times = ["-startdate", begin, "-enddate", end]
    files = ["-in", str(asked), "-out", str(pair.cert), "-keyfile", str(pair.key), "-notext"]
    _run(request[0], "ca", "-batch", "-selfsign", "-config", str(config), *times, *files)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
