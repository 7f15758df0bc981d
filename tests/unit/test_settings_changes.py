"""What differs between two configurations, in the words of their keys, and what only a restart changes."""

from pathlib import Path

import pytest

from jobwatch.settings import Difference, Settings, difference, files_read, fixed, told
from tests.unit.settings_cases import RECEIVER, SOURCE, read

PLAIN = SOURCE + RECEIVER


def settings(folder: Path, text: str) -> Settings:
    return read(folder, text).settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN, ()),
        ("x-new: 1\n" + PLAIN, ()),
        (PLAIN.replace("  prod:", "  main:"), ("sources.main added", "sources.prod removed")),
        (PLAIN.replace("canary-path", "other"), ("receivers.ops changed",)),
        (SOURCE, ("receivers.ops removed",)),
        (PLAIN + "rules: {stalled_after: 7m, stuck_after: 2h}\n", ("rules.stalled_after changed",)),
        (PLAIN + "instance: two\n", ("instance changed",)),
        (PLAIN + "egress: {allow_http: true}\n", ("egress.allow_http changed",)),
    ],
)
def test_what_changed_is_told_by_its_key_and_without_its_value(
    tmp_path: Path, text: str, said: tuple[str, ...]
) -> None:
    before, after = settings(tmp_path, PLAIN), settings(tmp_path, text)
    assert told(before, after) == said
    assert "canary" not in "".join(told(after, before))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("store: {path: other.db}", "store: cannot change while jobwatch runs (the store is open)"),
        ('http: {listen: "127.0.0.1:1"}', "http.listen: cannot change while jobwatch runs"),
        ("http: {public_url: https://jobwatch.example.com}", None),
        ("retention: {jobs: 30d}", None),
        ("log: {level: debug}", None),
    ],
)
def test_only_what_is_open_already_waits_for_a_restart(
    tmp_path: Path, line: str, why: str | None
) -> None:
    found = fixed(settings(tmp_path, PLAIN), settings(tmp_path, PLAIN + line))
    assert len(found) == (why is not None)
    assert all(each.startswith(why or "") and each.endswith("; restart it") for each in found)


def test_a_difference_is_in_the_order_of_the_newer_one() -> None:
    old, new = {"a": 1, "b": 2, "c": 3}, {"d": 4, "c": 5, "a": 1}
    assert difference(old, new) == Difference(added=("d",), removed=("b",), changed=("c",))


def test_every_file_that_is_read_is_looked_at_but_never_the_store(tmp_path: Path) -> None:
    for name in ("key", "url", "token"):
        (tmp_path / name).write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    (tmp_path / "url").write_text("https://hooks.example.com/x")
    text = SOURCE + (
        "receivers: {ops: {url_file: url, secret_files: [key], header_files: {X-Token: token}}}\n"
        "store: {path: jobwatch.db}\n"
    )
    loaded = read(tmp_path, text)
    names = {each.name for each in files_read(loaded.settings, loaded.path)}
    assert names == {"jobwatch.yaml", "key", "url", "token"}
    assert "jobwatch.yaml" not in {each.name for each in files_read(loaded.settings, None)}
