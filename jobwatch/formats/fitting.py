"""A message within the bytes that a receiver takes: what weighs least goes first, and it never fails on size.

1. Samples go from the end, and are counted among the omitted.
2. Facts go from the end.
3. The summary is cut, then the title, at a whole character; last of all goes the link.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from jobwatch.formats.message import Message

ELLIPSIS = "…"


def fitted(message: Message, render: Callable[[Message], bytes], max_bytes: int) -> bytes:
    """Render the fullest form of a message that takes at most `max_bytes`.

    `render` must give less for less. Where even an empty message is too much, that is what is returned: the
    receiver's own word on it is better than none.
    """
    body = render(message)
    steps = _steps(message)
    while len(body) > max_bytes:
        step = next(steps, None)
        if step is None:
            return _with_cut_texts(message, render, max_bytes)
        message = step
        body = render(message)
    return body


def cut(text: str, length: int) -> str:
    """At most so many characters of a text, with a mark where something is gone."""
    if len(text) <= length:
        return text
    return text[: length - 1].rstrip() + ELLIPSIS if length > 0 else ""


def _steps(message: Message) -> Iterator[Message]:
    while message.samples:
        message = message.omitting
        yield message
    while message.facts:
        message = replace(message, facts=message.facts[:-1])
        yield message


def _with_cut_texts(message: Message, render: Callable[[Message], bytes], max_bytes: int) -> bytes:
    """Cut the summary as little as is enough, then the title, then leave out the link."""

    def body(length: int) -> bytes:
        return render(_of_length(message, length))

    fits, too_long = 0, len(message.summary) + len(message.title)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if len(body(middle)) <= max_bytes:
            fits = middle
        else:
            too_long = middle
    found = body(fits)
    if len(found) <= max_bytes:
        return found
    return render(replace(message, title="", summary="", link=None, link_words=""))


def _of_length(message: Message, length: int) -> Message:
    """The message with so many characters of title and summary, the title first."""
    title = cut(message.title, length)
    summary = cut(message.summary, length - len(title)) if length > len(title) else ""
    return replace(message, title=title, summary=summary)
