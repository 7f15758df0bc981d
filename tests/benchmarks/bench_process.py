"""The process as a whole: memory and start-up (G6), and a gzip bomb met by the transport (G11)."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import yaml

from jobwatch.client import PAGE_LIMIT
from jobwatch.core.errors import TransportError, TransportKind
from jobwatch.core.http import HttpRequest
from jobwatch.transport import Transport
from tests.benchmarks.daemon_parts import configuration, machine_speed, resident
from tests.benchmarks.page_server import served
from tests.benchmarks.rows import Row, median

RUNS = 7
BLOCK = 16 * 2**20
BLOCKS = 128
"""Together 2 GiB."""

IMPORT = """
import time
t = time.process_time()
from jobwatch.cli.starting import hurry
hurry()
import jobwatch.app.daemon
print(time.process_time() - t)
"""
"""As every command does it."""


def process_rows() -> list[Row]:
    """Measure child processes of their own."""
    imports, versions, speeds = [], [], []
    for _ in range(RUNS):
        speeds.append(machine_speed())
        imports.append(float(_run("-c", IMPORT)[1]) * 1000)
        versions.append(_run("-m", "jobwatch", "version")[0] * 1000)
    speed = median(speeds)
    scaled = f"processor (x {speed:.2f}, by raw expat)"
    return [
        Row("G6", "resident memory of an idle daemon", _idle_megabytes(), 100, "MB"),
        Row("G6", f"import jobwatch.app.daemon, {scaled}", median(imports) * speed, 600, "ms"),
        Row("G6", f"jobwatch version, {scaled}", median(versions) * speed, 200, "ms"),
    ]


def _run(*arguments: str) -> tuple[float, str]:
    """Processor seconds of a Python process, start and end included, and what it printed."""
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        said = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime, said


def _idle_megabytes() -> float:
    """A daemon that has swept a page of a thousand jobs a few times."""
    with tempfile.TemporaryDirectory() as folder, served(1) as port:
        config = Path(folder, "jobwatch.yaml")
        config.write_text(
            yaml.safe_dump(configuration(port, Path(folder), every="1s", full_sweep_every="10s")),
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "jobwatch", "run", "--config", str(config)]
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as daemon:
            try:
                _wait_for_sweeps(daemon, 3)
                return resident(process=daemon.pid)
            finally:
                daemon.send_signal(signal.SIGTERM)


def _wait_for_sweeps(daemon: "subprocess.Popen[str]", sweeps: int) -> None:
    assert daemon.stderr
    for line in daemon.stderr:
        sweeps -= json.loads(line)["event"] == "sweep.finished"
        if not sweeps:
            return
    raise AssertionError("the daemon ended")


def bomb_rows() -> list[Row]:
    """G11: two megabytes that decompress to two gibibytes."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        milliseconds, megabytes = child.submit(_meet_bomb).result()
    return [
        Row("G11", "gzip bomb of 2 GiB, time", milliseconds, 150, "ms"),
        Row("G11", "gzip bomb of 2 GiB, memory over idle", megabytes, 100, "MB"),
    ]


def _meet_bomb() -> tuple[float, float]:
    with _bomb_server() as port:
        idle = resident()
        Path("/proc/self/clear_refs").write_text(
            "5", encoding="ascii"
        )  # forgets the peak of before
        taken = median(asyncio.run(_ask(port)) for _ in range(RUNS))
        return taken * 1000, resident("VmHWM") - idle


async def _ask(port: int) -> float:
    async with Transport() as transport:
        request = HttpRequest(method="GET", url=f"http://127.0.0.1:{port}/")
        began = time.process_time()
        try:
            await transport.send(request, timeout=timedelta(seconds=30), max_body=PAGE_LIMIT)
        except TransportError as error:
            if error.kind is TransportKind.TOO_LARGE:
                return time.process_time() - began
    raise AssertionError("the bomb was taken in")


@contextlib.contextmanager
def _bomb_server() -> Iterator[int]:
    answer = _bomb()

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = listener.accept()
                with link, contextlib.suppress(OSError):
                    link.recv(65536)
                    link.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


def _bomb() -> bytes:
    """Equal blocks, compressed independently of each other, so that one is made and repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(BLOCK)
    first = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    other = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    body = first + other * (BLOCKS - 1)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
