"""The certificate that the server shows, taken anew when its files change.

Law of this module: a certificate and its key are taken together or not at all; what does not fit costs a message, never
a connection. Nothing of a key enters an error. OpenSSL judges a certificate, times too: here nobody reads a clock.
"""

import contextlib
import hashlib
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jobwatch.core.errors import ConfigError

SIZE_LIMIT = 1024 * 1024
_CERTIFICATE = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
_KEY = "PRIVATE KEY-----"

_EXPIRED, _NOT_YET_VALID = 10, 9
"""X509_V_ERR_CERT_HAS_EXPIRED and …_NOT_YET_VALID, https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/"""


class Finding(NamedTuple):
    """Something about one of the two files: the key of the setting that names it, and a sentence."""

    key: str
    text: str


class ServerTls:
    """TLS of the server, with the files that were good last. `renew` looks whether there are others."""

    def __init__(self, cert_file: Path, key_file: Path) -> None:
        self._files = (cert_file, key_file)
        self._content = _digest(self._files)
        self._current = _load(cert_file, key_file)
        self._told: str | None = None
        self.context = _context()
        # A context that is listened with cannot be exchanged; what it shows to each client can.
        self.context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
        self.context.sni_callback = self._show

    def __repr__(self) -> str:
        return f"ServerTls({self._files[0]}, {self._files[1]})"

    def renew(self, cert_file: Path | None = None, key_file: Path | None = None) -> bool:
        """Take the files, or others from now on, if they changed and fit; True where new ones are shown.

        Call it each few seconds: it reads both files. `take_problem` says what was wrong with them.
        """
        self._files = (cert_file or self._files[0], key_file or self._files[1])
        try:
            content = _digest(self._files)
            if content == self._content:
                self._told = None
                return False
            taken = _load(*self._files)
        except ConfigError as error:
            self._report(str(error))
            return False
        self._content, self._current, self._told, self._problem = content, taken, None, None
        return True

    def take_problem(self) -> str | None:
        """Give what went wrong since the last call; the same is not told twice in a row."""
        problem, self._problem = self._problem, None
        return problem

    _problem: str | None = None

    def _report(self, problem: str) -> None:
        if problem != self._told:
            self._told = problem
            self._problem = f"{problem}; the certificate read before is still shown"

    def _show(self, connection: ssl.SSLObject, _name: str | None, _own: ssl.SSLContext) -> None:
        connection.context = self._current


def mistakes(cert_file: Path, key_file: Path) -> Iterator[Finding]:
    """What keeps the two files from being used."""
    try:
        _load(cert_file, key_file)
    except _Unusable as error:
        yield error.finding


def doubts(cert_file: Path, key_file: Path) -> Iterator[Finding]:
    """What is likely not meant with two files that can be used."""
    if words := _validity(cert_file, key_file):
        yield Finding("cert_file", f"{cert_file}: {words}")
    with contextlib.suppress(OSError):
        if key_file.stat().st_mode & stat.S_IROTH:
            yield Finding("key_file", f"{key_file}: is readable by everybody; chmod o-r it")


class _Unusable(ConfigError):
    def __init__(self, key: str, file: Path, words: str) -> None:
        self.finding = Finding(key, f"{file}: {words}")
        super().__init__([f"http.tls.{key}: {file}: {words}"])


def _load(cert_file: Path, key_file: Path) -> ssl.SSLContext:
    """A context that shows this certificate. Raises `ConfigError` that names the file."""
    certificate, key = _read("cert_file", cert_file), _read("key_file", key_file)
    if _CERTIFICATE[0] not in certificate:
        raise _Unusable("cert_file", cert_file, "holds no certificate in PEM")
    if _KEY not in key:
        raise _Unusable("key_file", key_file, "holds no private key in PEM")
    context = _context()
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
    except _Encrypted:
        words = "is encrypted, and nobody is there to type a passphrase; decrypt it"
        raise _Unusable("key_file", key_file, words) from None
    except ssl.SSLError as error:
        raise _refused(error, cert_file, key_file) from None
    except OSError as error:
        raise _Unusable("cert_file", cert_file, f"cannot be read: {error.strerror}") from None
    return context


def _refused(error: ssl.SSLError, cert_file: Path, key_file: Path) -> _Unusable:
    match error.reason:
        case "KEY_VALUES_MISMATCH" | "KEY_TYPE_MISMATCH":
            return _Unusable("key_file", key_file, f"is not the key of {cert_file}")
        case "EE_KEY_TOO_SMALL" | "CA_KEY_TOO_SMALL" | "CA_MD_TOO_WEAK":
            words = "is refused by TLS: its key or its signature is too weak"
            return _Unusable("cert_file", cert_file, words)
        case _:
            words = f"it and {key_file} cannot be read as PEM of a certificate and its key"
            return _Unusable("cert_file", cert_file, words)


def _context() -> ssl.SSLContext:
    """TLS 1.2 and newer with Python's ciphers, which all have forward secrecy; HTTP/1.1 alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Encrypted(Exception):
    """The key wants a passphrase; without a callback OpenSSL would ask for it on the terminal."""


def _no_passphrase() -> str:
    raise _Encrypted


def _read(key: str, file: Path) -> str:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise _Unusable(key, file, "is not a regular file")
        with file.open("rb") as opened:
            content = opened.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise _Unusable(key, file, f"cannot be read: {(words or '').lower()}") from None
    if len(content) > SIZE_LIMIT:
        raise _Unusable(key, file, "is larger than 1 MiB, too large for a certificate or a key")
    return content.decode("ascii", "replace")


def _digest(files: tuple[Path, Path]) -> bytes:
    names = ("cert_file", "key_file")
    text = "\0".join(_read(key, file) for key, file in zip(names, files, strict=True))
    return hashlib.sha256(text.encode()).digest()


def _validity(cert_file: Path, key_file: Path) -> str | None:
    """What OpenSSL says of the times of a certificate, in a handshake with itself that never leaves this function."""
    first, last = _CERTIFICATE
    pem = _read("cert_file", cert_file)
    start = pem.find(first)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cadata=pem[start : pem.find(last, start) + len(last)])
    try:
        _shake_hands(client, _load(cert_file, key_file))
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == _EXPIRED:
            return "has expired; clients will refuse it"
        if error.verify_code == _NOT_YET_VALID:
            return "is not valid yet; clients will refuse it"
    except ssl.SSLError:
        return None
    return None


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(6):  # a handshake takes three rounds
        for side in sides:
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
