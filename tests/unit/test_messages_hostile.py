"""Whatever stands in a document, a message is made of it, and shows what it says."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.formats.reading import plain
from jobwatch.formats.telling import message_of
from jobwatch.formats.values import PLAIN, Style
from tests.unit.telling_cases import CHINESE, failed, odd_documents


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\n\tc", "a b c"),
        ("a\x00\x1b[31mb", "a [31mb"),
        ("a\u202egnp.exe\u200b\ufeff", "agnp.exe"),
        ("lone \ud800", "lone \ufffd"),
        ("soft\u00adhyphen\u2066x\u2069", "softhyphenx"),
        ("x" * 500, "x" * 199 + "…"),
        (12, "12"),
        (True, ""),
        (None, ""),
        (["a"], ""),
        (10**400, ""),
    ],
)
def test_a_text_of_strangers_is_one_visible_line_of_bounded_length(text: Any, shown: str) -> None:
    assert plain(text, 200) == shown


def test_braces_in_a_text_are_no_part_of_a_sentence() -> None:
    title = message_of(failed(description="{source} {0} {x.__class__}"), PLAIN).title
    assert title == "Job failed: {source} {0} {x.__class__} (prod)"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://x.example/<a>", "https://x.example/ a", 7, "", None]
)
def test_what_is_no_plain_link_is_left_out(link: Any) -> None:
    shown = failed()
    shown["data"]["links"]["job"] = link
    assert message_of(shown, PLAIN).link is None


HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)


@given(shown=odd_documents(), style=st.sampled_from([PLAIN, CHINESE]))
def test_no_document_makes_it_fail_or_shows_what_hides(shown: dict[str, Any], style: Style) -> None:
    message = message_of(shown, style)
    texts = [message.title, message.summary, message.omitted_words]
    texts += [text for each in message.facts for text in (each.label, each.value)]
    texts += [text for each in message.samples for text in (each.headline, each.note)]
    assert not any(HIDDEN.search(text) for text in texts)
    assert all(each.value for each in message.facts)
    assert len(message.title) < 1500
    assert message == message_of(json.loads(json.dumps(shown)), style)


@pytest.mark.parametrize("shown", [None, [], "x", 7, {}, {"data": []}, {"type": 7, "data": None}])
def test_what_is_no_document_at_all_is_an_empty_message(shown: Any) -> None:
    assert message_of(shown, PLAIN).summary == ""
