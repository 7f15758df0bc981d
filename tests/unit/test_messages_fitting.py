"""A message within the bytes that a receiver takes."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jobwatch.formats.fitting import cut, fitted
from jobwatch.formats.message import Fact, Message, Sample

MESSAGE = Message(
    title="Title",
    summary="Summary.",
    tone="info",
    facts=(Fact(label="a", value="1"), Fact(label="b", value="2")),
    samples=(Sample(headline="first"), Sample(headline="second")),
    omitted=998,
    omitted_words="and 998 more",
    omitted_form="and {count} more",
    link="https://jobwatch.example.com",
)


def rendered(message: Message) -> bytes:
    lines = [message.title, message.summary]
    lines += [f"{each.label}={each.value}" for each in message.facts]
    lines += [each.headline for each in message.samples]
    lines += [message.omitted_words, message.link or ""]
    return "\n".join(lines).encode()


WHOLE = len(rendered(MESSAGE))


def at(max_bytes: int) -> list[str]:
    return fitted(MESSAGE, rendered, max_bytes).decode().split("\n")


def test_what_fits_is_left_as_it_is() -> None:
    assert fitted(MESSAGE, rendered, WHOLE) == rendered(MESSAGE)


def test_samples_go_first_from_the_end_and_are_counted() -> None:
    assert at(WHOLE - 1)[4:6] == ["first", "and 999 more"]
    assert at(WHOLE - 8)[4:] == ["and 1,000 more", "https://jobwatch.example.com"]


def test_then_facts_go_from_the_end() -> None:
    without_samples = len(rendered(replace(MESSAGE.omitting.omitting)))
    assert at(without_samples - 1)[2:4] == ["a=1", "and 1,000 more"]


def test_then_the_summary_is_cut_and_the_title_last() -> None:
    bare = len(rendered(replace(MESSAGE.omitting.omitting, facts=())))
    assert at(bare - 1)[:2] == ["Title", "Summ…"]
    assert at(bare - 9)[:2] == ["T…", ""]


def test_the_link_is_the_last_to_go_and_nothing_fails_for_its_size() -> None:
    assert at(0) == ["", "", "and 1,000 more", ""]


@given(
    title=st.text(max_size=300),
    facts=st.lists(st.text(max_size=60), max_size=6),
    max_bytes=st.integers(min_value=40, max_value=1200),
)
def test_any_message_fits_any_budget_with_whole_characters(
    title: str, facts: list[str], max_bytes: int
) -> None:
    def render(message: Message) -> bytes:
        return rendered(message).decode(errors="replace").encode()

    whole = [each.encode(errors="replace").decode() for each in (title, *facts)]
    message = replace(
        MESSAGE,
        title=whole[0] + "\U0001f600" * 40,
        facts=tuple(Fact(label="x", value=each) for each in whole[1:]),
    )
    body = fitted(message, rendered, max_bytes)
    assert len(body) <= max_bytes
    assert body.decode()
    assert body == fitted(message, rendered, max_bytes)


def test_a_cut_text_shows_that_it_was_cut() -> None:
    assert [cut("abcdef", length) for length in (6, 5, 1, 0)] == ["abcdef", "abcd…", "…", ""]
