"""How each command that a page shows is tried: one row for each kind of command line, the first that fits counts.

Most lines run as they stand, beside a daemon that watches a simulated cloud (tests/e2e/shown_scene.py). What is put in the
place of a name, a port or a container engine's own words is written here and nowhere else.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from tests.documents.shown import Shown

COMMAND = r"jobwatch (?P<name>[a-z]+)"


class How(Enum):
    """How a command is tried."""

    BESIDE = "run beside the daemon"
    AT_REST = "run on a copy of the store that no daemon has"
    GOES_ON = "started, seen at work, and asked to stop"
    IN_PART = "run as the part of it that needs no cluster, no root and no network"
    READ = "read by the program it is for, which finds nobody to ask"
    ELSEWHERE = "run by a test of its own"
    UNTRIED = "not tried at all, for a reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A kind of command lines. `by` names the test, or says how or by whom it is tried instead."""

    pattern: str
    how: How
    by: str = ""
    page: str = ".*"

    def fits(self, command: Shown) -> bool:
        return bool(
            re.fullmatch(self.pattern, stood_in(command.text), flags=re.DOTALL)
            and re.fullmatch(self.page, command.page)
        )


IN_A_CONTAINER = (
    (r"^docker exec (?:-\S+ )*jobwatch ", ""),
    (r"^docker compose(?: -f \S+)? exec(?: -T)? jobwatch ", ""),
    (r"^kubectl (?:\S+ )*?exec .*? -- (?=jobwatch )", ""),
    (r"^runuser -u jobwatch -- ", ""),
    (r"^sudo -u jobwatch ", ""),
    (r"^(?:\S+ ){5}(?=jobwatch )(?<=\* )", ""),  # the time of a crontab
)
"""Words that only say where a command runs. That such places are reached is shown by the tests of the image and of units."""

PLACES = (
    (r"(?:\./)?\.venv/bin/jobwatch|/opt/jobwatch/bin/jobwatch", "jobwatch"),
    (r"/(?=backups?/)", "./"),
    (r"/var/lib/jobwatch/(?=\w+\.db)", "./backups/"),
    (r"\\%u", "%u"),  # a crontab reads % otherwise
)

EXAMPLES = (
    (r"\{\{ \$labels\.source \}\}", "prod"),
    (r"\{\{ \$labels\.receiver \}\}", "ops"),
    (r"\{\{ \$labels\.outcome \}\}", "failed"),
    (r"\{\{ \$labels\.operation \}\}", "COSPutObjectCopy"),
    (r"(?<=receivers )\[NAME\]|(?<=receivers )NAME", "ops"),
    (
        r"(?<=sources )\[NAME\]|(?<=sources )NAME|(?<=sweep )NAME|(?<=--source )(?:NAME|GLOB)",
        "prod",
    ),
    (r"(?<=--receiver )NAME|(?<=pause )NAME|(?<=resume )NAME|(?<=test )NAME", "ops"),
    (r"pause\|resume\|test", "pause"),
    (r"SOURCE/(?:ID|JOB)|prod/[0-9a-f]{8}-[0-9a-f-]{27}", "prod/job-failed"),
    (r"(?<=deliver )(?:ID|\d+)", "1"),
    (r"(?<=unmute )ID", "1"),
    (r"(?<=--config )FILE", "jobwatch.yaml"),
    (r"\bFILE\b", "./backups/jobwatch.db"),
    (r"\bTEXT\b", "'planned work'"),
    (r"\bTIME\b", "2h"),
    (r"(?<=--description )GLOB", "'nightly*'"),
    (r"(?<=--outcome )…", "failed"),
)
"""What stands for what a page leaves to its reader."""

WHOLE = (
    (r"jobwatch receivers (pause|resume|test)", r"jobwatch receivers \1 ops"),
    (r"jobwatch sources sweep", "jobwatch sources sweep prod"),
    (r"jobwatch (job|explain|redeliver|mute|unmute|backup|restore)", r"jobwatch \1 --help"),
    (r"jobwatch redeliver --receiver (\S+)", r"jobwatch redeliver --receiver \1 --since 2h"),
)
"""What prose only names, in whole."""

