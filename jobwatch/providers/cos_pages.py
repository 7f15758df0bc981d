"""One page of ListJobs (https://cloud.tencent.com/document/product/436/38611), read as little as possible.

1. A page is cut at its members. A member whose bytes are known by their hash is not read again.
2. Expat reads all the rest as one document, so that what is left out is the inside of `Jobs` and nothing else.
3. Whatever is not laid out as documented, down to an unknown element, is read as a whole tree instead, and then its
   jobs have no fingerprints. Both ways read the same from the same page.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise, repeat
from operator import itemgetter
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from jobwatch.core.codec import Known
from jobwatch.core.model import JobPage
from jobwatch.providers.cos_xml import (
    JOB_FIELDS,
    MEMBER_NAMES,
    Words,
    in_order,
    job_texts,
    read_job,
)
from jobwatch.providers.values import UnreadableError
from jobwatch.providers.xml_tree import (
    PIECE,
    SIZE_LIMIT,
    new_parser,
    parse,
    read_tree,
)

TOKEN_LIMIT = 1024
_ROOT = "ListJobsResult"
_BEGIN, _END = b"<member>", b"</member>"
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([^"']*)""")
_UTF_8 = frozenset((b"utf-8", b"utf8", b"us-ascii", b"ascii"))


_MARK = "\0"
_MARKED = {name: _MARK + name for name in (*MEMBER_NAMES, _ROOT, "Jobs", "member", "NextToken")}
_MEMBER = _MARKED["member"]


class _Cut(NamedTuple):
    """A page cut at its members: each slice runs from behind `<member>` through its `</member>`."""

    head: bytes
    slices: list[bytes]
    tail: bytes


class _Layout(NamedTuple):
    """Where the tokens of a member stand: `names` picks the names, `texts` the texts of `JOB_FIELDS`."""

    names: Callable[[list[str]], object]
    expected: object
    texts: Callable[[list[str]], tuple[str, ...]]


class _Odd(Exception):
    """The page is not laid out as documented: no error, it is read the other way."""


def read_page(document: bytes, words: Words, scope: str, known: Known) -> JobPage:
    """Read a page. Raises `UnreadableError`."""
    if len(document) > SIZE_LIMIT:
        raise UnreadableError("the page is larger than 4 MiB")
    cut = _cut(document)
    if cut is not None:
        try:
            return _read_cut(cut, words, scope, known)
        except _Odd:
            pass
    return _read_whole(document, words, scope)


def _cut(document: bytes) -> _Cut | None:
    """Cut a page, or give None where bytes do not tell where its members are."""
    head, *slices = document.split(_BEGIN)
    if not _is_plain(document, head):
        return None
    tail = b""
    if slices:
        last, end, tail = slices[-1].rpartition(_END)
        slices[-1] = last + end
    if not _are_ended(slices):
        slices = [each.rstrip() for each in slices]  # printed with blanks between members
        if not _are_ended(slices):
            return None
    # Nothing documented is that large; and it bounds how deeply a slice can nest. That each slice has no second end
    # shows when it is read: no slice is known that was not read once.
    return _Cut(head, slices, tail) if max(map(len, (head, tail, *slices))) < PIECE else None


def _are_ended(slices: list[bytes]) -> bool:
    return False not in [each.endswith(_END) for each in slices]


def _is_plain(document: bytes, head: bytes) -> bool:
    """Whether the page is UTF-8 without comments, CDATA, instructions or a document type."""
    if head.lstrip()[:1] != b"<" or b"\0" in head[:4] or _find(document, b"<!", 0) != -1:
        return False
    declared = head.find(b"?>") + 1 if head.startswith(b"<?xml") else 0
    encoding = _ENCODING.search(head, 0, declared)
    if encoding and encoding[1].lower() not in _UTF_8:
        return False
    return _find(document, b"<?", declared) == -1


def _find(document: bytes, pair: bytes, begin: int) -> int:
    """Find two bytes; the second alone is rare, and found absent a hundred times faster."""
    return document.find(pair, begin) if pair[1] in document else -1


