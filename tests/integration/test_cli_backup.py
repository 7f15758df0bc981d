"""`jobwatch backup` and `jobwatch restore`: what they say, what they refuse, and what is told after a restore."""

import asyncio
import re
import shlex
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.store import SqliteSettings, Store, copying
from tests.cli_rig import configuration, environment, jobwatch, read
from tests.contract.watcher import Clock, Watcher
from tests.documents.shown import fenced
from tests.factories import job
from tests.new_store import new_store

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that knows four jobs, and its configuration."""
    folder = tmp_path_factory.mktemp("filled")
    asyncio.run(_fill(folder / "jobwatch.db"))
    configuration(folder)
    return folder


async def _fill(path: Path) -> None:
    clock = Clock(utc_now() - timedelta(minutes=2))
    await asyncio.to_thread(new_store, path, clock())
    settings = SqliteSettings(path=path)
    store = await Store.open(settings, owner="test", clock=clock, exclusive=True)
    watcher = await Watcher.start(store, clock)
    await watcher.sees(*(job(id=f"job-{number}") for number in range(4)))
    await store.close()


@pytest.fixture
def file(filled: Path, tmp_path: Path) -> Path:
    """A configuration beside a store of four jobs."""
    for name in ("jobwatch.db", "jobwatch.yaml"):
        shutil.copyfile(filled / name, tmp_path / name)
    return tmp_path / "jobwatch.yaml"


def test_a_backup_says_what_it_holds(file: Path) -> None:
    saved = file.with_name("saved.db")
    done = jobwatch("backup", saved, "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        rf"wrote {saved}: \d\.\d MB, 4 jobs, \d+ events, schema \d+; read again and sound, in \d\.\d s\n",
        done.stdout,
    )
    told = read("backup", saved, "--force", "--config", file)
    assert (told["file"], told["jobs"]) == (str(saved), 4)
    assert told["size"] == saved.stat().st_size
    assert told["recorded_at"].startswith("20")


def test_a_backup_goes_to_standard_output_alone(file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jobwatch", "backup", "-", "--config", file],
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert b"wrote standard output" in done.stderr
    saved = file.with_name("saved.db")
    saved.write_bytes(done.stdout)
    assert copying.contents(saved, thorough=True).jobs == 4


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("jobwatch.db", "is the store itself"),
        ("jobwatch.db-wal", "is the store itself"),
        ("jobwatch.yaml", "is there already; --force replaces it"),
        ("no/such/saved.db", "does not exist; create it"),
        (".", "is not a file"),
        ("/dev/null", "is not a file"),
    ],
)
def test_a_backup_overwrites_nothing(file: Path, target: str, words: str) -> None:
    before = (file.read_bytes(), file.with_name("jobwatch.db").read_bytes())
    done = jobwatch("backup", file.parent / target, "--config", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert (file.read_bytes(), file.with_name("jobwatch.db").read_bytes()) == before


def test_a_link_to_the_store_is_the_store(file: Path) -> None:
    link = file.with_name("link.db")
    link.symlink_to(file.with_name("jobwatch.db"))
    assert jobwatch("backup", link, "--force", "--config", file).returncode == 2
    assert jobwatch("restore", link, "--force", "--config", file).returncode == 2


def test_a_backup_of_nothing_is_refused(tmp_path: Path) -> None:
    file = configuration(tmp_path)
    done = jobwatch("backup", tmp_path / "saved.db", "--config", file)
    assert done.returncode == 2
    assert "there is no store at" in done.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["jobwatch.yaml"]


def test_a_store_that_is_there_is_replaced_by_force_alone_and_kept(file: Path) -> None:
    saved, store = file.with_name("saved.db"), file.with_name("jobwatch.db")
    jobwatch("backup", saved, "--config", file)
    done = jobwatch("restore", saved, "--config", file)
    assert done.returncode == 2
    assert "there is a store at" in done.stderr
    done = jobwatch("restore", saved, "--force", "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "restored" in done.stdout
    assert "its last event is of 20" in done.stdout
    assert "remove it once all is well" in done.stdout
    assert "is told again" in done.stdout
    (kept,) = store.parent.glob("jobwatch.db.before-restore-*")
    assert copying.contents(kept, thorough=True).jobs == 4
    assert len(read("jobs", "--config", file)["jobs"]) == 4


def test_scripts_read_what_was_restored(file: Path) -> None:
    saved = file.with_name("saved.db")
    jobwatch("backup", saved, "--config", file)
    told = read("restore", saved, "--force", "--config", file)
    assert (told["jobs"], told["replaced"]["jobs"]) == (4, 4)
    assert Path(told["aside"]).exists()


def test_what_is_no_backup_is_refused_in_words(file: Path) -> None:
    for name, words in (("jobwatch.yaml", "not a SQLite database"), ("none.db", "No such file")):
        done = jobwatch("restore", file.with_name(name), "--force", "--config", file)
        assert done.returncode == 2
        assert words in done.stderr


PAGE = ROOT / "docs" / "store.md"


def shown(page: Path) -> list[tuple[dict[str, str], list[str]]]:
    """The commands of a page that run on the host itself, by their words, with what their block exports before them."""
    found = []
    for block in fenced(page.read_text("utf-8"), "sh"):
        exported: dict[str, str] = {}
        for name, *words in (shlex.split(line, comments=True) for line in block.splitlines()):
            if name == "export":
                exported |= dict(word.split("=", 1) for word in words)
            elif name == "jobwatch":
                found.append((dict(exported), words))
    return found


def test_the_commands_of_the_page_on_the_store_do_what_it_says(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, beside a configuration; only the folders of backups and of the drill are others."""
    monkeypatch.chdir(file.parent)
    (file.parent / "backups").mkdir()
    commands = shown(PAGE)
    assert len(commands) >= 7
    for exported, words in commands:
        given = [word.replace("/backups/", f"{file.parent}/backups/") for word in words]
        drill = {
            name: value.replace("/tmp/", f"{file.parent}/") for name, value in exported.items()
        }
        done = jobwatch(*given, env=drill)
        assert (done.returncode, done.stderr) == (0, ""), words
    assert len(read("jobs")["jobs"]) == 4
    assert read("mutes")["mutes"][0]["reason"] == "restored a backup"
