"""Every way not to reach a server, in our own words and without the URL in them."""

import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.errors import TransportKind
from jobwatch.core.http import HttpRequest
from jobwatch.transport import Transport
from tests.programs import program
from tests.raw_server import Peer, fail, serving

SECOND = timedelta(seconds=1)


async def says_nothing(peer: Peer) -> None:
    await peer.until_closed()


async def test_a_refused_port(transport: Transport) -> None:
    async with serving(says_nothing) as server:
        request = server.get()
    error = await fail(transport, request)
    assert error.kind is TransportKind.CONNECT
    assert str(error) == f"127.0.0.1:{server.port}: connection refused"


async def test_a_name_that_does_not_exist(transport: Transport) -> None:
    request = HttpRequest(method="GET", url="https://nowhere.invalid/canary")
    error = await fail(transport, request)
    assert error.kind is TransportKind.DNS
    assert "nowhere.invalid" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "canary",
        "ftp://127.0.0.1/canary",
        "http:///canary",
        "http://[::1/canary",
        "http://127.0.0.1:99999/canary",
        "http://canary..example/",
        "http://user:canary@127.0.0.1/",
    ],
)
async def test_a_url_that_cannot_be_sent(transport: Transport, url: str) -> None:
    error = await fail(transport, HttpRequest(method="GET", url=url))
    assert error.kind is TransportKind.PROTOCOL


@pytest.mark.parametrize("headers", [{"X": "canary\r\nY: 1"}, {"X\n": "canary"}])
async def test_a_header_that_would_smuggle_another(
    transport: Transport, headers: dict[str, str]
) -> None:
    async with serving(says_nothing) as server:
        request = HttpRequest(method="GET", url=server.url(), headers=headers)
        assert (await fail(transport, request)).kind is TransportKind.PROTOCOL
    assert server.requests == []


async def test_a_transport_that_is_not_open_says_so() -> None:
    transport = Transport()
    with pytest.raises(RuntimeError, match="not open"):
        await transport.send(
            HttpRequest(method="GET", url="http://127.0.0.1/"), timeout=SECOND, max_body=1
        )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    openssl = program("openssl")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=jobwatch test", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = [openssl, "req", "-x509", *kind, *subject, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return key, cert


def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate[1], certificate[0])
    return context


async def answers(peer: Peer) -> None:
    await peer.request()
    await peer.answer(b"ok")


async def test_a_certificate_nobody_vouches_for(
    transport: Transport, certificate: tuple[Path, Path]
) -> None:
    async with serving(answers, server_tls(certificate)) as server:
        error = await fail(transport, server.post())
    assert error.kind is TransportKind.TLS
    assert str(error) == f"127.0.0.1:{server.port}: self-signed certificate"
    assert server.requests == []


async def test_a_certificate_for_another_host(certificate: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=certificate[1])
    async with (
        Transport(tls=trusting) as transport,
        serving(answers, server_tls(certificate)) as server,
    ):
        good = await transport.send(server.post(), timeout=5 * SECOND, max_body=1000)
        url = server.url().replace("127.0.0.1", "localhost")
        error = await fail(transport, HttpRequest(method="GET", url=url))
    assert good.body == b"ok"
    assert error.kind is TransportKind.TLS


async def test_a_server_without_tls(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await peer.until_closed()

    async with serving(script) as server:
        url = server.url().replace("http:", "https:")
        error = await fail(transport, HttpRequest(method="GET", url=url))
    assert error.kind is TransportKind.TLS
