"""One language and one time zone: how messages write sentences, numbers, durations and times.

What is put into a sentence is never read as a part of its form, whoever wrote it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from jobwatch.formats import words_en, words_zh
from jobwatch.formats.values import Language, Style

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_ROUND_BELOW = 10
_MINUTE = timedelta(minutes=1)
_MINUTES = timedelta(minutes=5)
_HOUR = timedelta(hours=1)
_SHORT = timedelta(hours=48)
_BINARY = ("KiB", "MiB", "GiB", "TiB")
_STEP = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How a style speaks."""

    style: Style
    phrases: dict[str, str]
    nouns: dict[str, tuple[str, str]]

    def knows(self, key: str) -> bool:
        """Whether there is a phrase of that name."""
        return key in self.phrases

    def say(self, key: str, **values: object) -> str:
        """A phrase with its values; numbers get their thousands apart."""
        shown = {
            name: f"{value:,}" if isinstance(value, int) else value
            for name, value in values.items()
        }
        return self.phrases[key].format(**shown)

    def noun(self, name: str, count: int) -> str:
        """The noun for so many."""
        one, many = self.nouns[name]
        return one if count == 1 else many

    def sentences(self, parts: Iterable[str]) -> str:
        """Sentences after one another; empty ones are left out."""
        return self.phrases["sentences"].join(part for part in parts if part)

    def span(self, duration: timedelta) -> str:
        """How long, in at most two units: `12 m 40 s`. Less than nothing is `0 s`."""
        left = max(0, int(duration.total_seconds()))
        found = []
        for unit, size in _UNITS:
            if left >= size:
                found.append((left // size, unit))
            elif found:
                found.append((0, unit))
            left %= size
        written = [
            self.say("span", number=number, unit=self.phrases[unit])
            for number, unit in found[:2] or [(0, "s")]
            if number or not found
        ]
        return self.phrases["spans"].join(written)

    def hours(self, duration: timedelta) -> str:
        """About how long: from an hour on to five minutes, else to the minute, one at least; in hours below two days."""
        step = _MINUTE if duration < _HOUR else _MINUTES
        left = max(_MINUTE, round(duration / step) * step)
        if left >= _SHORT:
            return self.span(left)
        hours, minutes = divmod(left // _MINUTE, 60)
        found = [
            self.say("span", number=number, unit=self.phrases[unit])
            for number, unit in ((hours, "h"), (minutes, "m"))
            if number
        ]
        return self.phrases["spans"].join(found)

    def size(self, count: int) -> str:
        """How many bytes: `1.5 GiB (1,610,612,736 B)`, in powers of 1024."""
        written = self.say("span", number=count, unit="B")
        if count < _STEP:
            return written
        size, unit = float(count), ""
        for each in _BINARY:
            if size < _STEP:
                break
            size, unit = size / _STEP, each
        rounded = f"{size:.1f}".removesuffix(".0") if size < _STEP else f"{size:,.0f}"
        short = self.say("span", number=rounded, unit=unit)
        return self.say("lasting", moment=short, span=written)

    def moment(self, moment: datetime) -> str:
        """A time in the style's zone, with the zone's name; "" where that zone has no such time.

        In the hour that comes twice when clocks are put back, it says its distance from UTC.
        """
        try:
            local = moment.astimezone(self.style.timezone)
        except (OverflowError, ValueError):
            return ""
        here = local.replace(microsecond=0)
        twice = here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset()
        time = f"{here if twice else here.replace(tzinfo=None)}"
        return self.say("moment", time=time, zone=self.style.timezone_name)

    def percent(self, part: int, whole: int) -> str:
        """A share of a whole that is not 0: whole per cents, below 10 with one decimal, never rounded to 0 or 100."""
        share = 100 * part / whole
        if 0 < share < 0.1:  # noqa: PLR2004  one decimal would be 0.0
            number = "< 0.1"
        elif share < _ROUND_BELOW:
            number = f"{share:.1f}".removesuffix(".0")
        else:
            number = "> 99" if 99 < share < 100 else f"{share:.0f}"  # noqa: PLR2004
        return self.say("percent", number=number)


def voice(style: Style) -> Voice:
    """The voice of a style."""
    module = _words(style.language)
    return Voice(style=style, phrases=module[0], nouns=module[1])


def _words(language: Language) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    match language:
        case "en":
            return words_en.PHRASES, words_en.NOUNS
        case "zh":
            return words_zh.PHRASES, words_zh.NOUNS
        case _:
            assert_never(language)
