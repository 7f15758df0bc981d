"""`jobwatch health`: asks the daemon of this configuration whether its loops turn, in one line and an exit code.

Law of this module: it runs every few seconds beside the daemon, in the same memory, so it imports little and reads
little; and whatever answers at that address, the command ends in time. The certificate is not verified: who asks is on
the same machine, and nothing secret is sent.
"""

import contextlib
import http.client
import io
import json
import os
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from jobwatch.cli.ending import Exit
from jobwatch.cli.listening import Listening, listening
from jobwatch.cli.screen import OutputFormat, Screen
from jobwatch.cli.text import plain

TIMEOUT = timedelta(seconds=3)
ANSWER_LIMIT = 64 * 1024
MOST_NAMES = 5
LONGEST_NAME = 100


class Question(NamedTuple):
    """A page of the daemon's, the word for all being well, and where its answer names what is not."""

    path: str
    good: str
    names: str
    one: str
    many: str


HEALTH = Question("/healthz", "healthy", "stalled", " is stalled", " are stalled")
READINESS = Question("/readyz", "ready", "missing", "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How it went; `problem` is None where all is well, `answered` whether anybody spoke HTTP."""

    problem: str | None = None
    answered: bool = True


class _Recorded:
    """What was received, in the shape in which `http.client` takes a socket."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)


def show_health(
    config: Path | None, output: OutputFormat, *, ready: bool, timeout: timedelta | None
) -> None:
    """Ask, print one line, and end with code 1 where all is not well. Raises `ConfigError`."""
    place = listening(config, os.environ)
    question = READINESS if ready else HEALTH
    verdict = ask(place, question, (timeout or TIMEOUT).total_seconds())
    screen = Screen()
    if output is OutputFormat.JSON:
        asked = place.url(question.path)
        well = verdict.problem is None
        screen.document({question.good: well, "asked": asked, "problem": verdict.problem})
    else:
        screen.words(sentence(verdict, question))
    if verdict.problem is not None:
        raise SystemExit(Exit.FAILED)


def sentence(verdict: Verdict, question: Question) -> str:
    """The one line that is printed."""
    if verdict.problem is None:
        return question.good
    return f"{f'not {question.good}' if verdict.answered else 'not answering'}: {verdict.problem}"


def ask(place: Listening, question: Question, seconds: float) -> Verdict:
    """Ask one page, and have an answer or a reason within so many seconds."""
    try:
        content = _received(place, question.path, time.monotonic() + seconds)
        response = http.client.HTTPResponse(_Recorded(content))  # type: ignore[arg-type]
        response.begin()
        body = response.read(ANSWER_LIMIT)
    except TimeoutError:
        return Verdict(problem=f"no answer within {seconds:g} s", answered=False)
    except ssl.SSLError:
        return Verdict(problem="what listens there does not speak TLS", answered=False)
    except (http.client.HTTPException, ValueError):
        return Verdict(problem="what listens there does not speak HTTP", answered=False)
    except OSError as error:
        reason = plain(error.strerror or type(error).__name__, LONGEST_NAME)
        return Verdict(problem=reason.lower(), answered=False)
    return judge(response.status, body, question)


def judge(status: int, body: bytes, question: Question) -> Verdict:
    """What an answer says. Only 200 with the word of the page's own is well."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or question.good not in document:
        return Verdict(problem=f"what listens there is not jobwatch (it answers {status})")
    if status == HTTPStatus.OK and document[question.good] is True:
        return Verdict()
    return Verdict(problem=_named(document.get(question.names), question))


def _named(names: object, question: Question) -> str:
    """The names that an answer gives, as far as a line has room for them."""
    found = [each for each in names if isinstance(each, str)] if isinstance(names, list) else []
    if not found:
        return "it does not say why"
    text = ", ".join(plain(each, LONGEST_NAME) for each in found[:MOST_NAMES])
    more = f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else ""
    return text + more + (question.one if len(found) == 1 else question.many)


def _received(place: Listening, path: str, deadline: float) -> bytes:
    """Everything that comes back, as far as there is room and time for it."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with contextlib.ExitStack() as stack:
        plainly = socket.create_connection((place.host, place.port), timeout=_left(deadline))
        channel: socket.socket = stack.enter_context(plainly)
        if place.tls:
            channel.settimeout(_left(deadline))
            channel = stack.enter_context(_unverified().wrap_socket(channel))
        channel.settimeout(_left(deadline))
        channel.sendall(request.encode("ascii"))
        content = bytearray()
        while len(content) < ANSWER_LIMIT:
            channel.settimeout(_left(deadline))
            piece = channel.recv(ANSWER_LIMIT)
            if not piece:
                break
            content += piece
    return bytes(content)


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises `TimeoutError` where there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
