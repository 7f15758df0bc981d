"""Tokens, the login form and changes of state, over real sockets."""

from datetime import timedelta
from http.cookies import SimpleCookie

import aiohttp
import pytest
from structlog.testing import capture_logs

from jobwatch.core.errors import ConfigError
from jobwatch.web.entrance.sessions import LASTS
from tests.integration.exposed import CHANGE, HOST, OPERATE, READ, Door, exposed, port_of, say

HTML = {"Accept": "text/html,application/xhtml+xml"}
PATHS = ["/metrics", "/schemas/", "/api/v1/sources", "/nothing", "/-/change"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def log_in(
    client: aiohttp.ClientSession, token: str, **headers: str
) -> aiohttp.ClientResponse:
    form = {"token": token, "next": "/metrics?x=1"}
    answer = await client.post("/login", data=form, headers=headers, allow_redirects=False)
    await answer.read()
    return answer


def cookie_of(answer: aiohttp.ClientResponse) -> str:
    """What a browser sends back."""
    return "; ".join(f"{name}={each.value}" for name, each in answer.cookies.items())


@pytest.mark.parametrize("path", PATHS)
async def test_with_a_read_token_nothing_but_health_is_told_to_who_does_not_know_it(
    path: str,
) -> None:
    async with exposed(Door(read=READ)) as client:
        for headers in (
            {},
            bearer("wrong-token-0123456789"),
            bearer(""),
            {"Authorization": "Basic x"},
        ):
            async with client.get(path, headers=headers) as answer:
                assert answer.status == 401
                assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="jobwatch"')
                assert READ not in await answer.text()
        for open_path in ("/healthz", "/readyz"):
            async with client.get(open_path) as answer:
                assert answer.status in (200, 503)
        assert (await client.post("/metrics", headers=bearer("x"))).status in (403, 405)


async def test_either_token_reads_as_a_bearer() -> None:
    async with exposed(Door(read=READ, operate=OPERATE)) as client:
        for headers in (bearer(READ), bearer(OPERATE), {"Authorization": f"bearer  {READ} "}):
            async with client.get("/metrics", headers=headers) as answer:
                assert answer.status == 200
        async with client.head("/metrics", headers=bearer(READ)) as answer:
            assert answer.status == 200


async def test_a_header_that_stands_twice_is_no_token() -> None:
    async with exposed(Door(read=READ)) as client:
        lines = "".join(f"Authorization: Bearer {each}\r\n" for each in (READ, "x"))
        said = await say(
            port_of(client),
            f"GET /metrics HTTP/1.1\r\nHost: x\r\n{lines}Connection: close\r\n\r\n".encode(),
        )
    assert said.startswith((b"HTTP/1.1 401", b"HTTP/1.0 400"))


async def test_a_browser_is_sent_to_the_form_and_back_to_where_it_wanted_to() -> None:
    async with exposed(Door(read=READ)) as client:
        async with client.get("/metrics?x=1", headers=HTML, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (
                303,
                "/login?next=%2Fmetrics%3Fx%3D1",
            )
        async with client.get(answer.headers["Location"], headers=HTML) as answer:
            page = await answer.text()
            policy = answer.headers["Content-Security-Policy"]
        assert 'value="/metrics?x=1"' in page
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
        entered = await log_in(client, READ)
        assert (entered.status, entered.headers["Location"]) == (303, "/metrics?x=1")
        async with client.get("/metrics", headers={"Cookie": cookie_of(entered)}) as answer:
            assert answer.status == 200


async def test_the_cookie_is_of_no_use_to_scripts_other_sites_and_whoever_finds_it_later() -> None:
    door = Door(read=READ, operate=OPERATE)
    async with exposed(door) as client:
        entered = await log_in(client, READ)
        line = entered.headers["Set-Cookie"]
        assert line.startswith("jobwatch=")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(line.split("; "))
        assert READ not in line
        cookie = {"Cookie": cookie_of(entered)}
        assert (await client.get("/metrics", headers=cookie)).status == 200
        assert (await client.post(CHANGE, headers=cookie)).status == 401
        door.now += LASTS
        assert (await client.get("/metrics", headers=cookie)).status == 401
        door.now -= timedelta(days=1)
        assert (await client.get("/metrics", headers=cookie)).status == 200
        door.read = READ + "changed"
        assert (await client.get("/metrics", headers=cookie)).status == 401
    assert door.changed == 0


async def test_behind_an_https_address_the_cookie_never_travels_in_the_clear() -> None:
    door = Door(read=READ, public_url="https://jobwatch.example.com")
    async with exposed(door) as client:
        entered = await log_in(client, READ)
        line = entered.headers["Set-Cookie"]
        assert line.startswith("__Host-jobwatch=")
        assert "Secure" in line.split("; ")
        renamed = {"Cookie": cookie_of(entered).removeprefix("__Host-")}
        assert (await client.get("/metrics", headers=renamed)).status == 401
        async with client.get("/login", headers=HTML | {"Host": "10.0.0.1:19870"}) as answer:
            assert "Sessions are kept at https://jobwatch.example.com alone" in await answer.text()


async def test_logging_out_takes_the_cookie_away_and_another_site_cannot_do_it() -> None:
    async with exposed(Door(read=READ)) as client:
        cookie = {"Cookie": cookie_of(await log_in(client, READ))}
        async with client.get("/login", headers=cookie | HTML) as answer:
            assert 'action="/logout"' in await answer.text()
        foreign = cookie | {"Origin": "https://evil.example.com"}
        assert (await client.post("/logout", headers=foreign)).status == 403
        async with client.post("/logout", headers=cookie, allow_redirects=False) as answer:
            left = SimpleCookie(answer.headers["Set-Cookie"])["jobwatch"]
            assert (answer.status, left.value, left["max-age"]) == (303, "", "0")


@pytest.mark.parametrize("token", ["", "wrong-token-0123456789", OPERATE])
async def test_what_is_not_the_read_token_opens_nothing_and_is_not_repeated(token: str) -> None:
    async with exposed(Door(read=READ, operate=OPERATE)) as client:
        with capture_logs() as logs:
            refused = await log_in(client, token)
        assert refused.status == 403
        assert "Set-Cookie" not in refused.headers
        assert token not in await refused.text() or not token
        assert [each["event"] for each in logs] == ["login.failed"]
        assert token not in str(logs) or not token


async def test_another_site_cannot_log_somebody_in() -> None:
    async with exposed(Door(read=READ)) as client:
        for headers in ({"Origin": "https://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"}):
            refused = await log_in(client, READ, **headers)
            assert refused.status == 403
            assert "Set-Cookie" not in refused.headers
        own = f"http://{HOST}:{port_of(client)}"
        assert (await log_in(client, READ, Origin=own)).status == 303


async def test_guessing_is_slowed_down_for_who_guesses_and_for_nobody_else() -> None:
    door = Door(read=READ)
    async with exposed(door) as client:
        known = cookie_of(await log_in(client, READ))
        told = [
            (await log_in(client, f"guess-{n}", **{"X-Forwarded-For": f"10.0.0.{n}"})).status
            for n in range(12)
        ]
        assert told == [*[403] * 10, 429, 429]
        late = await log_in(client, READ)
        assert (late.status, late.headers["Retry-After"]) == (429, "7")
        assert "Set-Cookie" not in late.headers
        assert (await client.get("/metrics", headers=bearer(READ))).status == 200
        door.now += LASTS
        assert (await log_in(client, READ, Cookie=known)).status == 303
        other = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        async with aiohttp.ClientSession(client._base_url, connector=other) as neighbour:
            assert (await log_in(neighbour, READ)).status == 303
        door.monotonic += 7
        assert (await log_in(client, READ)).status == 303


async def test_a_form_of_any_size_or_shape_is_answered() -> None:
    async with exposed(Door(read=READ)) as client:
        for data in (b"", b"\xff\x00", b"a" * 30_000, b"token=" + READ.encode() + b"%00"):
            assert (await client.post("/login", data=data)).status == 403
        assert (await client.post("/login", data=b"a" * 70_000)).status == 413


async def test_without_a_read_token_there_is_nothing_to_log_in_to() -> None:
    async with exposed(Door()) as client:
        for answer in (
            await client.get("/login?next=/metrics", allow_redirects=False),
            await client.post("/login", data={"next": "/metrics"}, allow_redirects=False),
        ):
            assert (answer.status, answer.headers["Location"]) == (303, "/metrics")
            assert "Set-Cookie" not in answer.headers


async def test_the_operate_token_changes_and_no_other() -> None:
    door = Door(read=READ, operate=OPERATE)
    async with exposed(door) as client:
        assert (await client.post(CHANGE)).status == 401
        assert (await client.post(CHANGE, headers=bearer("wrong-token-0123456789"))).status == 401
        async with client.post(CHANGE, headers=bearer(READ)) as answer:
            assert answer.status == 403
            assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
            error = (await answer.json())["error"]
        assert error["code"] == "token_only_reads"
        assert door.changed == 0
        async with client.post(CHANGE, headers=bearer(OPERATE), data=b"x") as answer:
            assert answer.status == 200
    assert (door.changed, door.bodies) == (1, [b"x"])


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 200, None),
        ({"Content-Type": "application/json"}, 200, None),
        ({"X-Forwarded-For": "127.0.0.1"}, 403, "through_a_proxy"),
        ({"Via": "1.1 proxy"}, 403, "through_a_proxy"),
        ({"Host": "rebound.example.com"}, 403, "foreign_host"),
        ({"Origin": "https://evil.example.com"}, 403, "foreign_page"),
        ({"Origin": "null"}, 403, "foreign_page"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "foreign_page"),
        ({"Content-Type": "text/plain"}, 415, "form"),
    ],
)
async def test_without_an_operate_token_only_programs_on_this_machine_change(
    headers: dict[str, str], status: int, code: str | None
) -> None:
    door = Door()
    with capture_logs() as logs:
        async with exposed(door) as client, client.post(CHANGE, headers=headers) as answer:
            assert answer.status == status
            body = await answer.json()
    assert door.changed == (status == 200)
    if code is not None:
        assert body["error"]["code"] == code
        assert [(each["event"], each["reason"]) for each in logs] == [("request.denied", code)]


