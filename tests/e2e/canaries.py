"""Secrets that can be found again wherever they go, and a receiver that shouts back everything it was sent."""

import base64
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

MARK = "CANARY"
_ENCODED = base64.b64encode(MARK.encode()).decode()
"""What stands for the mark at the beginning of base64."""

SEEN = re.compile(rf"{MARK}|{_ENCODED}", re.IGNORECASE)


def secret(name: str) -> str:
    """Letters and digits alone, so that every place takes it."""
    return f"{MARK}{name}0123456789"


def signing(name: str) -> str:
    """A key of Standard Webhooks."""
    return "whsec_" + base64.b64encode(f"{secret(name):-<32}".encode()).decode()


def routing_key(name: str) -> str:
    """A key of PagerDuty: 32 letters and digits."""
    return f"{secret(name):x<32}"[:32]


def target(name: str) -> str:
    """Path and query, both secret."""
    return f"/{name}/{secret('path')}/{secret(name)}?key={secret('query')}&sig=%2B{secret('sig')}"


def findings(places: Mapping[str, str]) -> list[str]:
    """Where the mark is, with what stands around it."""
    return [
        f"{place}: …{text[max(0, found.start() - 120) : found.end() + 40]!r}"
        for place, text in places.items()
        for found in SEEN.finditer(text)
    ]


@dataclass(frozen=True, slots=True)
class Heard:
    """One request, as it came."""

    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Shouter:
    """Answers each path with all that it was sent and all that it knows: as an error, as a success, as a redirection.

    `knows` are the secrets of a receiver that never travel, `polite` those who accept what they repeat.
    """

    knows: Mapping[str, Iterable[str]] = field(default_factory=dict)
    polite: frozenset[str] = frozenset()
    heard: defaultdict[str, list[Heard]] = field(default_factory=lambda: defaultdict(list))

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{name}{rest:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        body = await request.read()
        heard = Heard(request.raw_path, dict(request.headers), body)
        turn = len(self.heard[name])
        self.heard[name].append(heard)
        text = self._shout(name, heard)
        if name in self.polite:
            return _said(202, text, code=0)
        match turn % 4:
            case 0:
                return web.Response(status=500, text=text, reason="CANARY Is Dead")
            case 1:
                return _said(400, text, code=310000)
            case 2:
                return _said(200, text, code=19021)
            case _:
                where = f"http://{request.host}{heard.target}&again=1"
                return web.Response(status=302, text=text, headers={"Location": where})

    def _shout(self, name: str, heard: Heard) -> str:
        said = [heard.target, *heard.headers.values(), *self.knows.get(name, ())]
        spelt = {form for each in said for form in (each, quote(each, safe=""), each.upper())}
        spelt |= {json.dumps(each).replace("/", r"\/") for each in said}
        # What is kept of an answer is short: the secrets come first, and the body in the turns between.
        parts = [*sorted(spelt), heard.body.decode()]
        return " ".join(reversed(parts) if len(self.heard[name]) % 2 else parts)


def _said(status: int, text: str, *, code: int) -> web.Response:
    """What every format may take for its robot's own answer."""
    word = "success" if code == 0 else "invalid event"
    document: dict[str, Any] = {"errcode": code, "code": code, "status": word, "dedup_key": "x"}
    document |= dict.fromkeys(("errmsg", "msg", "message"), text) | {"errors": [text]}
    return web.json_response(document, status=status, headers={"X-Shout": text[:1000]})


_NUMBERS = count()


def written(folder: Path, text: str) -> Path:
    """A file of its own that holds this secret."""
    path = folder / f"held-{next(_NUMBERS)}"
    path.write_text(text + "\n", encoding="utf-8")
    return path