def _read_cut(cut: _Cut, words: Words, scope: str, known: Known) -> JobPage:
    """Read a page less its known members. Raises `_Odd` for a page to be read the other way."""
    prints = list(map(xxh3_64_intdigest, cut.slices, repeat(known.seed)))
    slots = list(map(known.slots.get, prints))
    unseen = [each for each, slot in zip(cut.slices, slots, strict=True) if slot is None]
    fresh = [each for each, slot in zip(prints, slots, strict=True) if slot is None]
    head, members, tail = _tokens((cut.head, _BEGIN.join([b"", *unseen]), cut.tail))
    page = _frame(head, tail, has_members=bool(cut.slices))
    texts = _members(members)
    if len(texts) != len(fresh):
        raise _Odd
    try:
        jobs = [
            read_job(each, words, scope, print_) for each, print_ in zip(texts, fresh, strict=True)
        ]
    except UnreadableError as error:
        raise _Odd from error
    return JobPage(
        jobs=tuple(jobs),
        unchanged=tuple(slot for slot in slots if slot is not None),
        next_token=_read_token(page.get("NextToken", "")),
    )


def _frame(head: list[str], tail: list[str], *, has_members: bool) -> dict[str, str]:
    """The texts round the members; `_Odd` unless the members stand in `Jobs`, in the documented root."""
    before, after = _texts(head), _texts(tail)
    inside = not has_members or ("Jobs" not in before and next(iter(after), "") == "Jobs")
    names = [*before, *after]
    if not inside or "member" in names or names[-1] != _ROOT:
        raise _Odd
    return before | after


def _tokens(parts: tuple[bytes, ...]) -> list[list[str]]:
    """Read a document, and give for each of its parts the texts and the names of ended elements, in order.

    Only C code runs per element, which halves the time. A name is marked by a NUL, which no text can hold.
    """
    names = _MARKED.copy()
    parser = new_parser(names)
    tokens: list[list[str]] = []

    def listened() -> Iterator[bytes]:
        for part in parts:
            found: list[str] = []
            tokens.append(found)
            parser.EndElementHandler = parser.CharacterDataHandler = found.append
            yield part

    parse(parser, listened())
    if len(names) > len(_MARKED):
        raise _Odd
    return tokens


def _members(tokens: list[str]) -> list[Sequence[str]]:
    """The texts of `JOB_FIELDS` of each member.

    Members of one length mostly have the same names at the same places, which are found once.
    """
    layouts: dict[int, _Layout | None] = {}
    found: list[Sequence[str]] = []
    begin = 0
    while begin < len(tokens):
        try:
            end = tokens.index(_MEMBER, begin)
        except ValueError:
            raise _Odd from None
        member = tokens[begin:end]
        member.append("")
        begin = end + 1
        layout = layouts.get(len(member))
        if layout is not None and layout.names(member) == layout.expected:
            found.append(layout.texts(member))
        else:
            layouts[len(member)] = _layout(member)
            found.append(in_order(_texts(member)))
    if _MARK in "".join(chain.from_iterable(found)):
        raise _Odd  # a name where another member of that length has a text
    return found


def _layout(member: list[str]) -> _Layout | None:
    """Where names and texts are; None if some text is in pieces. The last token is the text of absent elements."""
    marked = [token.startswith(_MARK) for token in member]
    places = [place for place, is_name in enumerate(marked) if is_name]
    if not places or (False, False) in pairwise(marked[: places[-1]]):
        return None
    texts = {
        member[place].removeprefix(_MARK): -1 if marked[place - 1] else place - 1
        for place in places
    }
    names = itemgetter(*places)
    return _Layout(names, names(member), itemgetter(*(texts.get(each, -1) for each in JOB_FIELDS)))


def _texts(tokens: list[str]) -> dict[str, str]:
    """The text before each name, by name, in the order of the names."""
    texts: dict[str, str] = {}
    pieces: list[str] = []
    for token in tokens:
        if token.startswith(_MARK):
            texts[token.removeprefix(_MARK)] = "".join(pieces)
            pieces.clear()
        else:
            pieces.append(token)
    return texts


def _read_whole(document: bytes, words: Words, scope: str) -> JobPage:
    """Read every member of a page, however it is laid out."""
    root = read_tree(document)
    if root.name != _ROOT:
        raise UnreadableError(f"the root is {root.name[:64]}, not {_ROOT}")
    members = (
        member
        for jobs in root.children
        if jobs.name == "Jobs"
        for member in jobs.children
        if member.name == "member"
    )
    return JobPage(
        jobs=tuple(read_job(in_order(job_texts(each)), words, scope) for each in members),
        next_token=_read_token(root.value("NextToken")),
    )


def _read_token(text: str) -> str | None:
    token = text.strip()
    if len(token) > TOKEN_LIMIT:
        raise UnreadableError(f"the next token has more than {TOKEN_LIMIT} characters")
    return token or None
