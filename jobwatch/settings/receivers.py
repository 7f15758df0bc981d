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
    """Except these event types or groups. Null: of any type, if another key of `except` is given."""
    sources: tuple[str, ...] | None = None
    """Except these sources, as globs. Null: of any source."""
    operations: tuple[str, ...] | None = None
    """Except these operations, as globs. Null: of any operation."""
    descriptions: tuple[str, ...] | None = None
    """Except jobs whose description matches one of these globs. Null: of any description.

    Examples: [["test *"]]
    """


class Wants(Part):
    """What a receiver is told: types and groups by name, the rest as globs.

    `types` None = as its format says.
    """

    types: tuple[WantedWord, ...] | None = None
    """Event types, the groups `endings` and `problems`, or `*`. Null is the format's choice: programs are told of
    endings and problems, people of problems only.

    Examples: [["problems"], ["job.failed", "source.unreachable"]]
    """
    sources: tuple[str, ...] = ("*",)
    """Names of sources, or globs on them. A name without a source is a mistake."""
    operations: tuple[str, ...] = ("*",)
    """Globs on the job's operation, such as `COSPutObjectCopy`."""
    descriptions: tuple[str, ...] = ("*",)
    """Globs on the job's description, the only text that its owner wrote.

    Examples: [["nightly *"]]
    """
    except_: Exceptions = Field(default=Exceptions(), alias="except")
    """Exceptions from the keys above. An event is excepted if it matches every key that is given here, whatever the
    keys above say.

    Examples: [{"sources": ["dev*"]}]
    """
    failed_tasks_at_least: int = Field(default=1, ge=1)
    """Tell `job.completed_with_failures` only if at least this many tasks failed. One by default, because every failed
    task is an object that was not processed.
    """
    failed_ratio_at_least: float = Field(default=0, ge=0, le=1, allow_inf_nan=False)
    """Tell `job.completed_with_failures` only if at least this share of the tasks failed. Both bounds have to be
    reached.
    """


class Digest(Part):
    """Many events in one message: the first ones by themselves, then one every so often."""

    first: int = Field(default=3, ge=0, le=1000)
    """How many events of one type and source are sent one by one within `every`."""
    every: Annotated[Duration, _DIGEST] = timedelta(minutes=1)
    """How long the following events are gathered for one message. A minute keeps a flood below a robot's limit."""


class Mention(Part):
    """Whom a chat message calls, and for which types."""

    types: tuple[TypeWord, ...] = ()
    """Event types, groups or `*` whose messages mention people. None by default, because nobody likes noise. Good news
    never mentions anybody.

    Examples: [["job.failed"]]
    """
    mobiles: tuple[Annotated[Line, checked(_wrong_mobile)], ...] = ()
    """Whom it mentions, by mobile number: `wecom` and `dingtalk`.

    Examples: [["13800000000"]]
    """
    all: bool = False
    """Whether it mentions everybody: `slack` (as `@channel`), `wecom`, `dingtalk` and `feishu`."""


class Receiver(Part):
    """A named webhook endpoint. Its URL is a secret; whatever is secret also comes from a file.

    `give_up_after` and `max_age` None = as its format says. `template` may hold what is secret, and is not shown.
    """

    url: SecretStr | None = None
    """Where to send. It is a secret and never shown. It has to be https, except on loopback or with
    `egress.allow_http`. Only `pagerduty` needs none.

    Examples: ["https://hooks.example.com/jobs"]
    """
    url_file: Path | None = None
    """A file that holds the URL; instead of `url`."""
    format: FormatName = "standard"
    """What is sent. `standard`: the event itself, signed, for programs. `template`: a body of your own. The others:
    messages for people.
    """
    secrets: tuple[SecretStr, ...] = ()
    """The keys that sign, newest first. `standard` needs at least one, `template` may have some; all of them sign, so
    that one can be changed without a gap. For `dingtalk` and `feishu` it is the robot's secret, if it has one.
    """
    secret_files: tuple[Path, ...] = ()
    """Files that hold one secret each. They sign after those of `secrets`."""
    routing_key: SecretStr | None = None
    """`pagerduty`: the integration key of the service."""
    routing_key_file: Path | None = None
    """A file that holds the routing key; instead of `routing_key`."""
    wants: Wants = Wants()
    """What it is told. All keys have to match."""
    headers: dict[HeaderName, Annotated[SecretStr, checked(_wrong_secret_value)]] = Field(
        default_factory=dict
    )
    """Headers for every request; they may override its content type. Values are secrets. Names that come from
    environment variables are in lower case, which makes no difference in HTTP.

    Examples: [{"Authorization": "Bearer example"}]
    """
    header_files: dict[HeaderName, Path] = Field(default_factory=dict)
    """Headers whose values are in files: names and paths."""
    timeout: Annotated[Duration, _TRY] = timedelta(seconds=15)
    """The time for one attempt, from the name lookup to the last byte."""
    give_up_after: Annotated[Duration, _GIVE_UP] | None = None
    """How long a delivery is tried before it is given up. Null is the format's choice: a program may be down for a
    weekend; in a chat, old news does not help.
    """
    max_age: Annotated[Duration, _GIVE_UP] | None = None
    """Older news is not sent, and counts as expired, except that a condition closed. Null is the format's choice:
    programs get everything, people nothing older than a day.
    """
    concurrency: int = Field(default=8, ge=1, le=256)
    """How many attempts may be under way at the same time. In addition, each format limits the pace for a URL."""
    digest: Digest | None = Digest()
    """For chats: many events of one type and source become one message. Null sends every event by itself, at the
    chat's pace, as the other formats do anyway.
    """
    language: Literal["en", "zh"] = "en"
    """The language of messages for people: English or Chinese. The events of `standard` have no language."""
    timezone: Annotated[Line, checked(_wrong_timezone)] = "UTC"
    """The time zone of times in messages for people: a name from the IANA database.

    Examples: ["Asia/Shanghai"]
    """
    title_prefix: Line = ""
    """Goes before the title of messages for people: the place for the keyword that a DingTalk or Feishu robot may ask
    for.

    Examples: ["[jobwatch]"]
    """
    mention: Mention = Mention()
    """Whom a message in a chat mentions, and for which event types."""
    template: SecretStr | None = None
    """`template`: the Jinja2 text of the body. It is never shown, and is tried with an event of every type before it
    is accepted.

    Examples: ["{{ event | tojson }}"]
    """
