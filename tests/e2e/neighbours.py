"""What the demo has no part for: a metadata service whose keys expire, and a receiver that is gone. On loopback."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jobwatch.app.clock import utc_now
from jobwatch.providers.cvm_role import PATH
from jobwatch.simulator.simulation import DEMO_CREDENTIALS

LIFETIME = timedelta(hours=2)


def temporary_keys() -> bytes:
    """The account's keys, as a machine's role would have them for a while."""
    expiry = int((utc_now() + LIFETIME).timestamp())
    keys = {
        "TmpSecretId": DEMO_CREDENTIALS.secret_id,
        "TmpSecretKey": DEMO_CREDENTIALS.secret_key,
        "Token": "a-token-of-the-demo",
        "ExpiredTime": expiry,
        "Code": "Success",
    }
    return json.dumps(keys).encode()


class Neighbours(BaseHTTPRequestHandler):
    """Keys where they are asked for, and 410 for whatever is posted."""

    def do_GET(self) -> None:
        self._answer(HTTPStatus.OK, b"demo" if self.path == PATH else temporary_keys())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(HTTPStatus.GONE, b"")

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def neighbours() -> Iterator[str]:
    """Where they are, for as long as the block lasts."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Neighbours) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def beside_them(url: str, cloud: str) -> dict[str, str]:
    """Settings of a source whose keys expire, of a receiver that will be paused, and of single jobs that are shown."""
    source, gone = "JOBWATCH_SOURCES__BORROWED", "JOBWATCH_RECEIVERS__GONE"
    return {
        f"{source}__EVERY": "5s",
        f"{source}__PROVIDER__KIND": "cos-batch",
        f"{source}__PROVIDER__REGION": "ap-guangzhou",
        f"{source}__PROVIDER__UIN": "100000000001",
        f"{source}__PROVIDER__APPID": "1250000000",
        f"{source}__PROVIDER__ENDPOINT": cloud,
        f"{source}__PROVIDER__CREDENTIALS__USE": "cvm-role",
        f"{source}__PROVIDER__CREDENTIALS__METADATA_ENDPOINT": url,
        f"{gone}__URL": f"{url}/",
        f"{gone}__FORMAT": "slack",
        "JOBWATCH_METRICS__PER_JOB__ENABLED": "true",
    }
