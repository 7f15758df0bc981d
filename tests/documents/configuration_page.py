"""Writes docs/configuration.md from the settings: their fields, and the docstrings below these.

.venv/bin/python -m tests.documents.configuration_page > docs/configuration.md
"""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel

from jobwatch.core.durations import format_duration
from jobwatch.core.errors import ConfigError
from jobwatch.formats import CHATS, FORMATS
from jobwatch.providers.cas import CasSettings
from jobwatch.providers.cos_batch import CosBatchSettings
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.settings import Receiver, Settings, Source
from jobwatch.settings import model as whole
from jobwatch.settings import receivers as told
from jobwatch.settings.changes import FIXED
from jobwatch.settings.describing import Description, descriptions
from jobwatch.settings.not_yet import NOT_YET
from jobwatch.settings.sources import Rules
from jobwatch.settings.views import digest_policy, give_up_after, max_age, wanted_words
from jobwatch.settings.yaml_tree import read_yaml
from jobwatch.store.settings import PostgresSettings, SqliteSettings
from tests.documents.configuration_prose import EXAMPLES, HEAD, KEYS, SAID
from tests.documents.configuration_types import PART, SCHEMA, takes

WIDTH = 125


class Block(NamedTuple):
    """The keys of a model at a path. `only` are those that are shown; `kind` tells alternatives apart."""

    title: str
    path: str
    model: type[BaseModel]
    only: tuple[str, ...] = ()
    kind: str = ""


class Key(NamedTuple):
    """One key, as the page shows it."""

    path: str
    model: type[BaseModel]
    name: str
    kind: str = ""

    @property
    def title(self) -> str:
        return f"`{self.path}`" + (f" ({self.kind})" if self.kind else "")

    @property
    def anchor(self) -> str:
        """The anchor of its heading, on GitHub as in the site."""
        return re.sub(r"[^\w -]", "", self.title.lower()).replace(" ", "-")

    @property
    def variable(self) -> str:
        return "JOBWATCH_" + self.path.replace(".", "__").upper()

    @property
    def node(self) -> Mapping[str, Any]:
        """What the JSON Schema says of it."""
        model = SCHEMA if self.model is Settings else SCHEMA["$defs"][self.model.__name__]
        found: Mapping[str, Any] = model["properties"][self.path.rpartition(".")[2]]
        return found

    @property
    def said(self) -> Description:
        return descriptions(self.model)[self.name]


PROVIDER = "sources.NAME.provider"
BLOCKS = (
    Block("The installation", "", Settings, ("instance",)),
    Block("Sources", "sources.NAME", Source),
    Block("Provider cos-batch", PROVIDER, CosBatchSettings),
    Block("Provider cas", PROVIDER, CasSettings, kind="cas"),
    Block("Credentials", f"{PROVIDER}.credentials", CredentialsSettings),
    Block("Receivers", "receivers.NAME", Receiver),
    Block("What a receiver wants", "receivers.NAME.wants", told.Wants),
    Block("Digests", "receivers.NAME.digest", told.Digest),
    Block("Whom a message calls", "receivers.NAME.mention", told.Mention),
    Block("Rules", "rules", Rules),
    Block("Egress", "egress", whole.Egress),
    Block("Store", "store", SqliteSettings),
    Block("Store", "store", PostgresSettings, kind="postgres"),
    Block("Retention", "retention", whole.Retention),
    Block("HTTP", "http", whole.Http),
    Block("Metrics", "metrics", whole.Metrics),
    Block("Log", "log", whole.Log),
    Block("Heartbeat", "heartbeat", whole.Heartbeat),
)
ELSEWHERE = {block.path for block in BLOCKS} | {"sources.NAME.rules"}
"""Parts whose keys have a block of their own, or stand in another place already."""
LINKS = {
    PROVIDER: "the keys of [cos-batch](#provider-cos-batch) or of [cas](#provider-cas)",
    f"{PROVIDER}.credentials": "[keys of its own](#credentials)",
    "sources.NAME.rules": "[keys of its own](#rules)",
    "receivers.NAME.wants": "[keys of its own](#what-a-receiver-wants)",
    "receivers.NAME.digest": "[keys of its own](#digests)",
    "receivers.NAME.mention": "[keys of its own](#whom-a-message-calls)",
}

LIVE = {
    "sources.NAME.rate_limit": "and a sweep under way is cut short and made again",
    "sources.NAME.first_sight": "but it matters only until the first full sweep",
    "sources.NAME.labels": "for events from then on",
    "sources.NAME.provider": "and a sweep under way is cut short and made again",
    "instance": "for events from then on",
    "http.public_url": "for events from then on",
}
"""What becomes of a change where the words above the block do not hold, by the beginning of the path."""

ONLY_ON_OR_OFF = {"http.tls": "to switch it on or off"}


def keys_of(block: Block) -> Iterator[Key]:
    """The keys of a block, and those of parts that have no block of their own."""
    for name, field in block.model.model_fields.items():
        if block.only and name not in block.only:
            continue
        path = f"{block.path}.{field.alias or name}".strip(".")
        yield Key(path, block.model, name, block.kind)
        below = part_of(field.annotation)
        if below is not None and path not in ELSEWHERE:
            yield from keys_of(Block(block.title, path, below))


