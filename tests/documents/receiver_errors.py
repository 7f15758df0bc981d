"""The tables of errors in the pages on receivers: what each row's answer means to its format, in the page's words.

Law: the last cell of a row is never written by hand: it follows from what the format makes of the answer.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobwatch.core.breaker import Blame, blame
from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import HOPELESS, Result
from jobwatch.formats import FormatName, Recipient, Verdict, classify
from tests.documents.receiver_pages import sections

TITLES = {"en": "Errors", "zh": "错误码"}
FIELDS: dict[FormatName, str] = {"wecom": "errcode", "dingtalk": "errcode", "feishu": "code"}
"""Formats that answer with a number in a field of the body."""

_NOW = datetime(2026, 11, 21, 20, 0, 5, tzinfo=UTC)
_RECIPIENT = Recipient(name="ops", url="https://hooks.example.com/x")
_CODE = re.compile("`([^`]+)`")
_ROW = re.compile(r"^\| (`[^|]+) \| ([^|]+) \| `([a-z0-9_]+)` \|([^|]*)\|$", re.MULTILINE)
# ruff: noqa: RUF001  half of the words are Chinese
_WORDS = {
    "en": {
        Blame.GONE: "pauses the receiver, keeps the message",
        Blame.SETTINGS: "tries again; leaves the receiver alone at once, for 5 min to 1 h",
        Blame.RECEIVER: "tries again; a failure of the receiver",
        Blame.MESSAGE: "tries again",
        "ok": "delivered",
        "dead": "gives the message up: dead",
        "rest": "tries again after {} at the earliest; a failure of the receiver",
    },
    "zh": {
        Blame.GONE: "暂停该接收方，消息保留",
        Blame.SETTINGS: "重试；立即停发，间隔 5 分钟到 1 小时",
        Blame.RECEIVER: "重试；计为接收方的一次失败",
        Blame.MESSAGE: "重试",
        "ok": "已送达",
        "dead": "放弃这条消息（dead）",
        "rest": "至少 {}后重试；计为接收方的一次失败",
    },
}
_MINUTES = {"en": "{} min", "zh": "{} 分钟"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: the answers that it is about, the result and the words that it promises.

    `joined`: the first code, with any of the others as words beside it; else each code is an answer.
    """

    line: str
    codes: tuple[str, ...]
    joined: bool
    result: str
    told: str


def rows(name: FormatName, language: str) -> tuple[Row, ...]:
    """The rows of a page's table."""
    return tuple(map(_row, _ROW.finditer(sections(name, language)[TITLES[language]])))


def _row(found: re.Match[str]) -> Row:
    return Row(
        line=found[0],
        codes=tuple(_CODE.findall(found[1])),
        joined=bool(_CODE.sub("", found[1]).strip()),
        result=found[3],
        told=found[4].strip(),
    )


def verdicts(name: FormatName, row: Row) -> Iterator[Verdict]:
    """What the format makes of each answer of a row."""
    first, *others = row.codes
    answers = [(first, words) for words in others] if row.joined else [(c, "") for c in row.codes]
    for code, words in answers:
        yield classify(name, answer(name, code, words), _RECIPIENT, _NOW)


def answer(name: FormatName, code: str, words: str = "") -> HttpResponse:
    """An answer with this status, number or word."""
    if code.startswith("HTTP "):
        return HttpResponse(status=int(code.split()[1]), headers={}, body=words.encode())
    if name in FIELDS:
        body = json.dumps({FIELDS[name]: int(code), "msg": words}).encode()
        return HttpResponse(status=200, headers={}, body=body)
    return HttpResponse(status=400, headers={}, body=code.encode())


def told(verdict: Verdict, language: str) -> str:
    """What jobwatch does after an answer, in the words of the pages."""
    words = _WORDS[language]
    if verdict.result is Result.OK:
        return words["ok"]
    if verdict.result in HOPELESS:
        return words["dead"]
    whom = blame(verdict.result)
    if whom is Blame.RECEIVER and verdict.retry_after:
        minutes = verdict.retry_after // timedelta(minutes=1)
        return words["rest"].format(_MINUTES[language].format(minutes))
    return words[whom]


def filled(text: str, name: FormatName, language: str) -> str:
    """A part of a page with the last cell of every row written."""
    for row in rows(name, language):
        verdict = next(verdicts(name, row))
        cells = row.line.removesuffix("|").rpartition("|")[0]
        text = text.replace(row.line, f"{cells}| {told(verdict, language)} |")
    return text
