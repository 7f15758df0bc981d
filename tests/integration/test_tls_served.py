"""The server over TLS: who it speaks to, and a certificate that changes while it runs."""

import asyncio
import contextlib
import shutil
import socket
import ssl
from pathlib import Path

import aiohttp
import pytest

from jobwatch.core.errors import ConfigError
from jobwatch.web.serving.certificates import ServerTls
from jobwatch.web.serving.connections import Limits
from tests.certificates import Pair, make_pair
from tests.integration.exposed import HOST, LARGE, READ, Door, exposed, port_of, say


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("second"))


@pytest.fixture
def pair(tmp_path: Path, first: Pair) -> Pair:
    """A pair of files that a test may change."""
    return Pair(*(Path(shutil.copy(each, tmp_path)) for each in first))


def trusting(pair: Pair) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pair.cert))


def replace(pair: Pair, other: Pair) -> None:
    shutil.copy(other.cert, pair.cert)
    shutil.copy(other.key, pair.key)


async def shown(port: int, **options: ssl.TLSVersion) -> tuple[bytes, str | None, str | None]:
    """The certificate that is shown, the version, the protocol agreed upon."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name, value in options.items():
        setattr(context, name, value)
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context)
    connection = writer.get_extra_info("ssl_object")
    found = connection.getpeercert(binary_form=True), connection.version()
    agreed = connection.selected_alpn_protocol()
    writer.transport.abort()
    del reader
    return *found, agreed


def der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.cert.read_text())


async def test_pages_are_served_over_tls_to_who_trusts_the_certificate(pair: Pair) -> None:
    tls = ServerTls(*pair)
    async with exposed(Door(read=READ), tls=tls) as client:
        assert str(client._base_url).startswith("https://")
        async with client.get("/healthz", ssl=trusting(pair)) as answer:
            assert answer.status == 200
            assert "Strict-Transport-Security" not in answer.headers
        form = {"token": READ}
        async with client.post(
            "/login", data=form, ssl=trusting(pair), allow_redirects=False
        ) as answer:
            assert answer.headers["Set-Cookie"].startswith("__Host-jobwatch=")
            assert "Secure" in answer.headers["Set-Cookie"]
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await client.get("/healthz")
        assert await shown(port_of(client)) == (der(pair), "TLSv1.3", "http/1.1")


async def test_tls_1_2_is_spoken_and_nothing_older(pair: Pair) -> None:
    async with exposed(Door(), tls=ServerTls(*pair)) as client:
        port = port_of(client)
        newest = ssl.TLSVersion.TLSv1_2
        assert (await shown(port, maximum_version=newest))[1] == "TLSv1.2"
        with (
            pytest.warns(DeprecationWarning, match="TLSv1"),
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            await shown(port, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)  # fmt: skip
        assert (await client.get("/healthz", ssl=trusting(pair))).status == 200


async def test_who_does_not_speak_tls_is_hung_up_on_and_fills_no_log(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with exposed(Door(), tls=ServerTls(*pair)) as client:
        port = port_of(client)
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff", b"\x00" * 9000):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(data)
            writer.write_eof()
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionError):
                    assert b"HTTP" not in await reader.read()
            writer.close()
        assert (await client.get("/healthz", ssl=trusting(pair))).status == 200
    assert (caplog.records, failures) == ([], [])


async def test_who_never_finishes_the_handshake_is_hung_up_on(pair: Pair) -> None:
    async with exposed(Door(), Limits(head=0.2), ServerTls(*pair)) as client:
        reader, writer = await asyncio.open_connection(HOST, port_of(client))
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


def ended(connection: socket.socket) -> bool:
    """Whether the server hung up."""
    connection.settimeout(5)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


async def test_connections_without_a_handshake_keep_nobody_out(pair: Pair) -> None:
    async with exposed(Door(), Limits(connections=4), ServerTls(*pair)) as client:
        idle = [socket.create_connection((HOST, port_of(client))) for _ in range(20)]
        for _ in range(3):
            assert (await client.get("/healthz", ssl=trusting(pair))).status == 200
        gone = await asyncio.to_thread(lambda: [ended(each) for each in idle[:16]])
        assert all(gone)
        for each in idle:
            each.close()


async def test_a_new_certificate_is_shown_without_a_restart(pair: Pair, second: Pair) -> None:
    tls = ServerTls(*pair)
    async with exposed(Door(), tls=tls) as client:
        port, old = port_of(client), der(pair)
        assert not tls.renew()
        kept = await client.get("/healthz", ssl=trusting(pair))
        replace(pair, second)
        assert (await shown(port))[0] == old
        assert tls.renew()
        assert not tls.renew()
        assert (await shown(port))[0] == der(second)
        assert (await shown(port, maximum_version=ssl.TLSVersion.TLSv1_2))[0] == der(second)
        assert kept.status == 200
    assert tls.take_problem() is None


async def test_half_a_renewal_and_a_broken_one_change_nothing_and_are_told_once(
    pair: Pair, second: Pair
) -> None:
    tls = ServerTls(*pair)
    async with exposed(Door(), tls=tls) as client:
        port, old = port_of(client), der(pair)
        shutil.copy(second.cert, pair.cert)
        assert not tls.renew()
        assert not tls.renew()
        problem = tls.take_problem() or ""
        assert "is not the key of" in problem
        assert "the certificate read before is still shown" in problem
        assert tls.take_problem() is None
        pair.key.unlink()
        assert not tls.renew()
        assert "cannot be read: no such file" in (tls.take_problem() or "")
        assert (await shown(port))[0] == old
        shutil.copy(second.key, pair.key)
        assert tls.renew()
        assert (await shown(port))[0] == der(second)
        assert tls.take_problem() is None


async def test_a_pair_that_goes_bad_and_comes_back_is_told_each_time(
    pair: Pair, first: Pair
) -> None:
    tls = ServerTls(*pair)
    for _ in range(2):
        pair.key.write_text("canary")
        assert not tls.renew()
        problem = tls.take_problem() or ""
        assert "holds no private key" in problem
        assert "canary" not in problem
        replace(pair, first)
        assert not tls.renew()
        assert tls.take_problem() is None


def test_files_that_cannot_be_used_are_a_mistake_of_the_configuration(
    tmp_path: Path, pair: Pair
) -> None:
    with pytest.raises(ConfigError, match=r"^http\.tls\.key_file: .*nowhere: cannot be read"):
        ServerTls(pair.cert, tmp_path / "nowhere")


async def test_a_large_page_arrives_whole_over_tls(pair: Pair) -> None:
    async with (
        exposed(Door(), tls=ServerTls(*pair)) as client,
        client.get("/large", ssl=trusting(pair)) as answer,
    ):
        assert await answer.read() == LARGE


async def test_plain_http_answers_nothing_to_a_greeting_of_tls() -> None:
    async with exposed(Door()) as client:
        assert (await say(port_of(client), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")).startswith(b"HTTP/1.0 400")  # fmt: skip
