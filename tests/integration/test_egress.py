"""What the transport does not connect to, however it is asked; the way through a proxy; certificates of one's own."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from jobwatch.core.addresses import Guard
from jobwatch.core.errors import ConfigError, TransportKind
from jobwatch.transport import Transport, tls_context
from tests.faults.certificate import self_signed
from tests.integration.egress_rig import PUBLIC_ONLY, Names, answers, get, send
from tests.raw_server import Peer, fail, serving

BLOCKED, PROTOCOL = TransportKind.BLOCKED, TransportKind.PROTOCOL
CONNECT, DNS, TLS = TransportKind.CONNECT, TransportKind.DNS, TransportKind.TLS
ONLY_THE_SECOND = Guard(mode="public_only", allow=(ip_network("127.0.0.2/32"),))


# ── The guard ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("127.0.0.1", BLOCKED),
        ("localhost", BLOCKED),
        ("LOCALHOST", BLOCKED),
        ("[::ffff:127.0.0.1]", BLOCKED),
        ("[::FFFF:7F00:1]", BLOCKED),
        ("[0:0:0:0:0:ffff:127.0.0.1]", BLOCKED),
        ("[64:ff9b::127.0.0.1]", BLOCKED),
        ("[::1]", BLOCKED),
        ("[fe80::1%25lo]", BLOCKED),
        ("2130706433", PROTOCOL),
        ("0177.0.0.1", PROTOCOL),
        ("0x7f000001", PROTOCOL),
        ("0x7f.1", PROTOCOL),
        ("127.1", PROTOCOL),
        ("127.0.0.1.", PROTOCOL),
        ("0", PROTOCOL),
        ("１２７.０.０.１", PROTOCOL),  # noqa: RUF001  the point
        ("%31%32%37.0.0.1", PROTOCOL),
        ("localhos%74", PROTOCOL),
        ("user@127.0.0.1", PROTOCOL),
        ("\\@127.0.0.1", PROTOCOL),
    ],
)
async def test_no_spelling_of_an_address_passes_the_guard(host: str, kind: TransportKind) -> None:
    async with Transport(guard=PUBLIC_ONLY) as transport, serving(answers) as server:
        error = await fail(transport, get(f"http://{host}:{server.port}/canary?key=canary"))
    assert error.kind is kind
    assert server.connections == 0


async def test_a_name_of_loopback_that_ends_in_a_dot_does_not_pass_either() -> None:
    async with Transport(guard=PUBLIC_ONLY) as transport, serving(answers) as server:
        error = await fail(transport, get(f"http://localhost.:{server.port}/canary"))
    assert error.kind in (BLOCKED, DNS)  # some systems do not know the name
    assert server.connections == 0


async def test_a_refusal_names_host_and_address_and_why() -> None:
    async with Transport(guard=Guard(), resolver=Names([["169.254.169.254"]])) as transport:
        error = await fail(transport, get("http://hooks.example.com/canary"))
    why = "169.254.169.254 is a metadata address (egress.guard)"
    assert (error.kind, str(error)) == (BLOCKED, f"hooks.example.com: {why}")


async def test_metadata_addresses_are_blocked_and_loopback_is_not_unless_it_is_said() -> None:
    async with Transport(guard=Guard()) as transport, serving(answers) as server:
        assert (await send(transport, server.get())).body == b"ok"
        for host in ("169.254.169.254", "[fd00:ec2::254]", "[::ffff:a9fe:a9fe]", "0.0.0.0"):
            error = await fail(transport, get(f"http://{host}:{server.port}/canary"))
            assert error.kind is BLOCKED
    assert server.connections == 1


async def test_an_allowed_range_is_reached() -> None:
    guard = Guard(mode="public_only", allow=(ip_network("127.0.0.0/8"),))
    async with Transport(guard=guard) as transport, serving(answers) as server:
        assert (await send(transport, server.get())).body == b"ok"


@asynccontextmanager
async def second_address(port: int, visits: list[str]) -> AsyncIterator[None]:
    """The same port at 127.0.0.2."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        visits.append("127.0.0.2")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecond")
        writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.2", port)
    try:
        yield
    finally:
        listener.close()


