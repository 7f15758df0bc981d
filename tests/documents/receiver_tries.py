"""`jobwatch receivers test` as the pages show it: the real command against a vendor's robot on loopback.

What differs from one run to the next (ids, times, signatures) is written as the sample has it.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from standardwebhooks import Webhook

from jobwatch.app.clock import utc_now
from jobwatch.formats import FormatName
from tests.cli_rig import Done, aside
from tests.documents.receiver_pages import part, tree_of
from tests.documents.shown import fenced
from tests.robot import Call, Robot, Said, at_work, code, want
from tests.robots import KEY, ROBOTS
from tests.unit.settings_cases import SECRET

SAME = (
    (r"evt_[a-z2-7]{26}", "evt_wk552y2mymmubpi34edjoejzoy"),
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-11-21T20:00:00Z"),
    (r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\b", "2026-11-21 20:00:00"),
    (r"webhook-timestamp: \d+", "webhook-timestamp: 1795291205"),
    (r"v1,[A-Za-z0-9+/]{43}=", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
    (r'"timestamp": "\d{10}"', '"timestamp": "1795291205"'),
    (r"after \d+\.\d\d s", "after 0.21 s"),
)


@dataclass(slots=True)
class Program(Robot):
    """A program of one's own: it checks the signature and says nothing."""

    format, path, rates = "standard", "/jobs", ()
    ok, too_often, garbled = Said(204, ""), Said(429, ""), Said(400, "")

    def look(self, call: Call) -> None:
        Webhook(SECRET).verify(call.body, call.headers)


@dataclass(slots=True)
class Service(Robot):
    """A service that takes what a template makes."""

    format, path, rates = "template", "/own", ()
    ok, too_often, garbled = Said(200, '{"taken": true}'), Said(429, ""), Said(400, "")

    def check(self, call: Call) -> None:
        want(call.said["title"], "has no title", self.garbled)


_ALL: tuple[type[Robot], ...] = (*ROBOTS, Program, Service)
MADE = {each.format: each for each in _ALL}


REMOVED = code(93000, "invalid webhook url")
"""What WeCom says where there is no such robot any more."""


async def tried(name: FormatName, *instead: Said) -> Done:
    """Send a test to the first receiver of a page, as the page says; the answer is the robot's, or what is `instead`."""
    tree = tree_of(fenced(part(name, "en"), "yaml")[0])
    ((receiver, keys),) = tree["receivers"].items()
    url = keys.get("url", "https://events.pagerduty.com/v2/enqueue")
    async with at_work(MADE[name](clock=utc_now)) as robot:
        robot.instead.extend(instead)
        keys["url"] = robot.url
        keys |= {"routing_key": KEY} if "routing_key" in keys else {}
        if name in ("dingtalk", "feishu"):
            keys["secrets"] = [robot.secret]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "jobwatch.yaml"
            file.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
            done = await aside("receivers", "test", receiver, "--config", file)
    return Done(done.returncode, normal(done.stdout, url), done.stderr)


def normal(printed: str, url: str) -> str:
    """What was printed, as it would be printed for the page's own URL and at the sample's time."""
    for pattern, instead in SAME:
        printed = re.sub(pattern, instead, printed)
    return printed.replace("http://127.0.0.1/", f"https://{urlsplit(url).hostname}/")
