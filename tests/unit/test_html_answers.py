"""Where a portal or a proxy answers with a page for people, no error of a parser says what happened."""

from collections.abc import Callable

import pytest

from jobwatch.core.errors import Malformed
from jobwatch.providers.answers import BEGINNING
from tests import cas_samples, cos_samples

PLAIN = "an HTML page answered, not the API"
READERS: dict[str, Callable[[bytes], object]] = {
    "a listing of COS": cos_samples.read,
    "a job of COS": cos_samples.describe,
    "a listing of CAS": cas_samples.read,
    "a job of CAS": cas_samples.describe,
}
PAGES = {
    "a page of today": b"<!doctype html>\n<html lang=en><body><p>Please log in<br></body></html>",
    "one of yesterday": b'<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN">\r\n<HTML><BODY>\x1b[2J',
    "one without a type": b"<html><head><meta charset=utf-8></head></html>",
    "one that is XML as well": b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"/>',
    "one behind a mark and blanks": b"\xef\xbb\xbf\r\n\t <Html\n>",
    "a large one": b"<!doctype html>" + b"<p>" * 100_000,
}
OTHERS = {
    "no page of HTML": b"<htmlish>",
    "HTML within": b"<a><html></a>",
    "another type": b"<!DOCTYPE htmlx><a/>",
    "a page far behind": b" " * BEGINNING + b"<html>",
    "an endless declaration": b"<?xml " + b" " * 1_000_000,
    "nothing": b"",
}


@pytest.mark.parametrize("body", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_page_for_people_in_the_place_of_an_answer_is_called_so(
    read: Callable[[bytes], object], body: bytes
) -> None:
    with pytest.raises(Malformed) as caught:
        read(body)
    assert caught.value.message == PLAIN


@pytest.mark.parametrize("body", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_nothing_else_is_called_a_page_for_people(
    read: Callable[[bytes], object], body: bytes
) -> None:
    with pytest.raises(Malformed) as caught:
        read(body)
    assert caught.value.message != PLAIN
