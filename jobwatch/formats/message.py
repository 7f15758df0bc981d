"""A message for people, before a chat's own markup: what happened first, then how much, why, since when, where to look.

Every text in it may come from the cloud and is written by strangers: a format escapes all of it.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Tone: TypeAlias = Literal["info", "good", "warning", "critical"]
"""How a message looks: `good` is a success, or that a condition closed and all is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of a message. `code` asks for fixed width, where a chat has one: ids, words of the cloud."""

    label: str
    value: str
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One event within a digest: `headline` names it, `note` says the rest on the same line."""

    headline: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message.

    `title` stands alone in a notification: what happened to which job. `summary` is one sentence with the numbers.
    `facts` come in the order of their weight: the last may be left out first. `samples` are those of a digest, of
    `omitted` more nothing is said but their number: `omitted_words` says it, empty where nothing is omitted, and
    `omitted_form` is the same with `{count}` in place of the number. `link` is where to look, None without
    `http.public_url`; `link_words` is its label. `calls` says whether this type calls the people of `style.mention`.
    """

    title: str
    summary: str
    tone: Tone
    facts: tuple[Fact, ...] = ()
    samples: tuple[Sample, ...] = ()
    omitted: int = 0
    omitted_words: str = ""
    omitted_form: str = ""
    link: str | None = None
    link_words: str = ""
    calls: bool = False

    @property
    def omitting(self) -> "Message":
        """The same without its last sample, which is counted instead."""
        omitted = self.omitted + 1
        words = self.omitted_form.replace("{count}", f"{omitted:,}")
        return replace(self, samples=self.samples[:-1], omitted=omitted, omitted_words=words)
