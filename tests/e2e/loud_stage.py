"""A daemon whose every secret is a canary, among receivers of each format that repeat what they hear."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobwatch.app.clock import utc_now
from jobwatch.core.codec import Credentials
from jobwatch.simulator.admission import Account
from jobwatch.simulator.simulation import Options, Server, Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.e2e.canaries import Shouter, routing_key, secret, signing, target, written
from tests.rig import job, step

JOBS = 4
LATE = "job-late"
HEADER = f"Bearer {secret('header')}"
ROBOT_SECRET = "SEC" + secret("robot")
TEMPLATE = f'{{"text": {{{{ message.title | tojson }}}}, "token": "{secret("literal")}"}}'
# Renders every sample that is tried when the configuration is read, and fails with what really happens.
BROKEN = "".join(
    (
        "{% if event.subject == 'job-1' %}",
        f"{secret('text')} {{{{ event.data.nothing }}}} {secret('text')}",
        "{% endif %}",
    )
)
SECRETS: dict[str, dict[str, Any]] = {
    "standard": {"secrets": [signing("first"), signing("second")]},
    "slack": {},
    "wecom": {},
    "dingtalk": {"secrets": [ROBOT_SECRET]},
    "feishu": {"secrets": [secret("robot")]},
    "teams": {},
    "pagerduty": {"routing_key": routing_key("routing")},
    "template": {"secrets": [signing("template")], "template": TEMPLATE},
}
POLITE = frozenset({"filed", "paged", "robot"})
BEAT = target("heartbeat")


@dataclass(slots=True, kw_only=True)
class Stage:
    """A daemon among receivers that repeat what they hear, and the files that hold some of its secrets."""

    daemon: Daemon
    shouter: Shouter
    simulation: Simulation
    files: dict[str, Path] = field(default_factory=dict)

    def attempted(self) -> dict[str, int]:
        return dict(
            self.daemon.query(
                "SELECT d.receiver, count(*) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id GROUP BY 1"
            )
        )


def shouted_at(base: str) -> dict[str, Any]:
    """One receiver of each format; what they are sent and what they know they say to everybody."""
    common = {"headers": {"X-Key": HEADER}, "timeout": "2s", "digest": None}
    return {
        name: common | {"url": base + target(name), "format": name} | more
        for name, more in SECRETS.items()
    }


def unreachable(base: str) -> dict[str, Any]:
    """What fails before anything is heard."""
    common = {"secrets": [signing("first")], "headers": {"X-Key": HEADER}, "timeout": "2s"}
    places = {
        "closed": f"http://127.0.0.1:{free_port()}",
        "nowhere": "https://nobody.invalid",
        "refused": "http://169.254.169.254",
        "untrusted": base.replace("http:", "https:"),
    }
    found = {name: common | {"url": place + target(name)} for name, place in places.items()}
    broken = {"url": base + target("broken"), "format": "template", "template": BROKEN}
    return found | {"broken": common | broken}


def filed(base: str, files: dict[str, Path]) -> dict[str, Any]:
    """Receivers whose secrets are all in files."""
    return {
        "filed": {
            "url_file": str(files["url"]),
            "secret_files": [str(files["signing"])],
            "header_files": {"X-Key": str(files["header"])},
        },
        "paged": {
            "format": "pagerduty",
            "url": base + target("paged"),
            "routing_key_file": str(files["routing"]),
        },
        "robot": {
            "format": "feishu",
            "digest": None,
            "url": base + target("robot"),
            "secret_files": [str(files["robot"])],
        },
    }


def files_in(folder: Path, base: str) -> dict[str, Path]:
    values = {
        "url": base + target("filed"),
        "signing": signing("filed"),
        "header": f"Bearer {secret('filed')}",
        "routing": routing_key("filed"),
        "robot": secret("filed"),
        "beat": base + BEAT,
    }
    return {name: written(folder, text) for name, text in values.items()}


def rotate(stage: Stage, base: str) -> None:
    values = {
        "url": base + target("filed").replace(secret("filed"), secret("turned")),
        "signing": signing("turned"),
        "header": f"Bearer {secret('turned')}",
        "routing": routing_key("turned"),
        "robot": secret("turned"),
    }
    for name, text in values.items():
        stage.files[name].write_text(text + "\n", encoding="utf-8")


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[tuple[Stage, str]]:
    """Everything that has a secret, and everybody who repeats it."""
    keys = Credentials(
        secret_id=secret("id"), secret_key=secret("secretkey"), token=secret("token")
    )
    names = [*(f"job-{number}" for number in range(JOBS)), LATE]
    world = World(
        [job(name, step("Active", 90_000, done=1.0), created=utc_now()) for name in names]
    )
    knows = {name: _texts(more) for name, more in SECRETS.items()}
    shouter = Shouter(knows=knows, polite=POLITE)
    server = Server(shouter.application())
    await server.start()
    options = Options(account=Account(keys=(keys,)))
    async with Simulation(world, clock=utc_now, options=options) as simulation:
        port, base = free_port(), server.url
        config = configuration(simulation, port, log={"level": "debug", "format": "json"})
        config["sources"]["prod"]["provider"]["credentials"]["token"] = keys.token
        files = files_in(folder, base)
        config["egress"] = {"allow_http": True}
        config["receivers"] = shouted_at(base) | unreachable(base) | filed(base, files)
        config["heartbeat"] = {"url_file": str(files["beat"]), "every": "10s"}
        daemon = Daemon(folder=folder, config=config, port=port)
        stage = Stage(daemon=daemon, shouter=shouter, simulation=simulation, files=files)
        try:
            yield stage, base
        finally:
            if daemon.running:
                daemon.kill()
            await server.stop()


def _texts(value: object) -> list[str]:
    match value:
        case dict():
            return [text for inner in value.values() for text in _texts(inner)]
        case list():
            return [text for inner in value for text in _texts(inner)]
        case _:
            return [str(value)]
