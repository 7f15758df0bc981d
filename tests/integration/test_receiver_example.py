"""The receiver of the documentation, run as a reader would run it, and told real signed events."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.core.http import HttpRequest
from jobwatch.core.samples import Sample, samples
from jobwatch.formats import build
from jobwatch.formats.values import Recipient, Told
from jobwatch.transport import Transport
from tests.daemon import free_port
from tests.documents.shown import fenced

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "receiving.md").read_text(encoding="utf-8")
EXAMPLE = DOCS / "examples" / "receiver.py"
KEY = "whsec_c2VjcmV0LW9mLXRoZS1leGFtcGxlLWEtMDAx"
OLDER = "whsec_c2VjcmV0LW9mLXRoZS1leGFtcGxlLWItMDAy"
FOREIGN = "whsec_c2VjcmV0LW9mLXRoZS1leGFtcGxlLWMtMDAz"
FAILED, SECOND, *_ = samples()


def signed(sample: Sample, url: str, *, at: datetime, secrets: tuple[str, ...]) -> HttpRequest:
    """What the daemon would send."""
    told = Told(id=sample.id, type=sample.event.type, body=sample.body)
    return build("standard", told, Recipient(name="ops", url=url, secrets=secrets), at)


@dataclass(kw_only=True)
class Example:
    """The receiver as a child process."""

    url: str
    process: "subprocess.Popen[str]"

    def next_line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")


@contextmanager
def example(inbox: Path, *secrets: str) -> Iterator[Example]:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, str(EXAMPLE), str(port), str(inbox)],
        env={**os.environ, "WEBHOOK_SECRETS": " ".join(secrets)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert "listens" in process.stderr.readline()
            yield Example(url=f"http://127.0.0.1:{port}/jobs", process=process)
        finally:
            process.kill()


async def tell(
    receiver: Example,
    sample: Sample = FAILED,
    *,
    age: timedelta = timedelta(),
    secrets: tuple[str, ...] = (KEY,),
) -> int:
    request = signed(sample, receiver.url, at=utc_now() - age, secrets=secrets)
    async with Transport() as transport:
        answer = await transport.send(request, timeout=timedelta(seconds=10), max_body=1024)
    return answer.status


async def test_the_example_accepts_an_event_once_and_refuses_what_is_not_ours(
    tmp_path: Path,
) -> None:
    with example(tmp_path / "inbox.db", OLDER, KEY) as receiver:
        assert await tell(receiver) == 204
        assert await tell(receiver, secrets=(FOREIGN, OLDER)) == 200
        assert await tell(receiver, secrets=(FOREIGN,)) == 401
        assert await tell(receiver, age=timedelta(minutes=6)) == 401
        assert await tell(receiver, age=timedelta(minutes=-6)) == 401
        assert await tell(receiver, SECOND) == 204
        lines = [receiver.next_line(), receiver.next_line()]
    assert lines == [
        f"{each.document['sequence']} job.failed {each.document['subject']}"
        for each in (FAILED, SECOND)
    ]


async def test_the_example_knows_after_a_restart_what_it_had(tmp_path: Path) -> None:
    with example(tmp_path / "inbox.db", KEY) as receiver:
        assert await tell(receiver) == 204
    with example(tmp_path / "inbox.db", KEY) as receiver:
        assert await tell(receiver) == 200


def blocks() -> list[str]:
    """The Python of the page."""
    return fenced(PAGE, "python")


def test_the_page_shows_the_example_that_is_run_here() -> None:
    shown = EXAMPLE.read_text(encoding="utf-8").partition("\n")[2]
    assert shown in blocks()


class Verify:
    """The page's few lines without any package."""

    def __init__(self) -> None:
        (self.code,) = [each for each in blocks() if "def genuine" in each]
        self.names: dict[str, Any] = {}
        exec(self.code, self.names)

    def __call__(self, request: HttpRequest, *, key: str = KEY, **headers: str) -> bool:
        carried: Mapping[str, str] = {**request.headers, **headers}
        assert request.body is not None
        found = self.names["genuine"](key, carried, request.body)
        assert isinstance(found, bool)
        return found


def test_the_lines_without_a_package_fit_a_dozen_and_tell_a_real_event_from_others() -> None:
    genuine = Verify()
    url, now = "https://hooks.example.com/jobs", utc_now()
    ours = signed(FAILED, url, at=now, secrets=(OLDER, KEY))
    assert len(genuine.code.splitlines()) <= 20
    assert genuine(ours)
    assert genuine(ours, key=OLDER)
    assert not genuine(ours, key=FOREIGN)
    assert not genuine(ours, **{"webhook-id": "evt_other"})
    assert not genuine(ours, **{"webhook-timestamp": str(int(now.timestamp()) + 1)})
    assert not genuine(ours, **{"webhook-signature": "v1,ä v2 ,"})
    for minutes in (-6, 6):
        at = now + timedelta(minutes=minutes)
        assert not genuine(signed(FAILED, url, at=at, secrets=(KEY,)))


@pytest.mark.parametrize("headers", [{}, {"webhook-timestamp": "soon"}])
def test_the_lines_without_a_package_refuse_what_is_not_signed(headers: dict[str, str]) -> None:
    assert not Verify().names["genuine"](KEY, headers, b"{}")
