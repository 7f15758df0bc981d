"""docs/openapi.yaml against the running program: every answer is as promised, and nothing that is sent is answered by 5xx."""

import random
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from jsonschema import Draft202012Validator

from jobwatch.web import Reloaded
from jobwatch.web.api import ENDPOINTS, changes, lists, standings
from jobwatch.web.api.asking import PAGED, Readers
from tests.api_rig import Api, api, give_up

PROMISED: Any = yaml.safe_load(
    (Path(__file__).parents[2] / "docs" / "openapi.yaml").read_text(encoding="utf-8")
)
READERS: dict[str, Readers] = {
    "/api/v1/sources": standings.SOURCES,
    "/api/v1/jobs": lists.JOBS,
    "/api/v1/events": lists.EVENTS,
    "/api/v1/receivers": standings.RECEIVERS,
    "/api/v1/deliveries": lists.DELIVERIES,
    "/api/v1/mutes": standings.MUTES,
}
HOSTILE = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1e9",
        "true",
        "null",
        "'; DROP TABLE jobs; --",
        "*",
        "../..",
        "<script>",
    ),
    *("9" * 19, "9" * 400, "\x00", "\x1b[31m", "\u202e", "\ud800", "\U0001f600", "%", "a" * 2100),
    *(
        "1h",
        "999999d",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "10000-01-01T00:00:00Z",
    ),
    *("prod", "ops", "evt_", "AAAA", "====", "5.1.7", "Active", "dead", "2026-11-21T20:00:00Z"),
)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Api]:
    async with api(tmp_path) as made:
        yield made


def resolved(part: Any) -> Any:
    """A part of the description, wherever it stands."""
    while isinstance(part, dict) and "$ref" in part:
        found = PROMISED
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def parameters(operation: Any, place: str) -> list[Any]:
    found = map(resolved, operation.get("parameters", []))
    return [each for each in found if each["in"] == place]


@cache
def validator(path: str, method: str, status: int) -> Draft202012Validator:
    responses = PROMISED["paths"][path][method]["responses"]
    response = resolved(responses.get(str(status), responses["default"]))
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": PROMISED["components"],
        **response["content"]["application/json"]["schema"],
    }
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def check(path: str, method: str, status: int, body: Any) -> None:
    """An answer is what the description promises for its path, method and status."""
    found = validator(path, method, status).iter_errors(body)
    errors = [f"{'/'.join(map(str, each.path))}: {each.message}" for each in found]
    assert not errors, (path, method, status, errors[:3])


def test_the_description_is_sound() -> None:
    for schema in PROMISED["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    operations = [each for methods in PROMISED["paths"].values() for each in methods.values()]
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names) == 16


def test_the_description_has_every_path_and_every_method_and_no_other() -> None:
    there_are = {
        (each.path.replace(":[^/]+", ""), method.lower())
        for each in ENDPOINTS
        for method in each.handlers
    }
    promised = {(path, method) for path, methods in PROMISED["paths"].items() for method in methods}
    assert promised == there_are


def test_the_description_has_every_parameter_and_every_word_that_is_taken() -> None:
    for path, readers in READERS.items():
        promised = {
            each["name"]: each for each in parameters(PROMISED["paths"][path]["get"], "query")
        }
        assert set(promised) == {*readers, *PAGED}, path
    body = resolved({"$ref": "#/components/schemas/MuteOrder"})
    assert set(body["properties"]) == set(changes.MUTE_KEYS)


async def test_every_word_that_is_promised_is_taken_and_no_other(served: Api) -> None:
    for path in READERS:
        for parameter in parameters(PROMISED["paths"][path]["get"], "query"):
            words = resolved(parameter["schema"]).get("enum")
            if words is None:
                continue
            refused = await served.ask(f"{path}?{parameter['name']}=nonsense")
            assert set(refused.body["error"]["allowed"]) == set(words), (path, parameter["name"])
            for word in words:
                assert (await served.ask(f"{path}?{parameter['name']}={word}")).status == 200


