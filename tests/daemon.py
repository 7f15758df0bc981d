"""The daemon as its users run it: a child process with a configuration file, started, watched and killed."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET, Simulation

PATIENCE = 30.0


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def configuration(simulation: Simulation, port: int, **more: Any) -> dict[str, Any]:
    """The least that watches a simulated account and tells its sink."""
    keys, account = simulation.credentials, simulation.cloud.account
    source = {
        "every": "1s",
        # A restart does not burst: at the usual pace the small pages of these tests would take seconds each time.
        "rate_limit": {"requests_per_second": 500, "burst": 500},
        "provider": {
            "kind": "cos-batch",
            "region": "ap-chengdu",
            "uin": account.uin,
            "appid": account.appid,
            "endpoint": simulation.endpoint,
            "credentials": {"secret_id": keys.secret_id, "secret_key": keys.secret_key},
        },
    }
    return {
        "sources": {"prod": source},
        "receivers": {
            "ops": {
                "url": simulation.hook_url("/ops"),
                "secrets": [DEMO_WEBHOOK_SECRET],
                "wants": {"types": ["endings"]},
            }
        },
        "http": {"listen": f"127.0.0.1:{port}"},
        "log": {"level": "info", "format": "json"},
        **more,
    }


def get(url: str) -> tuple[int, str]:
    """Status and body of a page; status 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


@dataclass(slots=True, kw_only=True)
class Daemon:
    """`jobwatch run` in a folder of its own. `program` may be a wrapper that misbehaves."""

    folder: Path
    config: dict[str, Any]
    port: int
    program: Sequence[str] = ("-m", "jobwatch")
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def database(self) -> Path:
        return self.folder / "jobwatch.db"

    @property
    def log(self) -> Path:
        return self.folder / "daemon.log"

    def start(self) -> None:
        path = self.folder / "jobwatch.yaml"
        path.write_text(yaml.safe_dump(self.config), encoding="utf-8")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "run", "--config", str(path)],
                cwd=self.folder,
                env=os.environ | self.environment,
                stdout=log,
                stderr=log,
            )

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """kill -9: the process learns nothing of it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Ask it to stop, and give the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if get(f"http://127.0.0.1:{self.port}/readyz")[0] == 200:
                return
            assert self.running, self.tail()
            time.sleep(0.05)
        raise AssertionError(f"not ready in {PATIENCE} s\n{self.tail()}")

    def tail(self) -> str:
        return (
            self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
            if self.log.exists()
            else ""
        )

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Look into the database from outside."""
        with closing(sqlite3.connect(self.database, timeout=5)) as connection:
            return connection.execute(statement).fetchall()

    def in_flight(self) -> set[str]:
        """Event ids of deliveries that are claimed and unsettled."""
        return {
            row[0] for row in self.query("SELECT event_id FROM deliveries WHERE state = 'claimed'")
        }

    def counter(self, name: str) -> float:
        rows = self.query(f"SELECT value FROM series WHERE name = '{name}'")
        return float(sum(row[0] for row in rows))

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        return [entry for entry in entries if entry.get("event") == event]
