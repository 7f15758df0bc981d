"""The way through a proxy: what it hears of, what it never hears of, and who is to blame."""

import ssl
from pathlib import Path

import pytest

from jobwatch.core.addresses import Guard
from jobwatch.core.errors import TransportKind
from jobwatch.transport import Transport, read_proxy, tls_context
from tests.faults.certificate import self_signed
from tests.integration.egress_rig import (
    PUBLIC_ONLY,
    Names,
    answers,
    answers_once,
    get,
    proxying,
    send,
)
from tests.raw_server import fail, serving

BLOCKED, PROTOCOL = TransportKind.BLOCKED, TransportKind.PROTOCOL
CONNECT, DNS, TLS = TransportKind.CONNECT, TransportKind.DNS, TransportKind.TLS


@pytest.fixture
def server_tls(tmp_path: Path) -> ssl.SSLContext:
    return self_signed(tmp_path)


def trusting(tmp_path: Path) -> ssl.SSLContext:
    """Trust the server's certificate, which is for 127.0.0.1, under any name."""
    context = tls_context(tmp_path / "certificate.pem")
    context.check_hostname = False
    return context


async def test_https_goes_through_a_tunnel_that_shows_the_proxy_no_more_than_host_and_port(
    tmp_path: Path, server_tls: ssl.SSLContext
) -> None:
    async with serving(answers, server_tls) as server, proxying("me:p@ss:wörd") as proxy:
        url = proxy.url("me:p%40ss%3Aw%C3%B6rd@")
        async with Transport(
            tls=trusting(tmp_path), guard=PUBLIC_ONLY, proxy=lambda: url
        ) as transport:
            for _ in range(2):
                response = await send(transport, get(f"https://hooks.example:{server.port}/canary"))
    assert response.body == b"ok"
    assert len(proxy.heads) == 1  # the tunnel is kept
    assert proxy.heads[0].startswith(f"CONNECT hooks.example:{server.port} HTTP/1.1".encode())
    assert b"canary" not in proxy.heads[0]
    assert all(b"roxy" not in heard for heard in server.requests)


async def test_http_is_handed_to_the_proxy_whole() -> None:
    async with (
        serving(answers_once) as server,
        proxying("me:secret") as proxy,
        Transport(proxy=lambda: proxy.url("me:secret@")) as transport,
    ):
        response = await send(transport, get(f"http://hooks.example:{server.port}/a%2Fb?c=%41"))
    assert response.body == b"ok"
    target = f"GET http://hooks.example:{server.port}/a%2Fb?c=%41 HTTP/1.1".encode()
    assert proxy.heads[0].startswith(target)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_another_password_is_named_and_its_words_are_not(
    scheme: str,
) -> None:
    async with (
        proxying("me:secret") as proxy,
        Transport(proxy=lambda: proxy.url("canary:canary@")) as transport,
    ):
        error = await fail(transport, get(f"{scheme}://hooks.example/canary"))
    assert (error.kind, str(error)) == (CONNECT, "the proxy refused: HTTP 407")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_is_named(scheme: str) -> None:
    async with proxying() as proxy:
        pass
    async with Transport(proxy=lambda: proxy.url("canary:canary@")) as transport:
        error = await fail(transport, get(f"{scheme}://hooks.example/canary"))
    words = f"the proxy 127.0.0.1:{proxy.port}: connection refused"
    assert (error.kind, str(error)) == (CONNECT, words)


async def test_a_proxy_without_an_address_is_named() -> None:
    async with Transport(proxy=lambda: "http://canary:canary@nowhere.invalid:3128") as transport:
        error = await fail(transport, get("https://hooks.example/canary"))
    assert (error.kind, str(error)) == (DNS, "the proxy nowhere.invalid: the name has no address")


async def test_a_certificate_is_checked_within_the_tunnel(server_tls: ssl.SSLContext) -> None:
    async with (
        serving(answers, server_tls) as server,
        proxying() as proxy,
        Transport(proxy=proxy.url) as transport,
    ):
        error = await fail(transport, get(f"https://hooks.example:{server.port}/canary"))
    assert error.kind is TLS
    assert str(error).startswith(f"hooks.example:{server.port}: ")


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("10.0.0.1", BLOCKED),
        ("[::ffff:10.0.0.1]", BLOCKED),
        ("[64:ff9b::169.254.169.254]", BLOCKED),
        ("169.254.169.254", BLOCKED),
        ("[fd00:ec2::254]", BLOCKED),
        ("0xa9fea9fe", PROTOCOL),
        ("2852039166", PROTOCOL),
        ("169.254.43518", PROTOCOL),
        ("%31.2.3.4", PROTOCOL),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_address_is_judged_before_a_proxy_hears_of_it(
    scheme: str, host: str, kind: TransportKind
) -> None:
    async with (
        proxying() as proxy,
        Transport(guard=PUBLIC_ONLY, proxy=proxy.url) as transport,
    ):
        error = await fail(transport, get(f"{scheme}://{host}/canary"))
    assert error.kind is kind
    assert proxy.heads == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_loopback_is_reached_without_the_proxy(host: str) -> None:
    async with (
        serving(answers) as server,
        proxying() as proxy,
        Transport(guard=Guard(), proxy=proxy.url) as transport,
    ):
        response = await send(transport, get(f"http://{host}:{server.port}/"))
    assert response.body == b"ok"
    assert proxy.heads == []


async def test_a_metadata_service_is_asked_without_the_proxy_or_not_at_all() -> None:
    names = Names([["127.0.0.1"], ["169.254.0.23"]])
    async with serving(answers) as server, proxying() as proxy:
        url = f"http://metadata.tencentyun.com:{server.port}/canary"
        async with Transport(proxy=proxy.url, resolver=names) as transport:
            assert (await send(transport, get(url))).body == b"ok"
        async with Transport(proxy=proxy.url, resolver=names, guard=Guard()) as transport:
            assert (await fail(transport, get(url))).kind is BLOCKED
    assert proxy.heads == []


@pytest.mark.parametrize(
    "text",
    [
        *("canary", "socks5://canary:1080", "https://canary:443", "http://", "http://canary:0"),
        *("http://canary/path", "http://canary/?q", "http://canary:99999", "http://[canary"),
    ],
)
def test_what_is_no_proxy_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="is not the address of a proxy") as caught:
        read_proxy(text)
    assert "canary" not in repr(caught.value)
    assert caught.value.__cause__ is None


async def test_a_password_of_the_proxy_that_was_changed_is_used_at_once() -> None:
    passwords = ["old", "new"]
    async with (
        serving(answers) as server,
        proxying("me:new") as proxy,
        Transport(proxy=lambda: proxy.url(f"me:{passwords[0]}@")) as transport,
    ):
        refused = await fail(transport, get(f"http://hooks.example:{server.port}/"))
        passwords.pop(0)
        answer = await send(transport, get(f"http://hooks.example:{server.port}/"))
    assert refused.kind is CONNECT
    assert answer.status == 200


async def test_a_proxy_that_cannot_be_read_is_said_so_without_being_repeated() -> None:
    async with Transport(proxy=lambda: "socks5://canary:1") as transport:
        error = await fail(transport, get("http://hooks.example/"))
    assert (error.kind, str(error)) == (
        CONNECT,
        "the proxy's address cannot be read (egress.proxy)",
    )


def test_a_proxy_does_not_show_itself() -> None:
    assert "canary" not in repr(read_proxy("http://canary:canary@proxy.example:3128"))
