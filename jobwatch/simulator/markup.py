"""The XML of the control API: pure.

Element names and their order follow the ListJobs, DescribeJob and ErrorResponse pages.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

from jobwatch.core.model import FailureReason
from jobwatch.simulator.quirks import EmptyListing, LastToken, Quirks
from jobwatch.simulator.script import JobState

DECLARATION = "<?xml version='1.0' encoding='utf-8' ?>\n"
NAMESPACE = ' xmlns="http://cos.example.com/doc/2018-08-20/"'
# DescribeJob shows the operation as an element with its parameters, ListJobs only its name.
PARAMETERS = {
    "COSPutObjectCopy": (
        ("CannedAccessControlList", "private"),
        ("MetadataDirective", "COPY"),
        ("StorageClass", "ARCHIVE"),
        ("TargetResource", "qcs::cos:ap-chengdu::archive-1250000000"),
    ),
    "COSInitiateRestoreObject": (("ExpirationInDays", "7"), ("JobTier", "Bulk")),
}


class Writer:
    """Writes jobs and pages, with the quirks of this cloud. Ended jobs are written once."""

    def __init__(self, quirks: Quirks) -> None:
        self.quirks = quirks
        self._written: dict[str, tuple[JobState, bytes]] = {}

    def listing(self, states: Iterable[JobState], token: str | None, subject: str) -> bytes:
        """One page of ListJobs; `token` None or "" writes the end as the quirks want it."""
        members = b"".join(self.member(state) for state in states)
        jobs = b"<Jobs>%b</Jobs>" % members if members else self._no_jobs(subject)
        return self._document("ListJobsResult", jobs + self._token(token, subject), subject)

    def member(self, state: JobState) -> bytes:
        """One job of a page."""
        known = self._written.get(state.id)
        if known is not None and known[0] is state:
            return known[1]
        text = self._member(state).encode()
        if state.ended:
            self._written[state.id] = (state, text)
        return text

    def detail(self, state: JobState) -> bytes:
        """The answer of DescribeJob."""
        body = f"<Job>{self._detail(state)}</Job>".encode()
        return self._document("DescribeJobResult", body, state.id)

    def error(self, code: str, message: str, resource: str, request_id: str) -> bytes:
        """The body of a refusal. The trace id is that of the header."""
        body = "".join(
            (
                _tag("Code", code),
                _tag("Message", message),
                _tag("Resource", resource),
                _tag("RequestId", request_id),
                _tag("TraceId", trace_id(request_id)),
            )
        )
        return self._document("Error", body.encode(), code)

    def _document(self, root: str, inner: bytes, subject: str) -> bytes:
        quirks = self.quirks
        head = DECLARATION if quirks.has(quirks.declaration, "declaration", subject) else ""
        spaced = root != "Error" and quirks.has(quirks.namespace, "namespace", subject)
        space = NAMESPACE if spaced else ""
        return b"".join((f"{head}<{root}{space}>".encode(), inner, f"</{root}>".encode()))

    def _no_jobs(self, subject: str) -> bytes:
        match self.quirks.empty_listing_of(subject):
            case EmptyListing.PAIR:
                return b"<Jobs></Jobs>"
            case EmptyListing.ABSENT:
                return b""
            case _:
                return b"<Jobs/>"

    def _token(self, token: str | None, subject: str) -> bytes:
        if token:
            return _tag("NextToken", token).encode()
        empty = self.quirks.last_token_of(subject) is LastToken.EMPTY
        return b"<NextToken></NextToken>" if empty else b""

    def _member(self, state: JobState) -> str:
        script, pad = state.script, self._pad(state)
        return "".join(
            (
                "<member>",
                _tag("CreationTime", _time(script.created_at), pad),
                _tag("Description", script.description, pad),
                _tag("JobId", script.id, pad),
                _tag("Operation", script.operation, pad),
                _tag("Priority", str(script.priority), pad),
                self._progress(state, pad),
                _tag("Status", state.status, pad),
                self._termination(state, pad),
                "</member>",
            )
        )

    def _detail(self, state: JobState) -> str:
        script, pad = state.script, self._pad(state)
        return "".join(
            (
                _tag("ConfirmationRequired", _bool(script.confirmation_required), pad),
                _tag("CreationTime", _time(script.created_at), pad),
                _tag("Description", script.description, pad),
                self._failures(state, pad),
                _tag("JobId", script.id, pad),
                _manifest(state, pad),
                _operation(script.operation, pad),
                _tag("Priority", str(script.priority), pad),
                self._progress(state, pad),
                _report(state, pad),
                _tag("RoleArn", script.role, pad),
                _tag("Status", state.status, pad),
                _tag("StatusUpdateReason", state.reason, pad),
                _suspended(state, pad),
                self._termination(state, pad),
            )
        )

    def _pad(self, state: JobState) -> str:
        return " " if self.quirks.has(self.quirks.spaces, "spaces", state.id) else ""

    def _progress(self, state: JobState, pad: str) -> str:
        auto = self.quirks.has(self.quirks.auto_manifest, "auto_manifest", state.id)
        return "".join(
            (
                "<ProgressSummary>",
                _tag("AutoManifestStatus", "Complete", pad) if auto else "",
                _tag("NumberOfTasksFailed", str(state.failed), pad),
                _tag("NumberOfTasksSucceeded", str(state.succeeded), pad),
                _tag("TotalNumberOfTasks", str(state.total), pad),
                "</ProgressSummary>",
            )
        )

    def _termination(self, state: JobState, pad: str) -> str:
        if state.ended_at is not None:
            return _tag("TerminationDate", _time(state.ended_at), pad)
        option = self.quirks.empty_termination
        empty = self.quirks.has(option, "empty_termination", state.id)
        return "<TerminationDate></TerminationDate>" if empty else ""

    def _failures(self, state: JobState, pad: str) -> str:
        failures: Iterable[FailureReason] = state.failures
        if not failures and self.quirks.has(self.quirks.empty_failure, "empty_failure", state.id):
            failures, pad = (FailureReason(code="", message=""),), ""
        inner = "".join(_failure(failure, pad) for failure in failures)
        return f"<FailureReasons>{inner}</FailureReasons>" if inner else ""


def trace_id(request_id: str) -> str:
    """The trace id that goes with a request id."""
    return request_id[::-1].strip("=") + "trace"


def _tag(name: str, text: str, pad: str = "") -> str:
    return f"<{name}>{pad}{escape(text)}{pad}</{name}>"


def _bool(value: bool) -> str:  # noqa: FBT001 - it is what is written
    return "true" if value else "false"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _failure(failure: FailureReason, pad: str) -> str:
    code = _tag("FailureCode", failure.code, pad)
    return f"<JobFailure>{code}{_tag('FailureReason', failure.message, pad)}</JobFailure>"


def _manifest(state: JobState, pad: str) -> str:
    manifest = state.script.manifest
    # The API puts literal quotation marks round the ETag.
    location = _tag("ETag", f'"{manifest.etag}"', pad) + _tag("ObjectArn", manifest.object_arn, pad)
    fields = "".join(_tag("member", field, pad) for field in manifest.fields)
    spec = f"<Fields>{fields}</Fields>{_tag('Format', manifest.format, pad)}"
    return f"<Manifest><Location>{location}</Location><Spec>{spec}</Spec></Manifest>"


def _operation(name: str, pad: str) -> str:
    parameters = "".join(_tag(key, value, pad) for key, value in PARAMETERS.get(name, ()))
    return f"<Operation><{name}>{parameters}</{name}></Operation>"


def _report(state: JobState, pad: str) -> str:
    report = state.script.report
    if report is None:
        return f"<Report>{_tag('Enabled', 'false', pad)}</Report>"
    inner = (
        _tag("Bucket", report.bucket, pad),
        _tag("Enabled", "true", pad),
        _tag("Format", report.format, pad),
        _tag("Prefix", report.prefix, pad),
        _tag("ReportScope", report.scope, pad),
    )
    return f"<Report>{''.join(inner)}</Report>"


def _suspended(state: JobState, pad: str) -> str:
    if state.suspended_at is None:
        return ""
    cause = _tag("SuspendedCause", state.script.suspended_cause, pad)
    return cause + _tag("SuspendedDate", _time(state.suspended_at), pad)
