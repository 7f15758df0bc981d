"""Faults that change what is answered: pure."""

import re
from dataclasses import replace

from jobwatch.simulator.answers import Answer, Question, Refusal, refuse
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
from jobwatch.simulator.markup import Writer
from jobwatch.simulator.script import JobState

_BEGIN, _END = b"<member>", b"</member>"


def instead(act: Bend | None, question: Question, writer: Writer) -> Answer | None:
    """Give the answer of a fault that does not care for the true one, None if it does."""
    match act:
        case Say():
            refusal = Refusal(status=act.status, code=act.code, message=act.message)
            answer = refuse(question, refusal, writer)
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
            return replace(answer, body=_without(answer.body, act.job_id.encode()))
        case UnknownStatus():
            return replace(answer, body=_with_status(answer.body, act.word.encode()))
        case _:
            return answer


def bad_page(
    act: BadToken, question: Question, states: tuple[JobState, ...], writer: Writer
) -> Answer:
    """Write the first page of the listing again, with a token that leads nowhere."""
    shown = () if act.kind is Tokens.ENDLESS_EMPTY else states
    repeated = act.kind is Tokens.REPEATED
    token = "again" if repeated else f"endless-{question.number}"
    return Answer(body=writer.listing(shown, token, question.url))


def _without(body: bytes, job_id: bytes) -> bytes:
    """Leave a job out of a page."""
    its_id = re.compile(rb"<JobId>\s*%b\s*</JobId>" % re.escape(job_id))
    head, *members = body.split(_BEGIN)
    kept = [each.partition(_END)[0] for each in members if not its_id.search(each)]
    # What follows the last member belongs to the page.
    tail = members[-1].partition(_END)[2] if members else b""
    return b"".join([head, *(_BEGIN + each + _END for each in kept), tail])


def _with_status(body: bytes, word: bytes) -> bytes:
    head, mark, rest = body.partition(b"<Status>")
    _, end, tail = rest.partition(b"</Status>")
    return b"".join((head, mark, word, end, tail)) if mark else body
