"""What the chat robots have in common: harmless text, one signature, and a code within an answer of any status.

Law of this module: what came from the cloud stays text. The markup of these robots has no escapes, so a character that
could begin markup is replaced by its fullwidth twin (U+FF0A for `*`, U+FF1C for `<`, U+FF20 for `@`, ...): a person reads
the same, a robot does not. Letters, digits, `-`, `.`, `/` and a `_` between letters or digits stay as they are, so ids and
paths can be copied. A client may still link what looks like a bare domain; it then shows where it leads.
"""

import base64
import hmac
import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from jobwatch.core.errors import ConfigError, TransportError
from jobwatch.core.http import HttpResponse
from jobwatch.core.outbox import Result
from jobwatch.formats.answers import by_status, result_of_status
from jobwatch.formats.message import Message
from jobwatch.formats.telling import message_of
from jobwatch.formats.values import Recipient, Style, Told, Verdict

MOBILES_CALLED = 100
"""More people than this are not called by one message: their numbers would leave no room for the news."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_FULLWIDTH = 0xFEE0
# `<@userid>` calls and `<font>` colours; `&` begins an entity; a backslash may begin an escape.
_IN_TEXT = {ord(each): ord(each) + _FULLWIDTH for each in "<>@&\\"}
_IN_MARKDOWN = _IN_TEXT | {ord(each): ord(each) + _FULLWIDTH for each in "*`[]~"}
_IN_MARKER = {ord(each): ord(each) + _FULLWIDTH for each in "#+-=|.)"}
_COLON, _UNDERSCORE = "\uff1a", "\uff3f"
_LINK = re.compile(":(?=//)")
_OUTER_UNDERSCORE = re.compile("(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# A heading, a list item, a rule or a table row: what means something at the beginning of a line alone.
_MARKER = re.compile(r"#+|[-+=|]+(?=\s|$)|[0-9]+[.)](?=\s|$)")
_URL_BREAKERS = {ord(each): f"%{ord(each):02X}" for each in " \"'()<>[]\\^`{|}"}


_OF_THE_MOMENT = frozenset({Result.RATE_LIMITED, Result.HTTP_5XX})
_FOR_EVER = frozenset({Result.REJECTED, Result.GONE})


class Meaning(NamedTuple):
    """What a robot's code stands for. `rest` is how long to leave the robot alone when it does not say so itself."""

    result: Result
    rest: timedelta | None = None


def message_for(told: Told, recipient: Recipient) -> Message:
    """The message that tells an event, the same on every try."""
    return message_of(json.loads(told.body), recipient.style)


def one_line(text: str) -> str:
    """A text on one line, without controls, directional and zero-width marks and lone surrogates."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(each for each in text if each.isspace() or _seen(each))
    return " ".join(text.split())


def _seen(character: str) -> bool:
    return unicodedata.category(character) not in _UNSEEN


def in_text(text: str) -> str:
    """A text that calls nobody and links nowhere in a robot's plain text."""
    return _LINK.sub(_COLON, one_line(text).translate(_IN_TEXT))


def in_markdown(text: str) -> str:
    """A text that stays text in a robot's markdown, at the beginning of a line too."""
    flat = _LINK.sub(_COLON, one_line(text).translate(_IN_MARKDOWN))
    return _MARKER.sub(_without_meaning, flat, count=1) if _MARKER.match(flat) else flat


def unslanted(text: str) -> str:
    """A text without underscores that markdown could read as emphasis: `a_b` stays, `_a_` does not."""
    return _OUTER_UNDERSCORE.sub(_UNDERSCORE, text)


def _without_meaning(marker: re.Match[str]) -> str:
    return marker[0].translate(_IN_MARKER)


def titled(message: Message, style: Style, harmless: Callable[[str], str]) -> str:
    """The title, made harmless, behind its prefix, verbatim.

    The prefix is the configuration's own text, and a robot may be set to take only messages that hold it as a keyword.
    """
    prefix = one_line(style.title_prefix)
    if not prefix or not message.title.startswith(prefix):
        return harmless(message.title)
    rest = message.title.removeprefix(prefix)
    return prefix + " " * rest[:1].isspace() + harmless(rest)


def link_target(message: Message) -> str | None:
    """Where to look, as a URL that cannot end its markup early; None without one."""
    link = message.link
    if link is None or not link.startswith(("https://", "http://")):
        return None
    return one_line(link).translate(_URL_BREAKERS)


def called_mobiles(message: Message, style: Style) -> list[str]:
    """The numbers that this message calls."""
    return list(style.mention.mobiles[:MOBILES_CALLED]) if message.calls else []


def calls_everybody(message: Message, style: Style) -> bool:
    """Whether this message calls the whole chat."""
    return message.calls and style.mention.everybody


def signing_secret(recipient: Recipient, problems: Sequence[str | None]) -> str | None:
    """The newest secret, the only one that can sign; None without any.

    Raises `ConfigError` where one of them is malformed, by the `problems` found, one for each secret.
    """
    found = [
        f"receiver {recipient.name}: secret {number} {problem}"
        for number, problem in enumerate(problems, start=1)
        if problem
    ]
    if found:
        raise ConfigError(found)
    return recipient.secrets[0] if recipient.secrets else None


def hmac_base64(key: str, content: str) -> str:
    """HMAC-SHA256 in base64."""
    return base64.b64encode(hmac.digest(key.encode(), content.encode(), "sha256")).decode()


def judged(
    answer: HttpResponse | TransportError,
    recipient: Recipient,
    now: datetime,
    codes: Mapping[int, Meaning],
    fields: Sequence[str] = ("errcode",),
) -> Verdict:
    """Say what an answer means by the code in its body (the first of `fields` that is there).

    2xx with code 0 is told; 2xx without a code is no robot speaking. A code that is not listed keeps the message: who
    cannot say what it means must not throw it away. With another status the status decides, unless the code is listed.
    Beside a status that is about the moment (429, 5xx) no code is for ever.
    """
    verdict = by_status(answer, recipient, now)
    if isinstance(answer, TransportError):
        return verdict
    meaning = _meaning(answer, codes, fields)
    rest = verdict.retry_after or meaning.rest
    return replace(verdict, result=meaning.result, retry_after=rest)


def _meaning(answer: HttpResponse, codes: Mapping[int, Meaning], fields: Sequence[str]) -> Meaning:
    code = _code(answer.body, fields)
    result = result_of_status(answer.status)
    if code is not None and code in codes:
        found = codes[code]
        passing = result in _OF_THE_MOMENT and found.result in _FOR_EVER
        return Meaning(result) if passing else found
    if result is Result.OK and code != 0:
        result = Result.BODY_ERROR
    return Meaning(result)


def _code(body: bytes, fields: Sequence[str]) -> int | None:
    """The code of an answer, a number or its digits; None where there is none to read."""
    try:
        # Its words may be in another charset, or end within a letter: the code beside them is readable all the same.
        said = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    code = next((said[each] for each in fields if each in said), None)
    if isinstance(code, str) and re.fullmatch("-?[0-9]{1,10}", code, re.ASCII):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None