async def test_every_answer_is_as_promised(served: Api) -> None:
    dead = await give_up(served)
    event = (await served.get("/api/v1/events"))["events"][0]["id"]
    served.reloads += [Reloaded(problems=("x",)), Reloaded(changed=("sources.prod",))]
    mute = {"source": "*", "for": "8h", "reason": "x"}
    for method, path, written, body in (
        ("get", "/api/v1/sources", "", None),
        ("get", "/api/v1/jobs", "", None),
        ("get", "/api/v1/jobs", "?limit=1", None),
        ("get", "/api/v1/jobs/{source}/{id}", "/api/v1/jobs/prod/c", None),
        ("get", "/api/v1/jobs/{source}/{scope}/{id}", "/api/v1/jobs/vault_jobs/v%2F1/d%2F1", None),
        ("get", "/api/v1/events", "", None),
        ("get", "/api/v1/events/{id}", f"/api/v1/events/{event}", None),
        ("get", "/api/v1/receivers", "", None),
        ("get", "/api/v1/deliveries", "", None),
        ("get", "/api/v1/deliveries/{id}", f"/api/v1/deliveries/{dead[0]}", None),
        (
            "post",
            "/api/v1/deliveries/{id}/redeliver",
            f"/api/v1/deliveries/{dead[0]}/redeliver",
            {},
        ),
        (
            "post",
            "/api/v1/deliveries/{id}/redeliver",
            f"/api/v1/deliveries/{dead[0]}/redeliver",
            {},
        ),
        ("post", "/api/v1/receivers/{name}/pause", "/api/v1/receivers/ops/pause", {}),
        ("post", "/api/v1/receivers/{name}/resume", "/api/v1/receivers/ops/resume", {}),
        ("post", "/api/v1/mutes", "", mute),
        ("get", "/api/v1/mutes", "", None),
        ("delete", "/api/v1/mutes/{id}", "/api/v1/mutes/1", None),
        ("delete", "/api/v1/mutes/{id}", "/api/v1/mutes/1", None),
        ("post", "/-/reload", "", {}),
        ("post", "/-/reload", "", {}),
    ):
        target = written if written.startswith("/") else path + written
        answer = await served.order(target, body, method.upper())
        assert answer.status < 500, target
        check(path, method, answer.status, answer.body)


async def test_nothing_hostile_is_answered_by_5xx_or_otherwise_than_promised(served: Api) -> None:
    """Every parameter with every value, one at a time and a few together; the same each time."""
    dice = random.Random(6)
    for path, methods in PROMISED["paths"].items():
        for method, operation in methods.items():
            if path == "/-/reload":
                continue
            for value in HOSTILE:
                target, known = path, parameters(operation, "query")
                for part in parameters(operation, "path"):
                    target = target.replace(f"{{{part['name']}}}", encoded(value) or "%20")
                query = "&".join(
                    f"{each['name']}={encoded(value if each is known[0] else dice.choice(HOSTILE))}"
                    for each in dice.sample(known, min(2, len(known)))
                )
                body = (
                    {dice.choice(changes.MUTE_KEYS): value} if "requestBody" in operation else None
                )
                answer = await served.order(
                    f"{target}?{query}" if query else target, body, method.upper()
                )
                assert answer.status < 500, (method, target, query, value)
                if target.count("/") == path.count("/"):
                    check(path, method, answer.status, answer.body)


async def test_each_parameter_takes_or_refuses_what_is_hostile(served: Api) -> None:
    for path in READERS:
        for index, parameter in enumerate(parameters(PROMISED["paths"][path]["get"], "query")):
            for value in HOSTILE[index % 2 :: 2]:
                answer = await served.ask(f"{path}?{parameter['name']}={encoded(value)}")
                assert answer.status in (200, 400, 404), (path, parameter["name"], value)
                if answer.status != 200:
                    check(path, "get", answer.status, answer.body)


def encoded(value: str) -> str:
    return quote(value.encode("utf-8", "surrogatepass"), safe="")
