"""Every text of the pages can be read in light and in dark: the colours are those of the style sheet itself."""

import re

import pytest

from jobwatch.web.pages.frame import style

LEAST = 4.5
"""The contrast that WCAG asks of text. https://www.w3.org/TR/WCAG22/#contrast-minimum"""

LEAST_OF_SHAPES = 1.2
"""A bar without its track is still told in words."""

PAIRS = (
    *((text, ground) for text in ("text", "faint", "link") for ground in ("page", "card")),
    *((tone, f"{tone}-back") for tone in ("good", "bad", "warn", "busy", "idle")),
    *((tone, "card") for tone in ("bad", "warn", "busy")),
    *(("text", f"{tone}-back") for tone in ("good", "bad", "warn", "idle")),
)


def scheme(name: str) -> dict[str, str]:
    """The colours by name, of the light scheme or the dark one, which overrides it."""
    light, _, rest = style().partition("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", light))
    if name == "dark":
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", rest.partition("* {")[0]))
    return found


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_measure_is_the_usual_one() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(name: str, text: str, ground: str) -> None:
    colours = scheme(name)
    assert contrast(colours[text], colours[ground]) >= LEAST


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("part", ["done", "lost"])
def test_a_bar_stands_out_from_its_track(name: str, part: str) -> None:
    colours = scheme(name)
    assert contrast(colours[part], colours["track"]) >= LEAST_OF_SHAPES
