"""How pages are read: what is a command, where it stands, and what is put in the place of what it leaves open."""

from pathlib import Path

import pytest

from tests.documents import shown
from tests.documents.shown import Shown
from tests.documents.shown_commands import How, row_of, stood_in
from tests.documents.shown_yaml import kind_of, prometheus, values

PAGE = """# Page

Run `jobwatch jobs --source
prod`, or `docker build`, never `rm -rf x`. <!-- `make nothing` -->

```sh
# a comment
jobwatch check          # says what is wrong
docker run --detach \\
  --name jobwatch jobwatch
cat > a.yaml <<'END'
one: "quote
END
echo 'two
lines'
```

- A list:

  ```console
  $ jobwatch mutes
  nothing is muted
  ```
"""


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "page.md"
    file.write_text(PAGE, encoding="utf-8")
    monkeypatch.setattr(shown, "ROOT", tmp_path)
    monkeypatch.setattr(shown, "PAGES", ("page.md",))
    monkeypatch.setattr(shown, "MESSAGES", ())
    return file


@pytest.mark.usefixtures("page")
def test_every_command_is_found_in_its_line() -> None:
    assert [(each.line, each.text) for each in shown.commands()] == [
        (8, "jobwatch check"),
        (9, "docker run --detach --name jobwatch jobwatch"),
        (11, "cat > a.yaml <<'END'\none: \"quote\nEND"),
        (14, "echo 'two\nlines'"),
        (21, "jobwatch mutes"),
        (3, "jobwatch jobs --source prod"),
    ]


def test_a_command_without_an_end_is_told_with_its_place(page: Path) -> None:
    page.write_text("```sh\njobwatch mute --reason 'open\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"page\.md:2: no end of"):
        shown.commands()


@pytest.mark.parametrize(
    ("written", "run"),
    [
        ("docker exec jobwatch jobwatch jobs", "jobwatch jobs"),
        ("docker compose exec jobwatch jobwatch check", "jobwatch check"),
        ("kubectl exec deployment/jobwatch --namespace a -- jobwatch jobs", "jobwatch jobs"),
        ("kubectl --namespace a exec deploy/jobwatch -- jobwatch jobs", "jobwatch jobs"),
        ("runuser -u jobwatch -- /opt/jobwatch/bin/jobwatch jobs", "jobwatch jobs"),
        (
            "17 3 * * * jobwatch backup /backups/a-$(date +\\%u).db",
            "jobwatch backup ./backups/a-$(date +%u).db",
        ),
        (".venv/bin/jobwatch receivers NAME", "jobwatch receivers ops"),
        ("jobwatch sources sweep NAME", "jobwatch sources sweep prod"),
        ("jobwatch explain SOURCE/ID", "jobwatch explain prod/job-failed"),
        ("jobwatch explain", "jobwatch explain --help"),
        ("jobwatch receivers test", "jobwatch receivers test ops"),
    ],
)
def test_a_command_runs_where_nothing_but_jobwatch_is(written: str, run: str) -> None:
    assert stood_in(written) == run


@pytest.mark.parametrize(
    ("written", "how"),
    [
        ("jobwatch jobs", How.BESIDE),
        ("jobwatch restore FILE --force", How.AT_REST),
        ("jobwatch events --follow", How.GOES_ON),
        ("kubectl rollout status deployment/jobwatch", How.READ),
        ("make test", How.IN_PART),
        ("docker compose up --detach --wait", How.ELSEWHERE),
        ("docker compose up --detatch", None),
        ("rm -rf /", None),
        ("curl https://example.com/install | sh", None),
    ],
)
def test_a_command_is_tried_in_its_way_and_an_unknown_one_in_none(
    written: str, how: How | None
) -> None:
    row = row_of(Shown(page="page.md", line=1, text=written))
    assert (row.how if row else None) is how


def test_a_heading_has_the_anchor_that_github_gives_it(page: Path) -> None:
    page.write_text(
        "# A `b`: c_d, e / [f](g.md)\n## 中文\n## 中文\n```sh\n# no\n```\n", encoding="utf-8"
    )
    assert shown.anchors("page.md") == {"a-b-c_d-e--f", "中文", "中文-1"}


def test_a_document_has_the_reader_that_it_is_for() -> None:
    assert kind_of({"scrape_configs": []}) is prometheus
    assert kind_of({"existingSecret": "a", "config": {}}) is values
    assert kind_of({"anything": "else"}) is None


def test_a_mistake_in_a_scrape_configuration_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="scrape_intervall"):
        prometheus({"scrape_configs": [{"job_name": "a", "scrape_intervall": "1s"}]}, tmp_path)
