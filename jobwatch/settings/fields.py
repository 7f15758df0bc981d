"""The kinds of values a configuration is made of, each saying in a sentence what it accepts."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from jobwatch.core.durations import PATTERN, format_duration, parse_duration

NAME_PATTERN = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Value = TypeVar("Value")


class Part(BaseModel):
    """A part of the configuration: frozen, strict about keys, silent about what it was given."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        validate_default=True,
    )


def _read_duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        value = type(value).__name__  # refused below, as any text that is no duration
    return parse_duration(str(value))


Duration: TypeAlias = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN}),
]
"""A length of time, written `500ms 30s 5m 2h 90d`, held as a `timedelta`."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """From the shortest to the longest that a duration may be, and the reason that a person is told."""

    shortest: str
    longest: str
    because: str

    def __call__(self, value: Value) -> Value:
        """Check a duration, or what may be one. Raises `ValueError` with a sentence."""
        low, high = parse_duration(self.shortest), parse_duration(self.longest)
        if isinstance(value, timedelta) and not low <= value <= high:
            raise ValueError(f"must be from {self.shortest} to {self.longest}: {self.because}")
        return value


def between(shortest: str, longest: str, because: str) -> AfterValidator:
    """Bound a duration, or what may be one; `because` is the reason a person is told."""
    return AfterValidator(Bounds(shortest, longest, because))


def duration_or(*words: str) -> BeforeValidator:
    """Let a field take these words besides a duration; anything else has to be one."""

    def read(value: object) -> object:
        if value is None or (isinstance(value, str) and value in words):
            return value
        try:
            return _read_duration(value)
        except ValueError as error:
            raise ValueError(f"{error}, or {' or '.join(words)}") from None  # built from parts

    return BeforeValidator(read)


def _check_name(value: str) -> str:
    if re.fullmatch(NAME_PATTERN, value) is None:
        wrote = "_".join(re.findall(r"[a-z0-9]+", value.lower())).lstrip("0123456789_")
        hint = f'; "{wrote}" would do' if wrote else ""
        raise ValueError(
            f"is not a name: small letters, digits and single underscores, first a letter{hint}"
        )
    return value


Name: TypeAlias = Annotated[
    str,
    StringConstraints(max_length=63),
    AfterValidator(_check_name),
    Field(json_schema_extra={"pattern": NAME_PATTERN}),
]
"""The name of an installation, a source or a receiver: a metric label, a log key, a variable."""


def one_line(value: str) -> str:
    """Refuse control characters, line breaks above all."""
    if _CONTROL.search(value):
        raise ValueError("contains a line break or another control character")
    return value


Line: TypeAlias = Annotated[str, AfterValidator(one_line), StringConstraints(max_length=1024)]
"""A short text on one line."""


def checked(check: Callable[[Any], str | None]) -> AfterValidator:
    """Turn a function that says what is wrong with a value into a validator."""

    def validate(value: Value) -> Value:
        wrong = check(value)
        if wrong is not None:
            raise ValueError(wrong)
        return value

    return AfterValidator(validate)
