"""A receiver in a process of its own, so that it can be stopped, killed and started again.

`python receiver_process.py PORT FILE`: accepts everything, and writes a line of JSON for each request into FILE.
"""

import asyncio
import json
import sys
from pathlib import Path

from jobwatch.app.clock import utc_now
from jobwatch.simulator.receiver import Received, WebhookSink
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET, Server


async def receive(port: int, path: Path) -> None:
    with path.open("a", encoding="utf-8") as file:

        async def note(received: Received) -> None:
            line = {"id": received.id, "body": received.body.decode(), "valid": received.valid}
            file.write(json.dumps(line) + "\n")
            file.flush()

        sink = WebhookSink([DEMO_WEBHOOK_SECRET], clock=utc_now, on_accepted=note)
        server = Server(sink.application(), port)
        await server.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(receive(int(sys.argv[1]), Path(sys.argv[2])))
