"""The two APIs of one cloud: who may ask, what is answered, and how it is refused. Pure.

Their paths differ, so one server speaks both.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jobwatch.simulator.admission import Account, admit, admit_as_cas
from jobwatch.simulator.answers import (
    Answer,
    Question,
    Refusal,
    common_headers,
    refuse,
    respond,
)
from jobwatch.simulator.faults import BadToken, Tokens
from jobwatch.simulator.markup import Writer
from jobwatch.simulator.reshape import bad_token
from jobwatch.simulator.vault_answers import (
    JSON,
    refuse_as_cas,
    respond_vaults,
    vault_headers,
)
from jobwatch.simulator.vault_markup import Place, VaultWriter
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World


class Api(Protocol):
    """How one API of the cloud behaves."""

    def admit(self, question: Question, now: datetime) -> None:
        """Let a request pass, or raise `Refusal`."""
        ...

    def respond(self, question: Question, now: datetime) -> Answer:
        """Answer an admitted request. Raises `Refusal`."""
        ...

    def refuse(self, question: Question, refusal: Refusal) -> Answer:
        """Write a refusal."""
        ...

    def bad_page(self, act: BadToken, question: Question, now: datetime) -> Answer:
        """Write the first page of a listing again, with a token that leads nowhere."""
        ...

    def headers(self, question: Question, status: int, now: datetime) -> dict[str, str]:
        """Headers of every answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchApi:
    """COS Batch."""

    world: World
    account: Account
    writer: Writer

    def admit(self, question: Question, now: datetime) -> None:
        admit(question, self.account, self.writer.quirks, now)

    def respond(self, question: Question, now: datetime) -> Answer:
        return respond(question, self.world, self.writer, now)

    def refuse(self, question: Question, refusal: Refusal) -> Answer:
        return refuse(question, refusal, self.writer)

    def bad_page(self, act: BadToken, question: Question, now: datetime) -> Answer:
        states = self.world.page(now).states
        shown = () if act.kind is Tokens.ENDLESS_EMPTY else states
        return Answer(body=self.writer.listing(shown, bad_token(act, question), question.url))

    def headers(self, question: Question, status: int, now: datetime) -> dict[str, str]:
        return common_headers(question, status, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultApi:
    """CAS."""

    vaults: VaultWorld
    account: Account
    writer: VaultWriter

    @property
    def place(self) -> Place:
        """Whose vaults they are, and where."""
        return Place(appid=self.account.appid, region=self.vaults.region)

    def admit(self, question: Question, now: datetime) -> None:
        admit_as_cas(question, self.account, now)

    def respond(self, question: Question, now: datetime) -> Answer:
        return respond_vaults(question, self.vaults, self.writer, self.place, now)

    def refuse(self, question: Question, refusal: Refusal) -> Answer:
        del question
        return refuse_as_cas(refusal, self.writer)

    def bad_page(self, act: BadToken, question: Question, now: datetime) -> Answer:
        empty, token = act.kind is Tokens.ENDLESS_EMPTY, bad_token(act, question)
        vault = question.vault
        if vault is None:
            names = () if empty else self.vaults.names
            body = self.writer.vaults(names, token, self.place)
        else:
            world = World() if empty else self.vaults.find(vault) or World()
            body = self.writer.listing(world.page(now).states, token, vault, self.place)
        return Answer(body=body, content_type=JSON)

    def headers(self, question: Question, status: int, now: datetime) -> dict[str, str]:
        del status
        return vault_headers(question, now)
