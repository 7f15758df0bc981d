"""Faults that change what is answered: pure.

Answers of CAS are bent as the documents that they are, those of COS as bytes, so that nothing else on a page changes.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jobwatch.simulator.answers import Answer, Question, Refusal
from jobwatch.simulator.faults import (
    BadToken,
    Bend,
    ContentType,
    Hidden,
    Raw,
    Rewrite,
    Say,
    Tokens,
    UnknownStatus,
)

_BEGIN, _END = b"<member>", b"</member>"


def instead(act: Bend | None, refuse: Callable[[Refusal], Answer]) -> Answer | None:
    """Give the answer of a fault that does not care for the true one, None if it does."""
    match act:
        case Say():
            answer = refuse(Refusal(status=act.status, code=act.code, message=act.message))
            body = b"" if act.bare else answer.body
            return replace(answer, body=body, headers=dict(act.headers))
        case Raw():
            return Answer(status=act.status, body=act.body, content_type=act.content_type)
        case _:
            return None


def reshape(act: Bend | None, answer: Answer, question: Question) -> Answer:
    """Bend the true answer."""
    match act:
        case ContentType():
            return replace(answer, content_type=act.value)
        case Rewrite():
            return replace(answer, body=answer.body.replace(act.old, act.new, act.times))
        case Hidden() if question.lists:
            without = _without_entry if question.route else _without
            return replace(answer, body=without(answer.body, act.job_id))
        case UnknownStatus():
            with_status = _with_code if question.route else _with_status
            return replace(answer, body=with_status(answer.body, act.word))
        case _:
            return answer


def bad_token(act: BadToken, question: Question) -> str:
    """A token that leads nowhere."""
    return "again" if act.kind is Tokens.REPEATED else f"endless-{question.number}"


def _without(body: bytes, job_id: str) -> bytes:
    """Leave a job out of a page."""
    its_id = re.compile(rb"<JobId>\s*%b\s*</JobId>" % re.escape(job_id.encode()))
    head, *members = body.split(_BEGIN)
    kept = [each.partition(_END)[0] for each in members if not its_id.search(each)]
    # What follows the last member belongs to the page.
    tail = members[-1].partition(_END)[2] if members else b""
    return b"".join([head, *(_BEGIN + each + _END for each in kept), tail])


def _with_status(body: bytes, word: str) -> bytes:
    head, mark, rest = body.partition(b"<Status>")
    _, end, tail = rest.partition(b"</Status>")
    return b"".join((head, mark, word.encode(), end, tail)) if mark else body


def _without_entry(body: bytes, job_id: str) -> bytes:
    page: dict[str, Any] = json.loads(body)
    jobs = [each for each in page["JobList"] if each["JobId"] != job_id]
    return json.dumps({**page, "JobList": jobs}).encode()


def _with_code(body: bytes, word: str) -> bytes:
    page: dict[str, Any] = json.loads(body)
    for job in page.get("JobList", [page])[:1]:
        if "StatusCode" in job:
            job["StatusCode"] = word
    return json.dumps(page).encode()
