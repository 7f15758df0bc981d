"""Pictures as small as they may be: PNG with at most 256 colours, and one line that says what it was drawn from.

A browser's screenshot has three bytes a pixel and hundreds of shades at the edges of letters. The most frequent colours
are kept and the others become their neighbours: nobody sees it, and the file is a third.
"""

import struct
import zlib
from collections import Counter
from itertools import pairwise

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SOURCE = b"Source"
"""The key of the text chunk."""

Colour = tuple[int, int, int]


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """The parts of a PNG, in order. ValueError where it is none."""
    if not png.startswith(SIGNATURE):
        raise ValueError("no PNG")
    found, at = [], len(SIGNATURE)
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        found.append((kind, png[at + 8 : at + 8 + length]))
        at += length + 12
    return found


def size(png: bytes) -> tuple[int, int]:
    """Width and height in pixels."""
    width, height = struct.unpack_from(">II", dict(chunks(png))[b"IHDR"])
    return width, height


def source(png: bytes) -> str:
    """What the picture says that it was drawn from; empty where it says nothing."""
    texts = dict(data.split(b"\0", 1) for kind, data in chunks(png) if kind == b"tEXt")
    return texts.get(SOURCE, b"").decode()


def smaller(png: bytes, drawn_from: str) -> bytes:
    """The same picture with a palette, and its source."""
    rows = _rows(png)
    counted = Counter(pixel for row in rows for pixel in row)
    palette = [colour for colour, _ in counted.most_common(256)]
    index = {colour: _nearest(colour, palette) for colour in counted}
    lines = b"".join(b"\0" + bytes(index[pixel] for pixel in row) for row in rows)
    width, height = size(png)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"tEXt", SOURCE + b"\0" + drawn_from.encode()),
        (b"PLTE", b"".join(map(bytes, palette))),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _nearest(colour: Colour, palette: list[Colour]) -> int:
    def distance(number: int) -> int:
        return sum((a - b) ** 2 for a, b in zip(colour, palette[number], strict=True))

    return min(range(len(palette)), key=distance)


def _rows(png: bytes) -> list[list[Colour]]:
    """The pixels of a screenshot: eight bits, true colour, with or without opacity. ValueError for another kind."""
    parts = chunks(png)
    width, _, depth, kind, *_, laced = struct.unpack(">IIBBBBB", dict(parts)[b"IHDR"])
    if depth != 8 or kind not in (2, 6) or laced:
        raise ValueError("not the PNG of a browser")
    step = 3 if kind == 2 else 4
    data = zlib.decompress(b"".join(part for name, part in parts if name == b"IDAT"))
    edges = range(0, len(data) + 1, width * step + 1)
    before, rows = bytes(width * step), []
    for begin, end in pairwise(edges):
        before = _unfiltered(data[begin], data[begin + 1 : end], before, step)
        rows.append([(*before[at : at + 3],) for at in range(0, len(before), step)])
    return rows


def _unfiltered(filtered_by: int, line: bytes, above: bytes, step: int) -> bytes:
    """A line as it was before it was filtered by one of the five ways of PNG."""
    made = bytearray(line)
    for at, value in enumerate(line):
        left = made[at - step] if at >= step else 0
        corner = above[at - step] if at >= step else 0
        match filtered_by:
            case 1:
                guess = left
            case 2:
                guess = above[at]
            case 3:
                guess = (left + above[at]) // 2
            case 4:
                guess = _paeth(left, above[at], corner)
            case _:
                guess = 0
        made[at] = (value + guess) & 0xFF
    return bytes(made)


def _paeth(left: int, above: int, corner: int) -> int:
    estimate = left + above - corner
    return min((left, above, corner), key=lambda each: abs(estimate - each))
