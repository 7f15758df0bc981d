"""The robots of WeCom, DingTalk, Feishu, Slack, Teams and PagerDuty, as their vendors' pages say.

Each is a server on loopback: `tests.robot` counts its requests. The pages are named in the module of each format.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jobwatch.core.rate_gate import Rate
from jobwatch.formats.values import Recipient
from tests.robot import KEY, Call, Robot, Said, at_work, code, in_bytes, is_text, text, want

__all__ = [
    "KEY",
    "ROBOTS",
    "DingTalk",
    "Feishu",
    "PagerDuty",
    "Robot",
    "Said",
    "Slack",
    "Teams",
    "WeCom",
    "at_work",
]

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


class WeCom(Robot):
    """At most 20 messages a minute; 4096 bytes of markdown, 2048 of text."""

    format, path, rates = "wecom", f"/cgi-bin/webhook/send?key={KEY}", (Rate(20, MINUTE),)
    ok, too_often = code(0, "ok"), code(45009, "api freq out of limit")
    garbled = code(40008, "invalid message type")

    def check(self, call: Call) -> None:
        want(call.query == {"key": [KEY]}, "has a wrong key", code(93000, "invalid webhook url"))
        kind = call.said["msgtype"]
        most = {"markdown": 4096, "text": 2048}[kind]
        want(set(call.said) == {"msgtype", kind}, "holds something else", self.garbled)
        content = call.said[kind]["content"]
        too_long = code(40058, f"{kind}.content exceed max length {most}")
        want(is_text(content, most, in_bytes), "is too long", too_long)
        known = {"content"} | (
            {"mentioned_list", "mentioned_mobile_list"} if most == 2048 else set()
        )
        want(set(call.said[kind]) <= known, "holds something unknown", self.garbled)


@dataclass(slots=True)
class DingTalk(Robot):
    """At most 20 messages a minute, or it is locked for ten; signed in the URL, an hour at most ago."""

    format = "dingtalk"
    path = f"/robot/send?access_token={KEY}"
    rates = (Rate(20, MINUTE),)
    ok, too_often = code(0, "ok"), code(130101, "send too fast, exceed 20 times per minute")
    garbled = code(40035, "the parameter is invalid")

    locked_until: datetime | None = None

    def recipient(self, name: str = "chat", **more: Any) -> Recipient:
        return Recipient(name=name, url=self.url, **({"secrets": (self.secret,)} | more))

    def counts_too_many(self, now: datetime) -> bool:
        locked = self.locked_until is not None and now < self.locked_until
        if locked or any(self.within(rate.per, now) > rate.messages for rate in self.rates):
            self.locked_until = now + timedelta(minutes=10)
        return self.locked_until is not None and now < self.locked_until

    def check(self, call: Call) -> None:
        want(call.query["access_token"] == [KEY], "has a wrong token", code(300001, "token"))
        (stamp,), (sign,) = call.query["timestamp"], call.query["sign"]
        age = abs(self.clock().timestamp() - int(stamp) / 1000)
        want(age < 3600, "is old", code(310000, "invalid timestamp"))
        mac = hmac.new(self.secret.encode(), f"{stamp}\n{self.secret}".encode(), hashlib.sha256)
        fits = hmac.compare_digest(base64.b64encode(mac.digest()).decode(), sign)
        want(fits, "is signed wrong", code(310000, "sign not match"))
        want(call.said["msgtype"] == "markdown", "is no markdown", self.garbled)
        shown = call.said["markdown"]
        too_long = code(34016, "too long")
        want(is_text(shown["title"], 64) and is_text(shown["text"], 5000), "is too long", too_long)
        want(in_bytes(shown["text"]) <= 20_000, "is too large", too_long)
        called = call.said.get("at", {}).get("atMobiles", [])
        want(all(f"@{each}" in shown["text"] for each in called), "calls nobody", self.garbled)


class Feishu(Robot):
    """At most 100 messages a minute and 5 a second, 20 KB each; signed in the body, an hour at most ago."""

    format, path = "feishu", f"/open-apis/bot/v2/hook/{KEY}"
    rates = (Rate(100, MINUTE), Rate(5, SECOND))
    ok = Said(200, json.dumps({"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}}))
    too_often = code(11232, "frequency limited psm", "code")
    garbled = code(9499, "Bad Request", "code", 400)

    def recipient(self, name: str = "chat", **more: Any) -> Recipient:
        return Recipient(name=name, url=self.url, **({"secrets": (self.secret,)} | more))

    def check(self, call: Call) -> None:
        want(len(call.body) <= 20 * 1024, "is too large", code(19036, "too large", "code"))
        said = call.said
        age = abs(self.clock().timestamp() - int(said["timestamp"]))
        key = f"{said['timestamp']}\n{self.secret}".encode()
        sign = base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
        fits = hmac.compare_digest(sign, said["sign"]) and age < 3600
        no_match = code(19021, "sign match fail or timestamp is not within one hour", "code")
        want(fits, "is signed wrong", no_match)
        want(said["msg_type"] == "interactive", "is no card", self.garbled)
        header, elements = said["card"]["header"], said["card"]["elements"]
        want(
            header["template"] in {"blue", "green", "orange", "red"}, "has no colour", self.garbled
        )
        titled = header["title"]["tag"] == "plain_text" and header["title"]["content"]
        want(titled and elements, "is empty", self.garbled)
        tags = {each["tag"] for each in elements}
        want(tags <= {"div", "note", "action"}, "has unknown elements", self.garbled)


class Slack(Robot):
    """One message a second; 50 blocks, about 13,000 characters over all of them."""

    format, path, rates = "slack", f"/services/T0000/B0000/{KEY}", (Rate(1, SECOND),)
    ok, too_often = text(200, "ok"), text(429, "rate_limited", Retry_After="30")
    garbled = text(400, "invalid_payload")

    def check(self, call: Call) -> None:
        said, no_blocks = call.said, text(400, "invalid_blocks")
        want(is_text(said["text"], 40_000), "has no text", text(400, "no_text"))
        want(0 < len(said["blocks"]) <= 50, "has too many blocks", no_blocks)
        want(len(json.dumps(said["blocks"], ensure_ascii=False)) <= 13_000, "is large", no_blocks)
        for block in said["blocks"]:
            most = {"header": 150, "section": 3000}[block["type"]]
            want(is_text(block["text"]["text"], most), "has a long block", no_blocks)
            kinds = {"plain_text"} if most == 150 else {"plain_text", "mrkdwn"}
            want(block["text"]["type"] in kinds, "has an unknown text", no_blocks)


class Teams(Robot):
    """Four messages a second, 28 KB each; it answers 202 before anything is shown."""

    format, path = "teams", f"/workflows/{KEY}/triggers/manual/paths/invoke?api-version=1&sig={KEY}"
    rates = (Rate(4, SECOND),)
    ok, too_often = text(202, ""), text(429, "Too Many Requests", Retry_After="5")
    garbled = Said(400, json.dumps({"error": {"code": "TriggerInputSchemaMismatch"}}))

    def check(self, call: Call) -> None:
        said = Said(401, json.dumps({"error": {"code": "DirectApiAuthorizationRequired"}}))
        want(call.query.get("sig") == [KEY], "has a wrong signature", said)
        want(len(call.body) <= 24_000, "is too large", text(413, ""))
        want(call.said["type"] == "message", "is no message", self.garbled)
        (card,) = call.said["attachments"]
        kind = card["contentType"] == "application/vnd.microsoft.card.adaptive"
        content = card["content"]
        want(kind and content["type"] == "AdaptiveCard", "is no card", self.garbled)
        want(content["version"] in {"1.0", "1.1", "1.2"}, "is too new for phones", self.garbled)
        kinds = {each["type"] for each in content["body"]}
        want(kinds and kinds <= {"TextBlock", "RichTextBlock"}, "is empty", self.garbled)


class PagerDuty(Robot):
    """About 120 events a minute for a key, 512 KB each; 202 says that one was taken."""

    format, path, rates = "pagerduty", "/v2/enqueue", (Rate(120, MINUTE),)
    ok = Said(202, json.dumps({"status": "success", "message": "Event processed"}))
    too_often = Said(429, json.dumps({"status": "throttle exceeded"}))
    garbled = Said(400, json.dumps({"status": "invalid event", "errors": ["Event object"]}))

    def recipient(self, name: str = "chat", **more: Any) -> Recipient:
        return Recipient(name=name, url=self.url, **({"routing_key": KEY} | more))

    def check(self, call: Call) -> None:
        said = call.said
        wrong = {"status": "invalid event", "errors": ["'routing_key' is invalid"]}
        want(said["routing_key"] == KEY, "has a wrong key", Said(400, json.dumps(wrong)))
        want(said["event_action"] in {"trigger", "resolve"}, "does nothing", self.garbled)
        want(is_text(said["dedup_key"], 255), "has no key", self.garbled)
        if said["event_action"] == "resolve":
            return
        payload = said["payload"]
        want(is_text(payload["summary"], 1024), "has no summary", self.garbled)
        severities = {"critical", "error", "warning", "info"}
        want(payload["severity"] in severities and payload["source"], "is vague", self.garbled)
        datetime.fromisoformat(payload["timestamp"])


ROBOTS: tuple[type[Robot], ...] = (WeCom, DingTalk, Feishu, Slack, Teams, PagerDuty)
