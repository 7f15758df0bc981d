"""A listing served over loopback from a child process: prebuilt pages, and the cheapest client for them."""

import contextlib
import multiprocessing
import random
import socket
import socketserver
import uuid
from collections.abc import Iterator

MEMBERS = 1000
"""Jobs on each page."""


def build_page(number: int, *, last: bool) -> bytes:
    chance = random.Random(number)
    members = "".join(_member(chance) for _ in range(MEMBERS))
    token = "" if last else f"<NextToken>{number + 1}</NextToken>"
    return f"<ListJobsResult><Jobs>{members}</Jobs>{token}</ListJobsResult>".encode()


def _member(chance: random.Random) -> str:
    status = chance.choice(("Active", "Complete", "Complete", "Failed", "Cancelled", "New"))
    total = chance.randint(1, 10_000_000)
    # So few of the unfinished ones fail that nobody need be told: thousands of open conditions are no usual account.
    failed = chance.randint(0, total // (10 if status not in ("Active", "New") else 40))
    ended = (
        f"<TerminationDate>{_moment(chance)}</TerminationDate>"
        if status not in ("Active", "New")
        else ""
    )
    return (
        f"<member><CreationTime>{_moment(chance)}</CreationTime>"
        f"<Description>example-job {chance.randint(0, 9999)}</Description>"
        f"<JobId>{uuid.UUID(int=chance.getrandbits(128))}</JobId>"
        f"<Operation>COSPutObjectCopy</Operation><Priority>{chance.randint(0, 99)}</Priority>"
        f"<ProgressSummary><NumberOfTasksFailed>{failed}</NumberOfTasksFailed>"
        f"<NumberOfTasksSucceeded>{total - failed}</NumberOfTasksSucceeded>"
        f"<TotalNumberOfTasks>{total}</TotalNumberOfTasks></ProgressSummary>"
        f"<Status>{status}</Status>{ended}</member>"
    )


def _moment(chance: random.Random) -> str:
    day, hour, minute = chance.randint(10, 28), chance.randint(10, 23), chance.randint(10, 59)
    return f"2026-10-{day}T{hour}:{minute}:{chance.randint(10, 59)}Z"


class _Pages(socketserver.StreamRequestHandler):
    """Answers `GET /<number>` as long as the connection lasts, with next to no work."""

    pages: tuple[bytes, ...] = ()

    def handle(self) -> None:
        while target := self.rfile.readline():
            while self.rfile.readline() != b"\r\n":
                pass
            body = self.pages[int(target.split(b" ")[1][1:])]
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
            self.wfile.write(head + body)


def _serve(count: int, port: "multiprocessing.Queue[int]") -> None:
    _Pages.pages = tuple(build_page(number, last=number == count - 1) for number in range(count))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Pages) as server:
        port.put(server.server_address[1])
        server.serve_forever()


@contextlib.contextmanager
def served(count: int) -> Iterator[int]:
    """Serve `count` pages from a child process; gives the port."""
    queue: multiprocessing.Queue[int] = multiprocessing.Queue()
    child = multiprocessing.Process(target=_serve, args=(count, queue), daemon=True)
    child.start()
    try:
        yield queue.get(timeout=120)
    finally:
        child.terminate()
        child.join()


def fetched(port: int, count: int) -> Iterator[bytes]:
    """Fetch every page over one blocking socket: the cheapest client there is."""
    with (
        socket.create_connection(("127.0.0.1", port)) as link,
        link.makefile("rb", 1 << 20) as file,
    ):
        for number in range(count):
            link.sendall(f"GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            file.readline()
            length = int(file.readline().partition(b":")[2])
            file.readline()
            yield file.read(length)
