"""A body is always JSON, always under 20 KB, and never loses its structure, whatever the cloud writes."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.documents import Document, document, released
from jobwatch.core.encoding import BODY_LIMIT, encode
from jobwatch.core.model import FailureReason, Job, JobDetail
from tests.factories import detail, event, job, origin, progress, snapshot

HOSTILE = '\x00\x1b\x7f\\"\n', "\U0001f4a5", "\ud800", "\u2028", "é", "x"


def texts(longest: int) -> st.SearchStrategy[str]:
    """Texts up to a length, often at it, of characters that JSON and UTF-8 make long or cannot hold."""
    repeated = st.builds(
        lambda piece, times: (piece * times)[:longest],
        st.sampled_from(HOSTILE),
        st.sampled_from([1, 63, 64, 65, longest // 2, longest]),
    )
    return repeated | st.text(st.characters(), max_size=min(longest, 80))


JOBS = st.builds(
    lambda texts_, id_, scope: replace(
        job("Failed", progress=progress(4, failed=6)),
        status=texts_[0],
        operation=texts_[1],
        description=texts_[2],
        id=id_,
        scope=scope,
    ),
    st.tuples(texts(64), texts(64), texts(1024)),
    texts(64),
    texts(128),
)

FAILURES = st.lists(st.builds(FailureReason, code=texts(64), message=texts(1024)), max_size=40)
PARTS = st.dictionaries(st.sampled_from(["object", "format", "etag", "bucket"]), texts(1024))


@st.composite
def details(draw: st.DrawFn) -> JobDetail:
    return detail(
        status_reason=draw(texts(1024)),
        suspended_cause=draw(texts(1024)),
        failures=tuple(draw(FAILURES)),
        manifest=draw(PARTS),
        report=draw(PARTS),
        role=draw(texts(1024)),
    )


def draft(of: Job) -> Document:
    return document(event(snapshot(of=of)), 42)


def shape(value: object) -> object:
    """A document without its texts and numbers."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value)


def reread(doc: Document) -> Document:
    """The document as a JSON reader sees it: lone surrogates are no text."""
    read = json.loads(json.dumps(doc, ensure_ascii=False).encode("utf-8", "replace"))
    assert isinstance(read, dict)
    return read


@given(seen=JOBS, answer=st.none() | details())
def test_any_body_is_json_under_20_kilobytes_with_its_structure_whole(
    seen: Job, answer: JobDetail | None
) -> None:
    doc = released(draft(seen), answer, None)

    body = encode(doc)

    assert len(body) <= BODY_LIMIT
    assert shape(json.loads(body)) == shape(doc)


def _data(doc: Document) -> dict[str, Any]:
    data = doc["data"]
    assert isinstance(data, dict)
    return data


@given(seen=JOBS)
def test_what_fits_is_told_word_for_word(seen: Job) -> None:
    doc = draft(seen)
    assert json.loads(encode(doc)) == reread(doc)


def cut(parts: dict[str, object]) -> dict[str, Any]:
    """These texts of a detail, as a receiver reads them."""
    told = json.loads(encode({"detail": parts}))["detail"]
    assert isinstance(told, dict)
    return told


def test_the_limit_is_twenty_thousand_bytes_and_holds_exactly() -> None:
    assert BODY_LIMIT == 20_000
    room = BODY_LIMIT - len(encode({"detail": {"role": ""}}))
    fits: Document = {"detail": {"role": "x" * room}}
    assert encode(fits) == json.dumps(fits, separators=(",", ":")).encode()
    assert len(encode(fits)) == BODY_LIMIT
    assert cut({"role": "x" * (room + 1)}) == {"role": "x" * 1023 + "…"}


def test_texts_are_halved_until_everything_fits_and_a_cut_is_shown() -> None:
    told = cut({"failures": ["x" * 1000] * 30, "role": "y" * 64})
    assert told == {"failures": ["x" * 511 + "…"] * 30, "role": "y" * 64}


def test_a_text_of_exactly_the_length_is_not_cut() -> None:
    told = cut({"a": "x" * 512, "b": "y" * 513, "many": ["z" * 1024] * 30})
    assert told["a"] == "x" * 512
    assert told["b"] == "y" * 511 + "…"


def test_the_last_cut_leaves_a_mark_alone() -> None:
    assert cut({"failures": ["x" * 65] * 3000}) == {"failures": ["…"] * 3000}


def test_what_is_no_text_is_never_cut() -> None:
    others: dict[str, object] = {"numbers": [10**18] * 3, "yes": True, "none": None}
    assert cut({**others, "text": "x" * 30_000}) == {**others, "text": "x" * 1023 + "…"}


def test_a_body_is_compact_and_keeps_its_letters() -> None:
    assert encode({"a": "é", "b": [1, "中"]}) == '{"a":"é","b":[1,"中"]}'.encode()


@pytest.mark.parametrize(
    ("text", "written"),
    [("\ud800", "?"), ("a\udfffb", "a?b"), ("\x00", "\x00"), ("\U0001f4a5", "\U0001f4a5")],
)
def test_half_a_surrogate_pair_becomes_a_question_mark_and_the_rest_stays(
    text: str, written: str
) -> None:
    assert json.loads(encode({"text": text})) == {"text": written}


def test_what_names_an_event_is_never_cut() -> None:
    loud = "\x01" * 1024
    failures = tuple(FailureReason(code=loud[:64], message=loud) for _ in range(10))
    long_id = "j" * 138
    named = event(
        snapshot(of=job("Failed", id=long_id, scope="vault-with-a-name")),
        origin=origin(public_url="https://jobwatch.example.com/below/a/path"),
    )
    answer = detail(
        failures=failures, status_reason=loud, role=loud, manifest=dict.fromkeys("abcde", loud)
    )
    doc = released(document(named, 1), answer, None)
    body = encode(doc)
    assert len(body) <= BODY_LIMIT
    told = json.loads(body)
    assert told["subject"] == f"vault-with-a-name/{long_id}"
    assert told["data"]["job"]["id"] == long_id
    assert told["data"]["links"] == _data(doc)["links"]


def test_labels_of_the_configuration_cannot_push_a_body_over_the_limit() -> None:
    labels = {f"label_{n}": "v" * 60 for n in range(400)}
    assert len(encode(document(event(origin=origin(labels=labels)), 1))) <= BODY_LIMIT
