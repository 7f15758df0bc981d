"""A proxy that answers in somebody's place, and repeats the password that it was given."""

import pytest

from jobwatch.core.http import HttpResponse
from jobwatch.transport import Transport
from jobwatch.transport.proxy import read_proxy
from tests.integration.egress_rig import get, send
from tests.raw_server import Peer, serving


async def repeats(peer: Peer) -> None:
    head = await peer.request()
    await peer.answer(
        b"refused u%40me s3cret " + head, "502 Bad Gateway", ("X-Login: u@me:s3cret",)
    )


async def test_an_answer_of_a_proxy_does_not_repeat_its_password() -> None:
    async with serving(repeats) as proxy:
        at = proxy.url("").removeprefix("http://")
        async with Transport(proxy=lambda: f"http://u%40me:s3cret@{at}") as transport:
            answer = await send(transport, get("http://hooks.example.com/x"))
    assert answer.status == 502
    assert b"dUBtZTpzM2NyZXQ=" in proxy.requests[0]
    assert answer.body.startswith(b"refused *** *** GET http://hooks.example.com/x")
    assert b"Proxy-Authorization: Basic ***" in answer.body
    assert answer.headers["x-login"] == "***:***"


@pytest.mark.parametrize("address", ["http://proxy:3128", "http://a:b@proxy:3128"])
def test_short_words_and_no_words_leave_an_answer_as_it_is(address: str) -> None:
    answer = HttpResponse(status=502, headers={"x": "abba"}, body=b"abba \xff")
    assert read_proxy(address).unquoted(answer) == answer
