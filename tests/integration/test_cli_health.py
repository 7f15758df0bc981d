"""`jobwatch health` against the real server, and against whatever else may listen at its address."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from jobwatch.cli.health import HEALTH, READINESS, judge, sentence
from jobwatch.web import build_app, serve
from tests.cli_rig import Done, aside, child, jobwatch
from tests.daemon import free_port
from tests.tls_front import certificate
from tests.web_rig import bare_view

HOST = "127.0.0.1"
SHORT = "300ms"


def configuration(folder: Path, port: int, *, tls: bool = False) -> Path:
    """A configuration of which nothing but its address can be used: its secrets are gone."""
    http: dict[str, object] = {"listen": f"0.0.0.0:{port}"}
    if tls:
        http["tls"] = {"cert_file": "/nowhere/tls.crt", "key_file": "/nowhere/tls.key"}
    tree = {"receivers": {"ops": {"url_file": "/nowhere/url"}}, "http": http}
    file = folder / "jobwatch.yaml"
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("stalled", "missing", "options", "said", "code"),
    [
        ([], [], (), "healthy", 0),
        ([], [], ("--ready",), "ready", 0),
        ([], ["source prod was not attempted yet"], (), "healthy", 0),
        (
            ["poller:prod"],
            [],
            (),
            "not healthy: poller:prod is stalled",
            1,
        ),
        (["lag", "prune"], [], (), "not healthy: lag, prune are stalled", 1),
        (
            [],
            ["source prod was not attempted yet", "source dev was not attempted yet"],
            ("--ready",),
            "not ready: source prod was not attempted yet, source dev was not attempted yet",
            1,
        ),
        (
            [],
            ["the store is held by \x1b[31mpod-1"],
            ("--ready",),
            "not ready: the store is held by \N{SYMBOL FOR ESCAPE}[31mpod-1",
            1,
        ),
    ],
)
async def test_it_says_what_the_server_says(
    stalled: list[str],
    missing: list[str],
    options: tuple[str, ...],
    said: str,
    code: int,
    tmp_path: Path,
) -> None:
    view = bare_view(stalled=lambda: stalled, missing=lambda: missing)
    async with serve(build_app(view), HOST, 0) as url:
        file = configuration(tmp_path, int(url.rsplit(":", 1)[1]))
        done = await aside("health", "--config", file, *options)
    assert done == Done(code, f"{said}\n", "")


async def test_programs_get_a_document(tmp_path: Path) -> None:
    view = bare_view(stalled=lambda: ["poller:prod"], missing=list)
    async with serve(build_app(view), HOST, 0) as url:
        file = configuration(tmp_path, int(url.rsplit(":", 1)[1]))
        ill = await aside("health", "--config", file, "--output", "json")
        ready = await aside("health", "--config", file, "--ready", "--output", "json")
    asked = url.replace("localhost", HOST)
    assert json.loads(ill.stdout) == {
        "healthy": False,
        "asked": f"{asked}/healthz",
        "problem": "poller:prod is stalled",
    }
    assert json.loads(ready.stdout) == {
        "ready": True,
        "asked": f"{asked}/readyz",
        "problem": None,
    }
    assert (ill.returncode, ready.returncode) == (1, 0)


def test_nobody_who_answers_is_a_failure_and_no_mistake(tmp_path: Path) -> None:
    done = child("health", "--config", configuration(tmp_path, free_port()))
    assert done == Done(1, "not answering: connection refused\n", "")


def test_a_configuration_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    missing = jobwatch("health", "--config", tmp_path / "missing.yaml")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "missing.yaml: cannot be read" in missing.stderr
    nowhere = jobwatch("health", env={"JOBWATCH_HTTP__LISTEN": "nowhere"})
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert "http.listen: 'nowhere' is not host:port" in nowhere.stderr


Answer = Callable[[socket.socket], None]


@contextmanager
def listening(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that does one thing to whoever connects, until nobody is there any more."""
    with closing(socket.create_server((HOST, 0))) as server:

        def serve_one() -> None:
            with suppress(OSError), closing(server.accept()[0]) as accepted:
                accepted.settimeout(20)
                channel: socket.socket = accepted
                if context is not None:
                    channel = context.wrap_socket(accepted, server_side=True)
                with closing(channel):
                    answer(channel)

        thread = threading.Thread(target=serve_one)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            thread.join(20)
            assert not thread.is_alive()


def sends(*pieces: bytes) -> Answer:
    def answer(channel: socket.socket) -> None:
        channel.recv(65_536)
        for piece in pieces:
            channel.sendall(piece)

    return answer


def for_ever(piece: bytes, *first: bytes) -> Answer:
    """Send until the client has had enough."""

    def answer(channel: socket.socket) -> None:
        channel.recv(65_536)
        channel.sendall(b"".join(first))
        while True:
            channel.sendall(piece)

    return answer


def says_nothing(channel: socket.socket) -> None:
    while channel.recv(65_536):
        pass