@pytest.mark.parametrize(
    "mixed",
    [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.1"] * 3 + ["127.0.0.2"]],
)
async def test_of_good_and_bad_addresses_the_good_ones_are_used(mixed: list[str]) -> None:
    visits: list[str] = []
    async with (
        serving(answers) as first,
        second_address(first.port, visits),
        Transport(guard=ONLY_THE_SECOND, resolver=Names([mixed])) as transport,
    ):
        response = await send(transport, get(f"http://mixed.example:{first.port}/"))
    assert response.body == b"second"
    assert (first.connections, visits) == (0, ["127.0.0.2"])


@pytest.mark.parametrize("mixed", [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]])
async def test_where_the_good_ones_fail_that_is_what_is_told(mixed: list[str]) -> None:
    async with (
        serving(answers) as first,
        Transport(guard=ONLY_THE_SECOND, resolver=Names([mixed])) as transport,
    ):
        error = await fail(transport, get(f"http://mixed.example:{first.port}/canary"))
    assert error.kind is CONNECT
    assert "127.0.0.1 is loopback" in str(error)
    assert first.connections == 0


async def test_where_all_are_bad_each_is_named_once() -> None:
    names = Names([["10.0.0.1", "127.0.0.1", "10.0.0.1"]])
    async with Transport(guard=PUBLIC_ONLY, resolver=names) as transport:
        error = await fail(transport, get("http://bad.example/canary"))
    assert error.kind is BLOCKED
    assert str(error).count("10.0.0.1") == str(error).count("127.0.0.1") == 1


async def test_a_name_that_turns_to_a_bad_address_is_judged_at_the_next_connection() -> None:
    names = Names([["127.0.0.2"], ["127.0.0.1"]])
    visits: list[str] = []
    async with serving(answers) as first, second_address(first.port, visits):
        async with Transport(guard=ONLY_THE_SECOND, resolver=names) as transport:
            url = f"http://turns.example:{first.port}/canary"
            assert (await send(transport, get(url))).body == b"second"
        async with Transport(guard=ONLY_THE_SECOND, resolver=names) as transport:
            error = await fail(transport, get(url))
    assert (error.kind, first.connections, len(visits)) == (BLOCKED, 0, 1)


async def test_a_kept_connection_stays_where_the_guard_let_it_go() -> None:
    names = Names([["127.0.0.1"], ["169.254.169.254"]])
    async with Transport(guard=Guard(), resolver=names) as transport:
        async with serving(answers) as server:
            for _ in range(3):
                await send(transport, get(f"http://kept.example:{server.port}/"))
        assert (server.connections, len(server.requests)) == (1, 3)
        async with serving(answers) as other:
            error = await fail(transport, get(f"http://kept.example:{other.port}/canary"))
    assert (error.kind, other.connections) == (BLOCKED, 0)


async def test_connections_of_two_transports_are_not_shared() -> None:
    async with serving(answers) as server, Transport() as free:
        await send(free, server.get())
        async with Transport(guard=PUBLIC_ONLY) as guarded:
            assert (await fail(guarded, server.get())).kind is BLOCKED
        await send(free, server.get())
    assert server.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_its_target_is_not_visited(status: int) -> None:
    async with serving(answers) as trap:
        places = (f"http://127.0.0.1:{trap.port}/", f"http://169.254.169.254:{trap.port}/latest")

        async def redirects(peer: Peer) -> None:
            for place in places:
                await peer.request()
                await peer.answer(status=f"{status} X", headers=(f"Location: {place}",))

        async with Transport(guard=Guard()) as transport, serving(redirects) as server:
            for _ in places:
                assert (await send(transport, server.post())).status == status
    assert (trap.connections, len(server.requests)) == (0, 2)


# ── Certificates ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def server_tls(tmp_path: Path) -> ssl.SSLContext:
    return self_signed(tmp_path)


async def test_a_certificate_of_ones_own_is_trusted_besides_the_systems(
    tmp_path: Path, server_tls: ssl.SSLContext
) -> None:
    context = tls_context(tmp_path / "certificate.pem")
    system = ssl.create_default_context().cert_store_stats()["x509_ca"]
    assert context.cert_store_stats()["x509_ca"] == system + 1
    async with serving(answers, server_tls) as server:
        async with Transport(tls=context) as transport:
            assert (await send(transport, server.get())).body == b"ok"
        async with Transport() as transport:
            assert (await fail(transport, server.get())).kind is TLS
        async with Transport(tls=context) as transport:
            error = await fail(transport, get(server.url().replace("127.0.0.1", "localhost")))
            assert error.kind is TLS


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.pem", None, "no such file or directory"),
        ("empty.pem", b"", "it holds no certificate in PEM form"),
        ("text.pem", b"hello\n", "it holds no certificate in PEM form"),
        (
            "broken.pem",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "it holds no certificate in PEM form",
        ),
    ],
)
def test_a_ca_file_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        tls_context(path)
    assert caught.value.problems == (f"egress.ca_file: {path}: {reason}",)


def test_a_folder_is_no_ca_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"egress\.ca_file: "):
        tls_context(tmp_path)
