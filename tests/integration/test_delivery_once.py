"""`once` beside chats: everything is told within the robot's rate, as nobody is there when the window of a digest ends."""

import re
from datetime import timedelta
from pathlib import Path

import yaml

from jobwatch.app.clock import utc_now
from jobwatch.app.sweeping import once
from jobwatch.settings import load_settings
from jobwatch.simulator.script import JobScript
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import configuration
from tests.rig import step
from tests.robots import WeCom, at_work

JOBS = 8


def ended(number: int) -> JobScript:
    begun = utc_now() - timedelta(minutes=5)
    life = (step("Active", 60, done=1.0, failing=0.5), step("Complete"))
    return JobScript(id=f"job-{number}", created_at=begun, steps=life)


async def test_once_leaves_nothing_of_a_chat_behind_for_a_digest_that_nobody_would_send(
    tmp_path: Path,
) -> None:
    world = World([ended(number) for number in range(JOBS)])
    async with at_work(WeCom(utc_now)) as robot, Simulation(world, clock=utc_now) as sim:
        chat = {"url": robot.url, "format": "wecom", "digest": {"first": 3, "every": "1h"}}
        file = tmp_path / "jobwatch.yaml"
        written = yaml.safe_dump(configuration(sim, 0, receivers={"chat": chat}))
        file.write_text(written, encoding="utf-8")
        settings = load_settings(file, {}).settings
        for _ in range(2):  # the second time nothing is news
            assert await once(settings) == ()
            assert (robot.refused, robot.exceeded) == ([], [])
            told = [each["markdown"]["content"] for each in robot.messages]
            assert len(told) == 4
        assert len({name for text in told[:3] for name in re.findall("job-[0-9]", text)}) == 3
        assert f"{JOBS - 3} jobs completed with failures" in told[3]
