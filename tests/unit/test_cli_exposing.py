"""What `check` says of the page and of files, and what `run` says to a person at a terminal."""

from pathlib import Path

import pytest

from jobwatch.cli.exposing import exposure, exposure_words, watched_words
from jobwatch.cli.running import greeting
from tests.unit.settings_cases import RECEIVER, SOURCE, read

READ = "read_token: 0a1b2c3d4e5f60718293a4b5c6d7e8f9"
OPERATE = "operate_token: f9e8d7c6b5a493827160f5e4d3c2b1a0"
ANYWHERE = "on 0.0.0.0:19870 (all addresses); whoever reaches it may read,"
ASKED = "the operate token is asked from whoever changes something"
READING = "the read token is asked from whoever reads"
ALONE = "only this machine may change something"


@pytest.mark.parametrize(
    ("http", "words", "readers", "operators"),
    [
        (
            "",
            f"http {ANYWHERE} {ALONE}",
            "everybody",
            "this_machine",
        ),
        (
            'listen: "127.0.0.1:80"',
            f"http on 127.0.0.1:80 (this machine alone); programs on this machine may read, {ALONE}",
            "this_machine",
            "this_machine",
        ),
        (
            f'listen: "10.0.0.7:80", {READ}',
            f"http on 10.0.0.7:80 (that address); {READING}, {ALONE}",
            "read_token",
            "this_machine",
        ),
        (
            f'listen: "[::]:80", {READ}, {OPERATE}',
            f"http on [::]:80 (all addresses); {READING}, {ASKED}",
            "read_token",
            "operate_token",
        ),
        (
            OPERATE,
            f"http {ANYWHERE} {ASKED}",
            "everybody",
            "operate_token",
        ),
    ],
)
def test_the_exposure_is_one_sentence(
    http: str, words: str, readers: str, operators: str, tmp_path: Path
) -> None:
    settings = read(tmp_path, f"{SOURCE}http: {{{http}}}").settings
    assert exposure_words(settings) == words
    shown = exposure(settings)
    assert (shown["readers"], shown["operators"]) == (readers, operators)
    assert "0a1b2c" not in f"{words}{shown}"


def test_what_is_watched_is_told(tmp_path: Path) -> None:
    settings, file = read(tmp_path, SOURCE + RECEIVER).settings, tmp_path / "jobwatch.yaml"
    assert watched_words(settings, file) == (
        f"{file} is watched: what changes is taken up while jobwatch runs"
    )
    assert watched_words(settings, None) == (
        "nothing to watch: a change of the environment needs a restart"
    )
    (tmp_path / "token").write_text("0a1b2c3d4e5f60718293a4b5c6d7e8f9")
    named = read(tmp_path, SOURCE + "http: {read_token_file: token}").settings
    assert watched_words(named, file).startswith(f"{file} and 1 file named here are watched")
    assert watched_words(named, None) == (
        "1 file named here is watched: what changes is taken up while jobwatch runs; "
        "a change of the environment needs a restart"
    )


def test_a_person_at_a_terminal_is_told_where_a_browser_finds_the_page(tmp_path: Path) -> None:
    settings = read(tmp_path, SOURCE + RECEIVER).settings
    assert greeting(settings, "http://0.0.0.0:19870") == [
        "watches prod and tells ops; Ctrl-C stops it",
        "the page is http://127.0.0.1:19870/",
    ]
    public = SOURCE + "http: {public_url: https://jobwatch.example.com}"
    assert greeting(read(tmp_path, public).settings, "https://[::]:8443") == [
        "watches prod and tells nobody; Ctrl-C stops it",
        "the page is https://[::1]:8443/ (for others https://jobwatch.example.com)",
    ]


def test_of_many_names_some_are_told(tmp_path: Path) -> None:
    hooks = "".join(
        RECEIVER.replace("receivers:\n", "").replace("ops", f"ops_{n}") for n in range(7)
    )
    first, _ = greeting(read(tmp_path, f"{SOURCE}receivers:\n{hooks}").settings, "http://[::1]:1")
    assert first == (
        "watches prod and tells ops_0, ops_1, ops_2, ops_3, ops_4 and 2 more; Ctrl-C stops it"
    )
