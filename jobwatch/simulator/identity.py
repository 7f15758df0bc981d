"""The two services that issue temporary keys, on one loopback port: a machine's metadata, and the token service.

Both answer as documented, errors included: a role that is not bound is 404, and the token service says its errors with
HTTP 200. The metadata service gives the same keys until half of their life has passed, the token service new ones every
time. It shares no reading code with the providers.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from aiohttp import web

from jobwatch.core.codec import Credentials
from jobwatch.simulator.effects import silence

Clock = Callable[[], datetime]
ROLES_PATH = "/latest/meta-data/cam/security-credentials/"
ISO = "%Y-%m-%dT%H:%M:%SZ"
STS_HEADERS = {
    "authorization": "SKIP",
    "content-type": "application/json",
    "x-tc-action": "AssumeRoleWithWebIdentity",
    "x-tc-version": "2018-08-13",
}
STS_FIELDS = ("ProviderId", "WebIdentityToken", "RoleArn", "RoleSessionName")


class Manner(StrEnum):
    """How a service answers."""

    WELL = "well"
    REFUSED = "refused"  # metadata: Code is not Success; token service: Response.Error
    MALFORMED = (
        "malformed"  # metadata: the documented sample, which lacks a quote; else half a document
    )
    BROKEN = "broken"  # HTTP 500 of a gateway
    SILENT = "silent"  # no answer until the service is closed


@dataclass(slots=True, kw_only=True)
class Asked:
    """How often each thing was asked for."""

    roles: int = 0
    keys: int = 0
    sts: int = 0

    @property
    def total(self) -> int:
        """All requests."""
        return self.roles + self.keys + self.sts


@dataclass(slots=True, kw_only=True)
class IdentityServices:
    """The services; everything may be changed while they run.

    `issued` is told every new set of keys, so that a simulated cloud can take them. `accepted` are the pods' tokens that
    are good, None for any. `exchanged` are the tokens that were shown, in order. Answers wait while `gate` is not set.
    """

    clock: Clock
    issued: Callable[[Credentials], None] | None = None
    roles: tuple[str, ...] = ("jobwatch-role",)
    lifetime: timedelta = timedelta(hours=2)
    metadata: Manner = Manner.WELL
    sts: Manner = Manner.WELL
    accepted: frozenset[str] | None = None
    asked: Asked = field(default_factory=Asked)
    exchanged: list[str] = field(default_factory=list, repr=False)
    gate: asyncio.Event | None = None
    _number: int = 0
    _machine: Credentials | None = None
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    def application(self) -> web.Application:
        """Build the aiohttp application: its address is both the metadata and the token endpoint."""
        app = web.Application()
        app.router.add_get(ROLES_PATH, self._list_roles)
        app.router.add_get(ROLES_PATH + "{role}", self._give_keys)
        app.router.add_post("/", self._assume_role)
        app.on_shutdown.append(self._close)
        return app

    def rotate(self) -> None:
        """Give the machine new keys when it asks next, though the old ones still hold."""
        self._machine = None

    async def _close(self, _: web.Application) -> None:
        self._closing.set()

    async def _list_roles(self, _: web.Request) -> web.Response:
        self.asked.roles += 1
        await self._wait(self.metadata)
        if self.metadata is Manner.BROKEN:
            return web.Response(status=500, text="Internal Server Error")
        if not self.roles:
            return web.Response(status=404, text="Not Found")
        return web.Response(text="\n".join(self.roles))

    async def _give_keys(self, request: web.Request) -> web.Response:
        self.asked.keys += 1
        await self._wait(self.metadata)
        if self.metadata is Manner.BROKEN:
            return web.Response(status=500, text="Internal Server Error")
        if request.match_info["role"] not in self.roles:
            return web.Response(status=404, text="Not Found")
        if self.metadata is Manner.REFUSED:
            return web.json_response({"Code": "InternalError"})
        text = json.dumps(self._machine_document(), indent=1)
        if self.metadata is Manner.MALFORMED:
            text = text.replace('"TmpSecretId"', 'TmpSecretId"', 1)
        return web.Response(text=text)

    async def _assume_role(self, request: web.Request) -> web.Response:
        self.asked.sts += 1
        body = await request.text()
        await self._wait(self.sts)
        if self.sts is Manner.BROKEN:
            return web.Response(status=502, text="<html>502 Bad Gateway</html>")
        answer = self._answer(request, body)
        text = json.dumps({"Response": {**answer, "RequestId": f"request-{self.asked.sts}"}})
        if self.sts is Manner.MALFORMED:
            text = text[: len(text) // 2]
        return web.Response(text=text, content_type="application/json")

    def _answer(self, request: web.Request, body: str) -> dict[str, Any]:
        wrong = [k for k, v in STS_HEADERS.items() if request.headers.get(k, "") != v]
        if wrong or not request.headers.get("x-tc-region"):
            return _error("InvalidParameter", f"wrong headers: {', '.join(wrong) or 'x-tc-region'}")
        asked = json.loads(body)
        if missing := [name for name in STS_FIELDS if not asked.get(name)]:
            return _error("MissingParameter", f"missing: {', '.join(missing)}")
        token = asked["WebIdentityToken"]
        self.exchanged.append(token)
        if self.sts is Manner.REFUSED or (self.accepted is not None and token not in self.accepted):
            # Hostile on purpose: a service may show the token in its words.
            return _error("InvalidParameter.WebIdentityTokenError", f"token {token} is not valid")
        keys = self._issue()
        expires_at = keys.expires_at or self.clock()
        return {
            "Credentials": _named(keys),
            "ExpiredTime": int(expires_at.timestamp()),
            "Expiration": expires_at.strftime(ISO),
        }

    def _machine_document(self) -> dict[str, Any]:
        keys = self._machine
        if keys is None or keys.expires_at is None or self._half_gone(keys.expires_at):
            keys = self._machine = self._issue()
        expires_at = keys.expires_at or self.clock()
        return {
            **_named(keys),
            "ExpiredTime": int(expires_at.timestamp()),
            "Expiration": expires_at.strftime(ISO),
            "Code": "Success",
        }

    def _half_gone(self, expires_at: datetime) -> bool:
        return expires_at - self.clock() <= self.lifetime / 2

    def _issue(self) -> Credentials:
        self._number += 1
        keys = Credentials(
            secret_id=f"AKIDtemporary-{self._number}",
            secret_key=f"temporary-key-{self._number}",
            token=f"temporary-token-{self._number}+/==",
            expires_at=(self.clock() + self.lifetime).astimezone(UTC).replace(microsecond=0),
        )
        if self.issued is not None:
            self.issued(keys)
        return keys

    async def _wait(self, manner: Manner) -> None:
        """Hold the answer back while `gate` is shut, and for good where the service is silent."""
        if manner is Manner.SILENT:
            await silence(self._closing)
        if self.gate is not None:
            await self.gate.wait()


def _named(keys: Credentials) -> dict[str, str | None]:
    return {
        "TmpSecretId": keys.secret_id,
        "TmpSecretKey": keys.secret_key,
        "Token": keys.token,
    }


def _error(code: str, message: str) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": message}}