def drips(channel: socket.socket) -> None:
    """A byte of a head that never ends, each well before anybody is tired of waiting for one."""
    left = threading.Event()
    while not left.wait(0.02):
        channel.sendall(b"H")


def resets(channel: socket.socket) -> None:
    channel.recv(65_536)
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


OK = b"HTTP/1.1 200 OK\r\n"
NO_HTTP = "not answering: what listens there does not speak HTTP"
TOO_LATE = "not answering: no answer within 0.3 s"
FOREIGN = "not healthy: what listens there is not jobwatch (it answers {})"


LISTENERS: dict[str, tuple[Answer, str]] = {
    "one that is silent": (says_nothing, TOO_LATE),
    "one that drips": (drips, TOO_LATE),
    "one that resets": (resets, "not answering: connection reset by peer"),
    "one that closes": (sends(), NO_HTTP),
    "one that sends bytes": (sends(b"\x00\xff" * 1000), NO_HTTP),
    "another protocol": (sends(b"SSH-2.0-OpenSSH_9.2\r\n"), NO_HTTP),
    "too many headers": (sends(OK + b"X: y\r\n" * 1000 + b"\r\n{}"), NO_HTTP),
    "too long a status": (sends(b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n"), NO_HTTP),
    "a line without end": (for_ever(b"x" * 65_536), NO_HTTP),
    "a body without end": (for_ever(b"x" * 65_536, OK, b"\r\n"), FOREIGN.format(200)),
    "another site": (
        sends(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope"),
        FOREIGN.format(404),
    ),
    "one that redirects": (
        sends(b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n"),
        FOREIGN.format(302),
    ),
    "too large a length": (
        sends(OK + b"Content-Length: 99999999999999999999\r\n\r\n[]"),
        FOREIGN.format(200),
    ),
    "a broken chunk": (
        sends(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\nab"),
        NO_HTTP,
    ),
    "too deep a body": (sends(OK + b"\r\n" + b"[" * 60_000), FOREIGN.format(200)),
    "too large a number": (
        sends(OK + b"\r\n" + b'{"healthy": ' + b"9" * 5000 + b"}"),
        FOREIGN.format(200),
    ),
    "jobwatch": (sends(OK + b"\r\n", b'{"healthy": true}'), "healthy"),
}


@pytest.mark.parametrize("name", LISTENERS)
def test_whatever_listens_there_the_command_ends_in_time_and_in_words(
    name: str, tmp_path: Path
) -> None:
    answer, said = LISTENERS[name]
    with listening(answer) as port:
        file = configuration(tmp_path, port)
        done = jobwatch("health", "--config", file, "--timeout", SHORT)
    assert done == Done(0 if said == "healthy" else 1, f"{said}\n", "")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{}", "not healthy: what listens there is not jobwatch (it answers 503)"),
        (b'{"healthy": false}', "not healthy: it does not say why"),
        (b'{"healthy": false, "stalled": [1, null]}', "not healthy: it does not say why"),
        (b'{"healthy": false, "stalled": "all"}', "not healthy: it does not say why"),
        (b'{"healthy": true, "stalled": []}', "not healthy: it does not say why"),
        (
            b'{"healthy": false, "stalled": ["a\\ud800\\u202e\\n", "b"]}',
            "not healthy: a\ufffd\ufffd\N{SYMBOL FOR LINE FEED}, b are stalled",
        ),
        (
            json.dumps({"healthy": False, "stalled": list("abcdefgh")}).encode(),
            "not healthy: a, b, c, d, e and 3 more are stalled",
        ),
    ],
)
def test_an_answer_that_is_not_well_is_told_in_one_line(body: bytes, said: str) -> None:
    assert sentence(judge(503, body, HEALTH), HEALTH) == said


def test_a_name_without_end_is_cut() -> None:
    body = json.dumps({"ready": False, "missing": ["x" * 10_000]}).encode()
    assert len(sentence(judge(503, body, READINESS), READINESS)) < 150


def test_tls_is_spoken_and_its_certificate_is_not_verified(tmp_path: Path) -> None:
    own = certificate(tmp_path, "jobwatch.example.com").context()
    with listening(sends(OK + b"\r\n", b'{"healthy": true}'), own) as port:
        done = jobwatch("health", "--config", configuration(tmp_path, port, tls=True))
    assert done == Done(0, "healthy\n", "")


def test_one_who_speaks_tls_and_one_who_does_not_are_told_apart(tmp_path: Path) -> None:
    with listening(sends(OK + b"\r\n")) as port:
        file = configuration(tmp_path, port, tls=True)
        done = jobwatch("health", "--config", file, "--timeout", SHORT)
    assert done == Done(1, "not answering: what listens there does not speak TLS\n", "")
    with listening(says_nothing) as port:
        file = configuration(tmp_path, port, tls=True)
        done = jobwatch("health", "--config", file, "--timeout", SHORT)
    assert done == Done(1, f"{TOO_LATE}\n", "")
