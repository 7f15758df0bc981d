import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from jobwatch.core.errors import ConfigError
from jobwatch.secret_files import SIZE_LIMIT, FileSecret, FixedSecret, read_secret_file

CANARY = "canary-secret"


def _only_ascii(text: str) -> str | None:
    return None if text.isascii() else "is not ASCII"


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"abc", "abc"),
        (b"abc\n", "abc"),
        (b"abc\r\n", "abc"),
        (b"abc\n\n", "abc\n"),
        (b" abc ", " abc "),
        ("schlüssel".encode(), "schlüssel"),
    ],
)
def test_one_newline_at_the_end_is_not_part_of_a_secret(
    tmp_path: Path, content: bytes, value: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert read_secret_file(file) == value
    assert FileSecret(file).current() == value


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff" + CANARY.encode(), "is not UTF-8"),
        (CANARY.encode() * SIZE_LIMIT, "larger than 64 KiB"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused_without_its_content(
    tmp_path: Path, content: bytes, wrong: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=wrong) as caught:
        read_secret_file(file)
    assert str(file) in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"a" * SIZE_LIMIT)
    assert len(read_secret_file(file)) == SIZE_LIMIT


@pytest.mark.parametrize("name", ["missing", "folder", "pipe", "nul\0byte"])
def test_what_is_no_readable_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"cannot be read|regular file"):
        read_secret_file(tmp_path / name)
    with pytest.raises(ConfigError, match=r"cannot be read|regular file"):
        FileSecret(tmp_path / name).current()


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one")
    secret = FileSecret(file)
    assert secret.current() == "one"
    file.write_text("three")
    assert secret.current() == "three"
    assert secret.take_problem() is None


def test_a_file_of_the_same_size_renamed_into_its_place_is_read_again(tmp_path: Path) -> None:
    file, other = tmp_path / "secret", tmp_path / "other"
    file.write_text("one")
    other.write_text("two")
    for each in (file, other):
        os.utime(each, ns=(1, 1))
    secret = FileSecret(file)
    assert secret.current() == "one"
    other.replace(file)
    assert secret.current() == "two"


def test_a_symlink_that_moves_on_is_followed_as_kubernetes_mounts_do(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret").write_text(name)
    data = tmp_path / "data"
    data.symlink_to("old")
    secret = FileSecret(data / "secret")
    assert secret.current() == "old"
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").replace(data)
    assert secret.current() == "new"


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one")
    os.utime(file, ns=(1, 1))
    secret = FileSecret(file)
    assert secret.current() == "one"
    with file.open("r+") as same:  # the same inode, size and time: nothing says that it changed
        same.write("two")
    os.utime(file, ns=(1, 1))
    assert secret.current() == "one"


def test_a_file_that_went_away_leaves_its_last_value_and_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(CANARY)
    secret = FileSecret(file)
    secret.current()
    file.unlink()
    assert [secret.current(), secret.current()] == [CANARY, CANARY]
    problem = secret.take_problem()
    assert problem is not None
    assert "no such file" in problem
    assert "still used" in problem
    assert CANARY not in problem
    secret.current()
    assert secret.take_problem() is None


def test_trouble_after_a_recovery_is_told_again(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    told = []
    secret = FileSecret(file)
    for content in ("one", None, "two", None):
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
        secret.current()
        told.append(secret.take_problem() is not None)
    assert told == [False, True, False, True]
    assert secret.current() == "two"


def test_a_new_text_that_the_check_refuses_leaves_the_last_value(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("good")
    secret = FileSecret(file, check=_only_ascii)
    secret.current()
    file.write_text("bäd")
    assert secret.current() == "good"
    assert "is not ASCII" in str(secret.take_problem())
    file.write_text("better")
    assert secret.current() == "better"


def test_a_first_text_that_the_check_refuses_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("bäd")
    with pytest.raises(ConfigError, match="is not ASCII"):
        FileSecret(file, check=_only_ascii).current()


def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(CANARY)
    secret = FileSecret(file)
    assert secret.current() == FixedSecret(CANARY).current() == CANARY
    assert FixedSecret(CANARY).take_problem() is None
    assert CANARY not in repr(secret) + repr(FixedSecret(CANARY))


@contextmanager
def _as_who_owns_nothing() -> Iterator[int]:
    """Root may read everything, so it is somebody else for a while; the user id that is in force."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield os.geteuid()
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("shut", ["secret", "."])
def test_a_file_that_may_not_be_read_names_the_user_id_that_may_not(shut: str) -> None:
    with TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / "secret").write_text(CANARY)
        (folder / shut).chmod(0)
        with _as_who_owns_nothing() as uid, pytest.raises(ConfigError) as caught:
            read_secret_file(folder / "secret")
        folder.chmod(0o755)
    (told,) = caught.value.problems
    assert told == (
        f"{folder / 'secret'}: cannot be read: permission denied: "
        f"the user that runs jobwatch (uid {uid}) may not read it"
    )
