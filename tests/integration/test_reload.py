"""A configuration that changes while the daemon runs: taken up live, and nothing lost."""

from pathlib import Path

from tests.integration.reload_rig import stage


async def test_a_signal_takes_up_what_changed_and_nothing_is_lost_or_told_twice(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as at:
        at.tree["sources"]["prod"]["labels"] = {"team": "data"}
        entry = await at.reload()
        assert (entry["event"], entry["trigger"]) == ("configuration.reloaded", "signal")
        assert entry["changed"] == ("sources.prod changed",)
        at.end("after")
        await at.heard("after")
        assert at.told() == ["before", "after"]
        assert at.simulation.sink.events[-1]["data"]["labels"] == {"team": "data"}


async def test_a_mistake_leaves_everything_as_it_was_and_is_said(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.tree["sources"]["prod"]["evry"] = "1s"
        entry = await at.reload()
        assert entry["event"] == "configuration.refused"
        assert any("sources.prod.evry" in problem for problem in entry["problems"])
        assert "jobwatch_config_last_reload_successful 0.0" in await at.metrics()
        at.end("after")
        await at.heard("after")
        del at.tree["sources"]["prod"]["evry"]
        assert (await at.reload())["event"] == "configuration.reloaded"
        assert "jobwatch_config_last_reload_successful 1.0" in await at.metrics()


async def test_a_changed_file_is_taken_up_by_itself(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.tree["receivers"]["ops"]["url"] = at.simulation.hook_url("/elsewhere")
        at.write()
        await at.looked_at()
        assert at.logged("configuration.reloaded")[0]["trigger"] == "file"
        at.end("after")
        await at.heard("after", "/elsewhere")
        assert at.told() == ["before"]


async def test_what_only_a_restart_changes_is_refused_with_the_word_restart(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.tree["store"] = {"path": "other.db"}
        entry = await at.reload()
        assert entry["problems"] == (
            "store: cannot change while jobwatch runs (the store is open); restart it",
        )
        assert not (tmp_path / "other.db").exists()


async def test_a_source_and_a_receiver_come_and_go(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        ops = at.tree["receivers"]["ops"]
        at.tree["receivers"]["also"] = {**ops, "url": at.simulation.hook_url("/also")}
        other = at.tree["sources"]["prod"]["provider"] | {"region": "ap-beijing"}
        at.tree["sources"]["second"] = at.tree["sources"]["prod"] | {"provider": other}
        entry = await at.reload()
        assert entry["changed"] == ("sources.second added", "receivers.also added")
        at.end("both")
        await at.heard("both")
        await at.heard("both", "/also")
        assert 'source="second"' in await at.metrics()

        del at.tree["sources"]["second"], at.tree["receivers"]["also"]
        entry = await at.reload()
        assert entry["changed"] == ("sources.second removed", "receivers.also removed")
        shown = await at.metrics()
        assert 'source="second"' not in shown
        assert 'receiver="also"' not in shown
        at.end("one")
        await at.heard("one")
        assert "one" not in at.told("/also")


async def test_renamed_ones_keep_what_is_known_of_them(tmp_path: Path) -> None:
    async with stage(tmp_path) as at:
        at.tree["sources"] = {"main": at.tree["sources"].pop("prod")}
        at.tree["receivers"] = {"team": at.tree["receivers"].pop("ops")}
        await at.reload()
        assert at.logged("source.renamed")[0]["previous"] == "prod"
        assert at.logged("receiver.renamed")[0]["previous"] == "ops"
        at.end("after")
        await at.heard("after")
        assert at.told() == ["before", "after"]
        assert at.simulation.sink.events[-1]["data"]["source"] == "main"
