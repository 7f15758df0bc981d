"""The text of `--faults`: `slowdown@10-20s:0.5,5xx:0.02,html200@30s,skew=+120s`. Pure.

    NAME[=VALUE][/list|/describe|/vaults][@TIME][:CHANCE], separated by commas

TIME counts from the first request: `@30s` is the first request from then on, once; `@10-20s` the
time between; `@30s-` everything from then on. CHANCE is a number from 0 to 1. VALUE is a duration
(`delay`, `skew`), a number of bytes (`cut`, `short`, `stall`, `gzip_bomb`) or a word (`status`).
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import cast

from jobwatch.simulator import faults as f
from jobwatch.simulator.faults import Act, Faults, When
from jobwatch.simulator.routes import Call

UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}
ITEM = re.compile(
    r"(?P<name>[a-z0-9_]+)"
    r"(?:=(?P<value>[^/@:]+))?"
    r"(?:/(?P<call>list|describe|vaults))?"
    r"(?:@(?P<time>[0-9.a-z-]+))?"
    r"(?::(?P<chance>[0-9]+(?:\.[0-9]+)?))?"
)
DURATION = re.compile(r"(?P<number>[+-]?\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)")
WINDOW = re.compile(r"(?P<first>[\d.]+)(?P<unit1>ms|s|m|h)?-(?P<last>[\d.]+)(?P<unit2>ms|s|m|h)")

SIMPLE: dict[str, tuple[Act, ...]] = {
    "slowdown": (f.SLOW_DOWN,),
    "429": (f.TOO_MANY,),
    "5xx": (f.INTERNAL, f.UNAVAILABLE),
    "internal": (f.INTERNAL,),
    "unavailable": (f.UNAVAILABLE,),
    "timeout": (f.TIMEOUT,),
    "denied": (f.DENIED,),
    "expired_token": (f.EXPIRED_TOKEN,),
    "token_rejected": (f.TOKEN_REJECTED,),
    "html200": (f.HTML_200,),
    "html502": (f.HTML_502,),
    "empty": (f.EMPTY,),
    "dtd": (f.DOCTYPE,),
    "entities": (f.ENTITIES,),
    "type": (f.ContentType(),),
    "reset": (f.Reset(),),
    "reset_late": (f.Reset(after_headers=True),),
    "endless": (f.BadToken(),),
    "endless_empty": (f.BadToken(kind=f.Tokens.ENDLESS_EMPTY),),
    "repeat": (f.BadToken(kind=f.Tokens.REPEATED),),
}
# Faults with a value, and what it is where none is given.
VALUED: dict[str, tuple[Callable[[str], Act], str]] = {
    "cut": (lambda text: f.Cut(at=_bytes(text)), "200"),
    "short": (lambda text: f.Cut(at=_bytes(text), honest=True), "200"),
    "stall": (lambda text: f.Stall(after=_bytes(text)), "100"),
    "gzip_bomb": (lambda text: f.GzipBomb(size=_bytes(text)), str(2 * 1024**3)),
    "delay": (lambda text: f.Delay(by=_duration(text)), "1s"),
    "skew": (lambda text: f.Skew(by=_duration(text)), "+120s"),
    "status": (lambda text: f.UnknownStatus(word=text), "Hibernating"),
}
NAMES = tuple(sorted({*SIMPLE, *VALUED}))


class BadSpecError(ValueError):
    """The text of `--faults` cannot be read; the message says which part and why."""


def parse_faults(text: str, *, seed: int = 0) -> Faults:
    """Read the text of `--faults`. Raises `BadSpecError`."""
    faults = Faults(seed=seed)
    for item in filter(None, (part.strip() for part in text.split(","))):
        match = ITEM.fullmatch(item)
        if match is None:
            raise BadSpecError(
                f"{item!r} is not NAME[=VALUE][/list|/describe|/vaults][@TIME][:CHANCE]"
            )
        when, acts = _when(item, match), _acts(item, match)
        # Kinds of one fault share its chance; what is certain happens in the first kind.
        acts = acts if when.chance < 1 else acts[:1]
        when = replace(when, chance=when.chance / len(acts))
        for act in acts:
            faults.add(act, when)
    return faults


def _acts(item: str, match: re.Match[str]) -> tuple[Act, ...]:
    name, value = match["name"], match["value"]
    if name in VALUED:
        build, default = VALUED[name]
        try:
            return (build(value or default),)
        except ValueError as error:
            raise BadSpecError(f"{item!r}: {error}") from error
    if name not in SIMPLE:
        raise BadSpecError(f"{item!r}: no such fault; there are {', '.join(NAMES)}")
    if value is not None:
        raise BadSpecError(f"{item!r}: {name} takes no value")
    return SIMPLE[name]


def _when(item: str, match: re.Match[str]) -> When:
    chance = float(match["chance"]) if match["chance"] else 1.0
    if not 0 <= chance <= 1:
        raise BadSpecError(f"{item!r}: a chance is a number from 0 to 1")
    call = cast("Call | None", match["call"])
    when = When(call=call, chance=chance)
    return _at(item, match["time"], when) if match["time"] else when


def _at(item: str, text: str, when: When) -> When:
    window = WINDOW.fullmatch(text)
    try:
        if window:
            first = _duration(window["first"] + (window["unit1"] or window["unit2"]))
            return replace(when, after=first, until=_duration(window["last"] + window["unit2"]))
        if text.endswith("-"):
            return replace(when, after=_duration(text[:-1]))
        return replace(when, after=_duration(text), times=1)
    except ValueError as error:
        raise BadSpecError(f"{item!r}: {error}") from error


def _duration(text: str) -> timedelta:
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration such as 500ms, 30s, 5m or 2h")
    return timedelta(**{UNITS[match["unit"]]: float(match["number"])})


def _bytes(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no number of bytes")
    return int(text)