async def test_http_1_0_and_a_whole_url_are_how_proxies_ask_and_change_nothing() -> None:
    door = Door()
    async with exposed(door) as client:
        port = port_of(client)
        for line in (f"POST {CHANGE} HTTP/1.0", f"POST http://{HOST}:{port}{CHANGE} HTTP/1.1"):
            request = (
                f"{line}\r\nHost: {HOST}:{port}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
            assert b" 403 " in (await say(port, request.encode())).split(b"\r\n")[0]
    assert door.changed == 0


async def test_a_public_address_needs_a_token_for_changes() -> None:
    door = Door(public_url="https://jobwatch.example.com")
    async with exposed(door) as client:
        assert (await client.post(CHANGE)).status == 403
        door.operate = OPERATE
        assert (await client.post(CHANGE, headers=bearer(OPERATE))).status == 200


async def test_tokens_that_cannot_be_read_open_nothing_but_health() -> None:
    door = Door(read=READ, failure=ConfigError(["/run/secrets/read: cannot be read"]))
    with capture_logs() as logs:
        async with exposed(door) as client:
            for path in ("/metrics", "/metrics", "/login", "/api/v1/sources"):
                async with client.get(path, headers=bearer(READ)) as answer:
                    assert answer.status == 503
                    assert "secrets" not in await answer.text()
            assert (await client.post(CHANGE, headers=bearer(READ))).status == 503
            assert (await client.get("/healthz")).status == 200
    assert [each["event"] for each in logs] == ["token.unread"]


@pytest.mark.parametrize(
    "path",
    [
        "/%68ealthz/../metrics",
        "/healthz/../metrics",
        "//healthz",
        "/healthz/",
        "/metrics?/healthz",
        "/metrics#/healthz",
        "/healthz;/metrics",
        "/healthz%2f..%2fmetrics",
    ],
)
async def test_no_spelling_of_an_open_path_opens_another(path: str) -> None:
    async with exposed(Door(read=READ)) as client:
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        said = await say(port_of(client), request.encode())
    assert b"jobwatch_build_info" not in said
    assert said.split(b" ")[1] in (b"401", b"400")


async def test_what_is_wrong_is_told_to_programs_in_json() -> None:
    async with exposed(Door()) as client:
        async with client.get("/api/v1/nothing") as answer:
            assert (answer.status, answer.content_type) == (404, "application/json")
            assert (await answer.json())["error"]["code"] == "not_found"
        async with client.get("/nothing") as answer:
            assert (answer.status, answer.content_type) != (404, "application/json")