ROWS = (
    # Each line of these pages is run by a test that holds the answer against the page, too.
    Row(pattern="curl .*", page="docs/api.md", how=How.ELSEWHERE,
        by="tests/e2e/test_api_docs.py::test_every_example_of_the_page_is_answered_as_shown"),
    Row(pattern="curl .*", page="docs/http.md", how=How.ELSEWHERE,
        by="tests/e2e/test_http_page.py::test_the_examples_answer_as_the_page_says"),
    Row(pattern="jq .*", page="docs/logs.md", how=How.BESIDE),
    # jobwatch itself.
    Row(pattern="jobwatch demo.*", how=How.ELSEWHERE,
        by="tests/e2e/test_readme.py::test_make_demo_tells_a_failure_with_its_reasons_and_ends_by_itself"),
    Row(pattern="jobwatch (run|simulate|events .*--follow).*", how=How.GOES_ON),
    Row(pattern="jobwatch (once|restore).*", how=How.AT_REST),
    Row(pattern=f"{COMMAND}.*", how=How.BESIDE),
    Row(pattern="curl .*19870/.*", how=How.BESIDE),
    Row(pattern="export [A-Z_]+=.*|(echo .*)?openssl .*", how=How.BESIDE),
    Row(pattern=r"(\w+=\S+ )?\S*python docs/examples/receiver.py .*", how=How.ELSEWHERE,
        by="tests/e2e/test_quick_start.py::test_the_receiver_prints_what_the_page_says"),
    Row(pattern="pip install standardwebhooks", how=How.ELSEWHERE,
        by="tests/integration/test_receiver_example.py"),
    # Around it.
    Row(pattern=r"make .*|\S*python -m tests\..*|(chown|install|systemd-sysusers) .*|echo .* >>/etc/.*", how=How.IN_PART),
    Row(pattern="kubectl kustomize .*|promtool .*", how=How.BESIDE),
    Row(pattern="helm (upgrade|install) .*|kubectl (apply --kustomize|create) .*", how=How.IN_PART),
    # Its files and their commands run; its own words are these, because nothing here reads them.
    Row(pattern=r"docker compose( -f deploy/compose/demo/compose\.yaml)? (up( --detach --wait)?|logs --follow receiver)",
        how=How.ELSEWHERE,
        by="tests/e2e/test_compose.py::test_a_job_that_fails_is_printed_reaches_alertmanager_and_every_panel_shows_something"),
    Row(pattern="docker buildx imagetools .*", how=How.UNTRIED,
        by="asks a registry, by a part of Docker that is not packaged"),
    Row(pattern="(docker(?! compose)|kubectl|systemctl|journalctl|git|amtool) .*", how=How.READ),
    Row(pattern="(/opt/jobwatch/bin/pip|python3 -m venv) .*", how=How.ELSEWHERE,
        by="tests/e2e/test_packages.py::test_it_watches_keeps_and_tells"),
    Row(pattern="systemd-analyze security jobwatch", how=How.ELSEWHERE,
        by="tests/deploying/test_deploy.py::test_the_unit_leaves_the_service_little_to_do_harm_with"),
)  # fmt: skip


def replaced(text: str, table: Iterable[tuple[str, str]]) -> str:
    for pattern, instead in table:
        text = re.sub(pattern, instead, text)
    return text


def stood_in(text: str) -> str:
    """A command as it is run: where nothing but jobwatch is, with examples for what is left open."""
    for pattern, instead in WHOLE:
        if re.fullmatch(pattern, text):
            return replaced(re.sub(pattern, instead, text), EXAMPLES)
    return replaced(replaced(replaced(text, IN_A_CONTAINER), PLACES), EXAMPLES)


def row_of(command: Shown) -> Row | None:
    """The row that says how this command is tried."""
    return next((row for row in ROWS if row.fits(command)), None)
