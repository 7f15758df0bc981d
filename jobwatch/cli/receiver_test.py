"""`jobwatch receivers test NAME`: one signed test message, what was sent and what was answered.

Law: no secret is shown. Of the URL only its beginning, of the headers only those that hold none, and in the body no key.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from jobwatch.app.testing import TestAnswer, send_test
from jobwatch.cli.configuration import load_quietly
from jobwatch.cli.ending import Failed
from jobwatch.cli.receivers import check_receiver
from jobwatch.cli.screen import OutputFormat, Screen
from jobwatch.cli.text import plain
from jobwatch.core.documents import Document
from jobwatch.core.http import HttpRequest
from jobwatch.core.outbox import Result
from jobwatch.settings import everything
from jobwatch.store.documents import seconds
from jobwatch.story.words import RESULTS, said

MASK = "***"
OPEN_HEADERS = frozenset(
    {
        "content-length",
        "content-type",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)
"""Headers that hold no secret: a signature tells nothing of its key. Any other may."""

SECRET_FIELDS = frozenset({"routing_key", "sign"})
"""Fields of a body that formats keep their keys and signatures in."""


def try_receiver(config: Path | None, name: str, output: OutputFormat) -> None:
    """Send a test, and show request and answer. Raises `Failed` where it was not accepted."""
    settings = load_quietly(config, everything)
    check_receiver(settings, name)
    answer = asyncio.run(send_test(settings, name))
    screen = Screen()
    if output is OutputFormat.JSON:
        screen.document(_document(name, answer))
    else:
        _show(screen, name, answer)
    if answer.result is not Result.OK:
        raise Failed(f"{name} did not accept the test: {said(RESULTS, answer.result)}")


def masked_url(url: str) -> str:
    """Where a request goes, without what is secret of it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}/{MASK}"


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers, those masked that may hold a secret."""
    return {
        name: value if name.lower() in OPEN_HEADERS else MASK for name, value in headers.items()
    }


def masked_body(body: bytes) -> str:
    """The body as text, its keys and signatures masked."""
    try:
        document = _masked(json.loads(body))
        return json.dumps(document, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):  # a template may make anything
        return body.decode("utf-8", "replace")


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: MASK if key in SECRET_FIELDS else _masked(inner) for key, inner in value.items()
        }
    return [_masked(each) for each in value] if isinstance(value, list) else value


def _request(request: HttpRequest) -> Document:
    return {
        "method": request.method,
        "url": masked_url(request.url),
        "headers": masked_headers(request.headers),
        "body": masked_body(request.body),
    }


def _document(name: str, answer: TestAnswer) -> Document:
    return {
        "receiver": name,
        "request": _request(answer.request),
        "status": answer.status,
        "answer": answer.answer,
        "took_seconds": seconds(answer.took),
        "result": answer.result.value,
        "accepted": answer.result is Result.OK,
    }


def _show(screen: Screen, name: str, answer: TestAnswer) -> None:
    request = answer.request
    screen.words(f"The request to {plain(name)}", "bold")
    screen.words(f"  {request.method} {plain(masked_url(request.url))}")
    for header, value in masked_headers(request.headers).items():
        screen.words(f"  {plain(header)}: {plain(value)}", "dim")
    for line in masked_body(request.body).splitlines():
        screen.words(f"  {plain(line)}")
    screen.words("\nThe answer", "bold")
    status = f"HTTP {answer.status}" if answer.status else "none"
    screen.words(f"  {status}, after {answer.took.total_seconds():.2f} s")
    if answer.answer:
        screen.words(f"  {plain(answer.answer)}")
    style = "green" if answer.result is Result.OK else "bold red"
    screen.words(f"{answer.result.value}: {said(RESULTS, answer.result)}", style)
