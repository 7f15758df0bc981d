"""Receivers: where news goes, what each of them wants, and how long it is tried."""

import re
from datetime import UTC, timedelta, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr

from jobwatch.formats import FormatName
from jobwatch.settings.fields import Duration, Line, Part, between, checked
from jobwatch.settings.told import TypeWord, WantedWord

_TRY = between("100ms", "5m", "an attempt holds one of the receiver's few connections")
_GIVE_UP = between("1s", "30d", "news older than that is history")
_DIGEST = between("1s", "1d", "longer is not news")
_MOBILE = re.compile(r"\+?[0-9][0-9-]{3,30}", re.ASCII)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)


def wrong_header(name: str) -> str | None:
    """Say what is wrong with the name of a header."""
    if _TOKEN.fullmatch(name) is None:
        return "is not the name of a header: letters, digits and hyphens"
    if name.lower() in _OWN_HEADERS:
        return "is a header that jobwatch writes itself; leave it out"
    return None


def wrong_header_value(value: str) -> str | None:
    """Say what is wrong with the value of a header: it has to be one line of ASCII."""
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
        return "contains a line break or another control character"
    if not value.isascii():
        return "contains characters that are not ASCII"
    return None


def _wrong_secret_value(value: SecretStr) -> str | None:
    return wrong_header_value(value.get_secret_value())


def zone(name: str) -> tzinfo:
    """The time zone of that name; UTC needs no database. Raises as `ZoneInfo` does."""
    return UTC if name == "UTC" else ZoneInfo(name)


def _wrong_timezone(value: str) -> str | None:
    try:
        zone(value)
    except (OSError, ValueError, KeyError):  # a folder, no path that may be, no such zone
        known = {each.lower(): each for each in available_timezones()}
        found = get_close_matches(value.lower(), known, n=1, cutoff=0.8)
        hint = (
            f'did you mean "{known[found[0]]}"?'
            if found
            else 'write one such as "UTC" or "Asia/Shanghai"'
        )
        return f"is not a time zone; {hint}"
    return None


def _wrong_mobile(value: str) -> str | None:
    if _MOBILE.fullmatch(value) is None:
        return "is not a mobile number: digits, with + and the country's code where it is abroad"
    return None


HeaderName: TypeAlias = Annotated[str, checked(wrong_header)]


class Exceptions(Part):
    """What is not wanted though `wants` says so: what matches every key that is given here."""

    types: tuple[WantedWord, ...] | None = None
    sources: tuple[str, ...] | None = None
    operations: tuple[str, ...] | None = None
    descriptions: tuple[str, ...] | None = None


class Wants(Part):
    """What a receiver is told: types and groups by name, the rest as globs.

    `types` None = as its format says.
    """

    types: tuple[WantedWord, ...] | None = None
    sources: tuple[str, ...] = ("*",)
    operations: tuple[str, ...] = ("*",)
    descriptions: tuple[str, ...] = ("*",)
    except_: Exceptions = Field(default=Exceptions(), alias="except")
    failed_tasks_at_least: int = Field(default=1, ge=1)
    failed_ratio_at_least: float = Field(default=0, ge=0, le=1, allow_inf_nan=False)


class Digest(Part):
    """Many events in one message: the first ones by themselves, then one every so often."""

    first: int = Field(default=3, ge=0, le=1000)
    every: Annotated[Duration, _DIGEST] = timedelta(minutes=1)


class Mention(Part):
    """Whom a chat message calls, and for which types."""

    types: tuple[TypeWord, ...] = ()
    mobiles: tuple[Annotated[Line, checked(_wrong_mobile)], ...] = ()
    all: bool = False


class Receiver(Part):
    """A named webhook endpoint. Its URL is a secret; whatever is secret also comes from a file.

    `give_up_after` and `max_age` None = as its format says. `template` may hold what is secret, and is not shown.
    """

    url: SecretStr | None = None
    url_file: Path | None = None
    format: FormatName = "standard"
    secrets: tuple[SecretStr, ...] = ()
    secret_files: tuple[Path, ...] = ()
    routing_key: SecretStr | None = None
    routing_key_file: Path | None = None
    wants: Wants = Wants()
    headers: dict[HeaderName, Annotated[SecretStr, checked(_wrong_secret_value)]] = Field(
        default_factory=dict
    )
    header_files: dict[HeaderName, Path] = Field(default_factory=dict)
    timeout: Annotated[Duration, _TRY] = timedelta(seconds=15)
    give_up_after: Annotated[Duration, _GIVE_UP] | None = None
    max_age: Annotated[Duration, _GIVE_UP] | None = None
    concurrency: int = Field(default=8, ge=1, le=256)
    digest: Digest | None = Digest()
    language: Literal["en", "zh"] = "en"
    timezone: Annotated[Line, checked(_wrong_timezone)] = "UTC"
    title_prefix: Line = ""
    mention: Mention = Mention()
    template: SecretStr | None = None
