# ruff: noqa: INP001, T201
"""A receiver of jobwatch's events: verify, remember, answer; work later. `pip install standardwebhooks`.

WEBHOOK_SECRETS="whsec_…" python receiver.py 8080 inbox.db
"""

import json
import os
import sqlite3
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

SECRETS = os.environ["WEBHOOK_SECRETS"].split()  # while a secret is being changed: both
PORT, PATH = int(sys.argv[1]), sys.argv[2]
arrived = threading.Event()


def database() -> sqlite3.Connection:
    """Open the inbox: it remembers every id, so an event that comes twice is worked on once."""
    inbox = sqlite3.connect(PATH, timeout=5)
    inbox.execute("CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, body, done DEFAULT 0)")
    return inbox


def verified(body: bytes, headers: dict[str, str]) -> bool:
    """Whether one of the secrets signed this, within the last five minutes."""
    for secret in SECRETS:
        try:
            Webhook(secret).verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue
        return True
    return False


class Receiver(BaseHTTPRequestHandler):
    """Answers as soon as the event is kept: whatever takes time comes after."""

    def do_POST(self) -> None:
        """Keep one event."""
        body = self.rfile.read(min(int(self.headers.get("content-length", 0)), 100_000))
        if not verified(body, dict(self.headers)):
            self.answer(401)
            return
        row = (self.headers["webhook-id"], body.decode())
        inbox = database()
        with inbox:
            kept = inbox.execute("INSERT OR IGNORE INTO inbox (id, body) VALUES (?, ?)", row)
        inbox.close()
        self.answer(204 if kept.rowcount else 200)  # any 2xx will do; 200: it was here before
        arrived.set()

    def answer(self, status: int) -> None:
        """Answer without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def work() -> None:
    """Handle what was kept, oldest first."""
    inbox = database()
    newest: dict[tuple[str, str], str] = {}
    while True:
        waiting = inbox.execute("SELECT id, body FROM inbox WHERE NOT done ORDER BY rowid")
        for name, body in waiting.fetchall():
            event = json.loads(body)
            about = (event["source"], event["subject"])
            if event["sequence"] >= newest.get(about, ""):  # else: newer news was here before
                newest[about] = event["sequence"]
                print(event["sequence"], event["type"], event["subject"], flush=True)
            with inbox:
                inbox.execute("UPDATE inbox SET done = 1 WHERE id = ?", (name,))
        arrived.wait(60)
        arrived.clear()


server = ThreadingHTTPServer(("127.0.0.1", PORT), Receiver)
threading.Thread(target=work, daemon=True).start()
print(f"listens on port {PORT}", file=sys.stderr, flush=True)
server.serve_forever()
