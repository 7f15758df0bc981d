"""Documents that no honest cloud sends, and what reading leaves in memory."""

import contextlib
import gc
import resource
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.errors import Malformed
from jobwatch.providers.xml_tree import SIZE_LIMIT
from tests.cos_samples import describe, knowing, member, page_of, plain, read, sample

A = member("a")
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE: dict[str, str | bytes] = {
    "nothing": b"",
    "blanks": b" \n",
    "no XML": b"\x89PNG\r\n",
    "another root": "<ListBucketResult><Jobs/></ListBucketResult>",
    "an error with 200": "<Error><Code>InternalError</Code></Error>",
    "HTML": "<html><body>please log in</body></html>",
    "document type": "<!DOCTYPE ListJobsResult><ListJobsResult/>",
    "billion laughs": f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><ListJobsResult>&l9;</ListJobsResult>',
    "outer entity": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><ListJobsResult>&x;</ListJobsResult>',
    "undefined entity": page_of("<JobId>&x;</JobId>"),
    "billion laughs in UTF-16": f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><r>&l9;</r>'.encode(
        "utf-16"
    ),
    "deep": "<a>" * 100_000,
    "deep inside": page_of(member("a", "<b>" * 40 + "</b>" * 40)),
    "endless attribute": "<ListJobsResult x='" + "a" * (SIZE_LIMIT - 100),
    "many attributes": "<ListJobsResult " + " ".join(f"a{n}=''" for n in range(100_000)),
    "many elements": "<ListJobsResult>" + "<a/>" * 200_000 + "</ListJobsResult>",
    "too large": page_of(member("a"), between=" " * SIZE_LIMIT),
    "bad UTF-8": page_of(member("a")).encode().replace(b"Active", b"\xff\xfe"),
    "control character": page_of(member("a\x01")),
    "unknown encoding": page_of(A, head="<?xml version='1.0' encoding='no-such-thing'?>"),
    "encoding that is no text": page_of(A, head="<?xml version='1.0' encoding='hex'?>"),
    "two roots": page_of(A) * 2,
    "rubbish behind": page_of(A) + "<",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_page_is_malformed_and_nothing_else(body: str | bytes) -> None:
    with pytest.raises(Malformed):
        read(body)
    with pytest.raises(Malformed):
        describe(body)


@pytest.mark.parametrize("name", ["listing", "listing_pretty", "listing_with_prefix"])
def test_a_page_cut_anywhere_is_an_error_and_never_a_shorter_page(name: str) -> None:
    body = sample(name).body.rstrip()
    known = knowing(read(body))
    for length in range(len(body)):
        for knowledge in (None, known):
            with pytest.raises(Malformed):
                read(body[:length], knowledge)


def test_a_detail_cut_anywhere_is_an_error() -> None:
    body = sample("detail_failed").body.rstrip()
    for length in range(len(body)):
        with pytest.raises(Malformed):
            describe(body[:length], "7c90d1e2-83b6-4a55-8f1e-2d4b6a8c0e13")


@given(
    st.binary(max_size=200) | st.binary(max_size=60).map(lambda each: page_of(A).encode() + each)
)
def test_any_bytes_are_a_page_or_malformed(body: bytes) -> None:
    for reader in (read, describe):
        with contextlib.suppress(Malformed):
            reader(body)


@given(data=st.data())
def test_a_page_with_bytes_changed_is_a_page_or_malformed(data: st.DataObject) -> None:
    body = bytearray(sample("listing").body)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.sampled_from(b"<>&/!? \0a\xff\"'"))
    try:
        page = read(bytes(body))
    except Malformed:
        return
    try:
        assert plain(page) == read(bytes(body) + b"<!-- -->").jobs
    except Malformed:
        pytest.fail("the quick way read what the slow way refuses")


# ── memory ──────────────────────────────────────────────────────────────────────────────────────


def test_a_thousand_pages_leave_nothing_behind() -> None:
    body = page_of(*(member(str(n)) for n in range(200))).encode()
    odd = body + b"<!-- -->"
    broken = body[:-20]

    def sweep(pages: Iterable[bytes]) -> None:
        for each in pages:
            with contextlib.suppress(Malformed):
                read(each)

    gc.collect()
    gc.disable()
    try:
        sweep((body, odd, broken) * 20)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sweep((body, odd, broken) * 333)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 4 * 1024  # KiB; one kept parser per page would be a hundred megabytes
    finally:
        gc.enable()


def test_a_parser_is_freed_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for body in (page_of(A), page_of(A) + "<!-- -->"):
            read(body)
        assert gc.collect() == 0
        assert len(gc.get_objects()) <= before + 1
    finally:
        gc.enable()
