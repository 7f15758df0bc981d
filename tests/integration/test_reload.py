"""A configuration that changes while the daemon runs: taken up live, and nothing lost."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from sqlite3 import connect

from jobwatch.simulator.receiver import Reply
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
        at.tree["sources"]["prod"]["pace"] = "1s"
        entry = await at.reload()
        assert entry["event"] == "configuration.refused"
        assert any("sources.prod.pace" in problem for problem in entry["problems"])
        assert "jobwatch_config_last_reload_successful 0.0" in await at.metrics()
        at.end("after")
        await at.heard("after")
        del at.tree["sources"]["prod"]["pace"]
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
        shown = await at.metrics()  # a counter that began at 0 and jumped would look like a burst
        assert 'jobwatch_deliveries_total{receiver="team",state="delivered"} 1.0' in shown
        assert 'jobwatch_events_total{source="main",type="job.failed"} 1.0' in shown
        assert 'source="prod"' not in shown
        at.end("after")
        await at.heard("after")
        assert at.told() == ["before", "after"]
        assert at.simulation.sink.events[-1]["data"]["source"] == "main"


async def test_a_receiver_that_could_not_go_and_is_wanted_again_is_told_again(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as at:
        ops = at.tree["receivers"]["ops"]
        at.simulation.sink.always("/ops", Reply(delay=timedelta(milliseconds=200)))
        at.end("under_way")
        await at.until(lambda: len(at.simulation.sink.received) == 2, "an attempt under way")
        execute(
            tmp_path,
            "CREATE TRIGGER refuse BEFORE UPDATE OF state ON deliveries "
            "WHEN NEW.state = 'delivered' BEGIN SELECT RAISE(ABORT, 'not now'); END",
        )
        at.tree["receivers"] = {"also": {**ops, "url": at.simulation.hook_url("/also")}}
        at.write()
        at.origin.bell.ask()
        await at.until(lambda: at.logged("step.failed"), "the failure")
        assert "jobwatch_config_last_reload_successful 0.0" in await at.metrics()
        execute(tmp_path, "DROP TRIGGER refuse")
        at.tree["receivers"]["ops"] = ops
        entry = await at.reload()
        assert entry["changed"] == ("receivers.also added",)
        at.end("after")
        await at.heard("after")
        assert [each.path for each in at.simulation.sink.received].count("/ops") == 3
        assert at.told() == ["before", "under_way", "after"]


async def test_what_a_receiver_answers_while_it_is_taken_out_is_neither_dead_nor_told_again(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as at:
        ops = at.tree["receivers"]["ops"]
        at.simulation.sink.always("/ops", Reply(delay=timedelta(milliseconds=300)))
        at.end("under_way")
        await at.until(lambda: len(at.simulation.sink.received) == 2, "an attempt under way")
        at.tree["receivers"] = {}
        await at.reload()
        assert not at.logged("receiver.retired")
        at.end("unheard")
        at.tree["receivers"] = {"ops": ops}
        await at.reload()
        at.end("after")
        await at.heard("after")
        assert at.told().count("under_way") == 1
        shown = await at.metrics()
        assert 'jobwatch_outbox_dead{receiver="ops"} 0.0' in shown


async def test_what_is_open_is_closed_when_its_rule_or_its_source_is_taken_out(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as at:
        at.tree["receivers"]["ops"]["wants"] = {"types": ["problems"]}
        at.tree["rules"] = {"waiting_after": "0s"}
        await at.reload()
        at.wait_for_a_person("waits")
        await at.until(lambda: at.conditions() == ["opened"], "it waits")
        at.tree["rules"] = {"waiting_after": None}
        at.tree["instance"] = "another"
        await at.reload()
        await at.until(lambda: at.conditions() == ["opened", "closed"], "the rule is off")
        at.tree["rules"] = {"waiting_after": "0s"}
        await at.reload()
        await at.until(lambda: len(at.conditions()) == 3, "it waits again")
        other = at.tree["sources"]["prod"]["provider"] | {"region": "ap-beijing"}
        at.tree["sources"] = {"second": at.tree["sources"]["prod"] | {"provider": other}}
        await at.reload()
        # What is reached by the second source waits as well.
        await at.until(lambda: len(at.conditions("prod")) == 4, "the source is gone")
        assert at.conditions("prod") == ["opened", "closed"] * 2
        ids = [each["data"]["condition"]["id"] for each in at.about_conditions("prod")]
        assert ids[0] == ids[1] != ids[2] == ids[3]
        assert "step.failed" not in {each["event"] for each in at.entries}


async def test_what_waits_for_a_receiver_that_was_down_goes_where_and_how_it_is_told_now(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as at:
        at.simulation.sink.always(
            "/ops", Reply(status=410)
        )  # gone: it is paused until its URL changes
        at.end("waits")
        await at.until(lambda: len(at.logged("delivery.settled")) == 2, "the refusal")
        at.tree["receivers"]["ops"] = {
            "url": at.simulation.hook_url("/chat"),
            "format": "slack",
            "wants": {"types": ["endings"]},
        }
        await at.reload()
        await at.until(lambda: at.received("/chat"), "the message in the chat")
        assert b"waits" in at.received("/chat")[0]
        assert at.told() == ["before"]


def execute(folder: Path, statement: str) -> None:
    """Change the database from outside."""
    with closing(connect(folder / "jobwatch.db", timeout=5)) as connection, connection:
        connection.execute(statement)
