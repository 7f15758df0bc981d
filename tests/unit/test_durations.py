import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.durations import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("90d", timedelta(days=90)),
        ("0s", timedelta()),
        (" 5m ", timedelta(minutes=5)),
        ("36500d", LONGEST),
    ],
)
def test_a_number_and_a_unit_is_a_duration(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("30", 'such as "30s"'),
        ("0.5", "number without a unit"),
        ("-5m", "is negative"),
        ("1.5h", "one whole number and one unit"),
        ("1h30m", "one whole number and one unit"),
        ("5 m", "one whole number and one unit"),
        ("5min", "500ms, 30s, 5m, 2h or 90d"),
        ("5M", "is not a duration"),
        ("٣s", "is not a duration"),
        ("", "is not a duration"),
        ("s", "is not a duration"),
        ("36501d", "longer than 36500d"),
        ("999999999999d", "longer than 36500d"),
        ("9" * 5000 + "s", "is not a duration"),
    ],
)
def test_anything_else_is_refused_with_what_to_write(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r"duration|unit|negative") as caught:
        parse_duration(text)
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(seconds=120), "2m"),
        (timedelta(hours=24), "1d"),
        (timedelta(hours=25), "25h"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(microseconds=1999), "1ms"),
        (timedelta(microseconds=999), "0s"),
    ],
)
def test_a_duration_is_written_in_the_largest_exact_unit(duration: timedelta, text: str) -> None:
    assert format_duration(duration) == text


@given(st.integers(min_value=0, max_value=LONGEST // timedelta(milliseconds=1)))
def test_what_is_written_reads_back_as_the_same(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.text())
def test_no_text_does_worse_than_a_refusal(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= timedelta()
