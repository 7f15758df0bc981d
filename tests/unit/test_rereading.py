"""Secrets that are read anew, and what the log says of their files."""

from pathlib import Path

from structlog.testing import capture_logs

from jobwatch.app.rereading import reread
from jobwatch.secret_files import FileSecret


def test_a_file_that_cannot_be_read_any_more_is_told_once_and_its_last_value_stays(
    tmp_path: Path,
) -> None:
    file = tmp_path / "url"
    file.write_text("https://watchdog.example.com/ping/canary")
    current = reread(FileSecret(file), "heartbeat.url_file")
    with capture_logs() as logs:
        first = current()
        file.unlink()
        assert [current(), current()] == [first, first]
    assert [(each["event"], each["setting"]) for each in logs] == [
        ("secret.unread", "heartbeat.url_file")
    ]
    assert "canary" not in str(logs)