def part_of(annotation: object) -> type[BaseModel] | None:
    """The model that a field takes, if it takes one alone or null."""
    found = [each for each in (annotation, *getattr(annotation, "__args__", ())) if is_part(each)]
    return found[0] if len(found) == 1 else None


def is_part(each: object) -> bool:
    return isinstance(each, type) and issubclass(each, BaseModel)


def all_keys() -> tuple[Key, ...]:
    """Every key that the page shows."""
    return tuple(key for block in BLOCKS for key in keys_of(block))


def default_of(key: Key) -> str:
    """The default as a file would have it."""
    field = key.model.model_fields[key.name]
    if field.is_required():
        return "It has to be given"
    value = field.get_default(call_default_factory=True, validated_data={})
    if key.path == "sources.NAME.rules":
        return "Default: what `rules` says"
    if isinstance(value, BaseModel):
        return ""  # those of its keys
    return f"Default: `{written(value)}`"


def written(value: object) -> str:
    """A value as a file would have it, in quotes where it would be read as something else without them."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if value is None or isinstance(value, bool | tuple | list | dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, int) or plain(str(value)) else json.dumps(value)


def plain(text: str) -> bool:
    """Whether a text is read as itself where it stands without quotes."""
    try:
        return read_yaml(f"key: {text}", "").tree == {"key": text}
    except ConfigError:
        return False


def reload_of(key: Key) -> str:
    """What becomes of a change while jobwatch runs."""
    for path, why in FIXED.items():
        if f"{key.path}.".startswith(f"{path}."):
            return f"restart: {why}"
    if key.path in ONLY_ON_OR_OFF:
        return f"restart {ONLY_ON_OR_OFF[key.path]}, else live"
    if key.path.startswith(f"{PROVIDER}."):
        return "live"  # the block says how
    how = [words for begin, words in LIVE.items() if key.path.startswith(begin)]
    return f"live, {how[0]}" if how else "live"


def not_yet(key: Key) -> str:
    """What is said of a key that is not yet active, or of one that belongs to such a kind."""
    for row in NOT_YET:
        if key.kind == "postgres" and row.pattern == "store.kind":
            return f"*Not yet active*: {row.reason}."
        if re.fullmatch(row.pattern.replace("*", "[^.]+"), key.path) and not row.pattern.endswith(
            ".kind"
        ):
            return f"*Not yet active*: {row.reason}."
    return ""


def entry(key: Key) -> Iterator[str]:
    """What the page says of one key."""
    said, range_ = key.said, ""
    if said.bounds is not None:
        range_ = (
            f", from `{said.bounds.shortest}` to `{said.bounds.longest}` ({said.bounds.because})"
        )
    yield f"### {key.title}\n"
    yield filled(" ".join(filter(None, (said.text, not_yet(key))))) + "\n"
    what = takes(key.node).replace(PART, LINKS.get(key.path, "the keys below"))
    default = f" {default_of(key)}." if default_of(key) else ""
    shown = (f"`{json.dumps(each, ensure_ascii=False)}`" for each in said.examples)
    examples = f" For example {', '.join(shown)}." if said.examples else ""
    yield filled(f"- Takes {what}{range_}.{default}{examples}", "  ")
    yield filled(f"- `{key.variable}` · {reload_of(key)}", "  ") + "\n"


def filled(text_: str, below: str = "") -> str:
    """A paragraph of lines as long as the other pages have them; nothing in code is broken."""
    glued = re.sub(r"`[^`]*`", lambda code: code[0].replace(" ", "\0"), text_)
    lines = textwrap.wrap(
        glued, WIDTH, subsequent_indent=below, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines).replace("\0", " ")


def of_formats() -> Iterator[str]:
    """What each format chooses where the configuration does not say."""
    yield "What the format chooses if a key is left out:\n"
    yield "| `format` | `wants.types` | `give_up_after` | `max_age` | `digest` |"
    yield "| --- | --- | --- | --- | --- |"
    for name in FORMATS:
        receiver = Receiver(format=name)
        policy, age = digest_policy(receiver), max_age(receiver)
        cells = (
            ", ".join(wanted_words(receiver)),
            format_duration(give_up_after(receiver)),
            format_duration(age) if age else "any",
            f"{policy.first}, then one every {format_duration(policy.every)}" if policy else "none",
        )
        assert (policy is not None) == (name in CHATS)
        yield f"| `{name}` | {' | '.join(cells)} |"
    yield ""


def above(block: Block) -> Iterator[str]:
    """What stands above the keys of a block."""
    yield f"## {block.title}\n"
    part = block.path.removesuffix(".NAME")
    said = descriptions(Settings)[part].text if part in Settings.model_fields else ""
    if said or SAID[block.title]:
        yield filled(" ".join(filter(None, (said, SAID[block.title])))) + "\n"
    if block.model is Receiver:
        yield from of_formats()


def page() -> str:
    """The whole page."""
    parts, before = [HEAD, EXAMPLES, KEYS], ""
    for block in BLOCKS:
        parts += above(block) if block.title != before else ()
        for key in keys_of(block):
            parts += entry(key)
        before = block.title
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    print(page(), end="")
