"""Whoever looks at the page alone learns that a configuration was refused."""

import asyncio
from pathlib import Path

import aiohttp

from tests.integration.reload_rig import PATIENCE, stage

WORDS = "its last change was not taken up"


async def page(url: str) -> str:
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return await answer.text()


async def test_the_page_names_a_refused_configuration_until_one_is_taken_up(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.tree["sources"]["prod"]["pace"] = "1s"
        assert (await at.reload())["event"] == "configuration.refused"
        assert WORDS in await page(at.url)
        del at.tree["sources"]["prod"]["pace"]
        assert (await at.reload())["event"] == "configuration.reloaded"
        async with asyncio.timeout(PATIENCE):
            while WORDS in await page(at.url):  # a page is kept for two seconds
                await asyncio.sleep(0.2)
