"""From the words of COS Batch to ours: one job, and the detail of one job.

Fields: https://cloud.tencent.com/document/product/436/38609 (DescribeJob) and .../436/38611 (ListJobs). Every element
may be absent or empty, values may have blanks round them, and elements that are not named here are ignored.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from jobwatch.core.lifecycle import Lifecycle
from jobwatch.core.model import (
    DESCRIPTION_LIMIT,
    TEXT_LIMIT,
    FailureReason,
    Job,
    JobDetail,
    Phase,
    Progress,
)
from jobwatch.providers.values import UnreadableError, read_id, read_number, read_time
from jobwatch.providers.xml_tree import Element, read_tree

FAILURES_LIMIT = 100

JOB_FIELDS: Final = (
    "JobId",
    "Status",
    "Operation",
    "Description",
    "Priority",
    "TotalNumberOfTasks",
    "NumberOfTasksSucceeded",
    "NumberOfTasksFailed",
    "CreationTime",
    "TerminationDate",
)
"""The elements that make a job, in the order in which `read_job` takes their texts."""

MEMBER_NAMES: Final = frozenset((*JOB_FIELDS, "ProgressSummary", "AutoManifestStatus"))
"""The elements of a job in a listing. AutoManifestStatus is documented by its name alone, and ignored."""


class Words(dict[str, tuple[str, Phase]]):
    """A provider's words, ready for lookup: status to (our spelling, phase), and the operations' own strings."""

    def __init__(self, lifecycle: Lifecycle, operations: tuple[str, ...]) -> None:
        super().__init__({status: lifecycle.read(status) for status in lifecycle.statuses})
        self._lifecycle = lifecycle
        self.operations = {each: each for each in operations}

    def __missing__(self, word: str) -> tuple[str, Phase]:
        return self._lifecycle.read(word.strip()[:TEXT_LIMIT])

    def operation(self, word: str) -> str:
        """The operation, as the one string of its kind where it is documented."""
        word = word.strip()[:TEXT_LIMIT]
        return self.operations.get(word, word)


class _Draft:
    """A job being written down: a plain class with the slots of `Job`, and its `Job` once it is whole.

    A frozen dataclass pays a call per field when it is made; a listing of a million jobs makes a million.
    """

    __slots__ = Job.__slots__

    def __init__(self, texts: Sequence[str], words: Words, scope: str, fingerprint: int) -> None:
        job, status, operation, description, priority, total, done, failed, created, ended = texts
        self.id = read_id(job)
        self.scope = scope
        self.status, self.phase = words[status]
        self.operation = words.operations.get(operation) or words.operation(operation)
        self.description = description.strip()[:DESCRIPTION_LIMIT]
        self.priority = read_number(priority)
        self.progress = read_progress(total, done, failed)
        self.created_at = read_time(created)
        self.ended_at = read_time(ended)
        self.output_expires_at = None
        self.fingerprint = fingerprint


class _Counts:
    """A `Progress` being written down, for the same reason."""

    __slots__ = Progress.__slots__

    def __init__(self, total: int | None, succeeded: int | None, failed: int | None) -> None:
        self.total = total
        self.succeeded = succeeded
        self.failed = failed


def read_job(texts: Sequence[str], words: Words, scope: str, fingerprint: int = 0) -> Job:
    """Make a job of the texts of `JOB_FIELDS`, "" where there is none.

    Without an id it cannot be watched: raises `UnreadableError`.
    """
    draft = _Draft(texts, words, scope, fingerprint)
    draft.__class__ = Job  # type: ignore[assignment]
    return draft  # type: ignore[return-value]


def read_progress(total: str, succeeded: str, failed: str) -> Progress | None:
    """The counts. A missing or empty one is 0; None if all are, or if one is no number."""
    draft = _Counts(read_number(total), read_number(succeeded), read_number(failed))
    if draft.total is None or draft.succeeded is None or draft.failed is None:
        return _read_odd_progress((total, succeeded, failed))
    draft.__class__ = Progress  # type: ignore[assignment]
    return draft  # type: ignore[return-value]


def _read_odd_progress(words: tuple[str, str, str]) -> Progress | None:
    total, succeeded, failed = (read_number(word.strip() or "0") for word in words)
    if total is None or succeeded is None or failed is None or not "".join(words).strip():
        return None
    return Progress(total=total, succeeded=succeeded, failed=failed)


def job_texts(element: Element) -> dict[str, str]:
    """The texts of the documented elements below; what stands below other elements is left alone.

    The operation is a text in a listing. In the detail it is an object, whose only child has that text for a name.
    """
    texts: dict[str, str] = {}
    for child in element.children:
        if child.name == "Operation" and child.children:
            texts["Operation"] = child.children[0].name
        elif child.name in MEMBER_NAMES:
            texts |= job_texts(child)
            texts[child.name] = child.text
    return texts


def in_order(texts: Mapping[str, str]) -> list[str]:
    """The texts as `read_job` takes them."""
    return [texts.get(name, "") for name in JOB_FIELDS]


def read_detail(document: bytes, words: Words, scope: str) -> JobDetail:
    """Read `DescribeJobResult`. Raises `UnreadableError`."""
    root = read_tree(document)
    element = root.child("Job")
    if root.name != "DescribeJobResult" or element is None:
        raise UnreadableError(f"the root is {root.name[:64]}, not DescribeJobResult with a Job")
    return JobDetail(
        job=read_job(in_order(job_texts(element)), words, scope),
        status_reason=_text(element, "StatusUpdateReason"),
        suspended_cause=_text(element, "SuspendedCause"),
        suspended_at=read_time(element.value("SuspendedDate")),
        confirmation_required=_flag(element.value("ConfirmationRequired")),
        failures=tuple(_failures(element)),
        manifest=_manifest(element.child("Manifest")),
        report=_report(element.child("Report")),
        role=_text(element, "RoleArn"),
    )


def _failures(element: Element) -> Iterator[FailureReason]:
    """A job that succeeded has one JobFailure, too: an empty one."""
    reasons = element.child("FailureReasons")
    for each in reasons.children[:FAILURES_LIMIT] if reasons else ():
        code, message = _text(each, "FailureCode"), _text(each, "FailureReason")
        if each.name == "JobFailure" and (code or message):
            yield FailureReason(code=code or "", message=message or "")


def _manifest(element: Element | None) -> dict[str, str] | None:
    if element is None:
        return None
    location = element.child("Location") or Element("Location")
    spec = element.child("Spec") or Element("Spec")
    # The ETag comes with the quotes that HTTP puts round it.
    return _filled(
        object=location.value("ObjectArn"),
        format=spec.value("Format"),
        etag=location.value("ETag").strip('"'),
    )


def _report(element: Element | None) -> dict[str, str] | None:
    if element is None:
        return None
    return _filled(
        bucket=element.value("Bucket"),
        prefix=element.value("Prefix"),
        scope=element.value("ReportScope"),
        format=element.value("Format"),
        enabled=element.value("Enabled").lower(),
    )


def _filled(**values: str) -> dict[str, str] | None:
    return {name: text[:TEXT_LIMIT] for name, text in values.items() if text} or None


def _text(element: Element, name: str) -> str | None:
    return element.value(name)[:TEXT_LIMIT] or None


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())
