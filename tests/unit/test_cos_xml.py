"""What is read from documents of COS Batch: samples, and values in every form."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from jobwatch.core.errors import Malformed
from jobwatch.core.model import FailureReason, Job, JobDetail, JobKey, JobPage, Phase, Progress
from tests.cos_samples import PROVIDER, describe, member, page_of, plain, read, sample

COPY = Job(
    id="5b2f0a7e-61a4-4c8b-9d53-0f6c1be2a901",
    status="Complete",
    phase=Phase.SUCCEEDED,
    operation="COSPutObjectCopy",
    description="nightly copy",
    priority=10,
    progress=Progress(total=10, succeeded=10, failed=0),
    created_at=datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC),
    ended_at=datetime(2026, 11, 20, 8, 15, 46, tzinfo=UTC),
)
THAW = Job(
    id="7c90d1e2-83b6-4a55-8f1e-2d4b6a8c0e13",
    status="Active",
    phase=Phase.RUNNING,
    operation="COSInitiateRestoreObject",
    description="thaw & check",
    priority=3,
    progress=Progress(total=100, succeeded=40, failed=2),
    created_at=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
)


def one(inside: str) -> Job:
    (job,) = read(page_of(f"<JobId>j</JobId>{inside}")).jobs
    return job


def detail_of(inside: str) -> JobDetail:
    return describe(f"<DescribeJobResult><Job><JobId>j</JobId>{inside}</Job></DescribeJobResult>")


# ── samples ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["listing", "listing_pretty", "listing_with_namespace", "listing_with_prefix"]
)
def test_a_listing_reads_the_same_however_it_is_laid_out(name: str) -> None:
    page = read(sample(name).body)
    assert plain(page) == (COPY, THAW)
    assert page.next_token == THAW.id
    assert page.listed == 2


@pytest.mark.parametrize("name", ["listing_empty", "listing_empty_pair", "listing_empty_root"])
def test_a_listing_may_be_empty_in_three_ways(name: str) -> None:
    assert read(sample(name).body) == JobPage(jobs=())


@pytest.mark.parametrize("name", ["listing_with_manifest_status", "listing_with_unknown_elements"])
def test_elements_that_nobody_documented_change_nothing(name: str) -> None:
    page = read(sample(name).body)
    assert plain(page) == (COPY,)
    assert page.next_token is None


def test_a_job_may_have_nothing_but_its_id() -> None:
    (job,) = plain(read(sample("listing_sparse").body))
    assert job == Job(id="5b2f0a7e", status="", phase=Phase.UNKNOWN)


def test_values_that_are_no_values_are_none_and_the_job_stays() -> None:
    odd, new = plain(read(sample("listing_odd_values").body))
    assert odd == Job(
        id="odd", status="Cancelled", phase=Phase.CANCELLED, operation="COSPutObjectCopy"
    )
    assert new == replace(
        COPY,
        id="new-word",
        status="Archiving",
        phase=Phase.UNKNOWN,
        operation="COSPutObjectAcl",
        ended_at=None,
    )


def test_a_detail_adds_reason_manifest_report_and_role() -> None:
    response = sample("detail_complete")
    assert PROVIDER.read_detail(response, COPY.key) == JobDetail(
        job=COPY,
        status_reason="Job complete",
        confirmation_required=False,
        failures=(),
        manifest={
            "object": "qcs::cos:ap-chengdu:uid/1250000000:source-1250000000/manifest.csv",
            "format": "COSBatchOperations_CSV_V1",
            "etag": "0f343b0931126a20f133d67c2b018a3b",
        },
        report={
            "bucket": "qcs::cos:ap-chengdu:uid/1250000000:source-1250000000",
            "prefix": "reports",
            "scope": "AllTasks",
            "format": "Report_CSV_V1",
            "enabled": "true",
        },
        role="qcs::cam::uin/100000000001:roleName/BatchRole",
    )


def test_a_failed_job_tells_every_reason_but_the_empty_ones() -> None:
    detail = PROVIDER.read_detail(sample("detail_failed"), THAW.key)
    assert detail.failures == (
        FailureReason(code="ManifestError", message="The manifest cannot be read"),
        FailureReason(code="AccessDenied", message=""),
    )
    assert detail.job == Job(
        id=THAW.id,
        status="Failed",
        phase=Phase.FAILED,
        operation="COSInitiateRestoreObject",
        created_at=datetime(2026, 11, 20, 0, 15, 30, 125000, tzinfo=UTC),
        ended_at=datetime.fromtimestamp(1795248000, UTC),
    )
    assert detail.report == {"enabled": "false"}


def test_a_suspended_job_tells_why_and_since_when_it_waits() -> None:
    detail = PROVIDER.read_detail(sample("detail_suspended"), JobKey("", "5b2f0a7e"))
    assert (detail.job.phase, detail.job.operation) == (Phase.WAITING, "COSDeleteObject")
    assert detail.suspended_cause == "AwaitingConfirmation"
    assert detail.suspended_at == datetime(2026, 11, 20, 8, 16, tzinfo=UTC)
    assert detail.confirmation_required is True


# ── values ──────────────────────────────────────────────────────────────────────────────────────

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T12:00:00Z", NOON),
        (" 2026-11-20T12:00:00Z\n", NOON),
        ("2026-11-20T12:00:00.000Z", NOON),
        ("2026-11-20t12:00:00z", NOON),
        ("2026-11-20T20:00:00+08:00", NOON),
        ("2026-11-20 12:00:00", NOON),
        ("2026-11-20T12:00:00.5Z", NOON.replace(microsecond=500000)),
        ("1795176000", NOON),
        ("1795176000000", NOON),
        ("1795176000.5", NOON.replace(microsecond=500000)),
        ("1512021130000", datetime(2017, 11, 30, 5, 52, 10, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("9999-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59.999+00:00", None),
        ("9000-01-01T00:00:00Z", None),
        ("8999-12-31T23:59:59Z", datetime(8999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", None),
        ("0", None),
        ("-1", None),
        ("nan", None),
        ("1e400", None),
        ("2026-13-20T12:00:00Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_read_in_every_form_clouds_write_it(text: str, expected: datetime | None) -> None:
    assert one(f"<CreationTime>{text}</CreationTime>").created_at == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("2147483647", 2147483647),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
        ("9" * 5000, None),
        ("-1", None),
        ("+1", None),
        ("1_0", None),
        ("1.5", None),
        ("٣", None),
        ("²", None),
        ("", None),
    ],
)
def test_a_count_is_a_count_or_nothing(text: str, expected: int | None) -> None:
    assert one(f"<Priority>{text}</Priority>").priority == expected


def counts(total: str, done: str, failed: str) -> str:
    return (
        f"<ProgressSummary><NumberOfTasksFailed>{failed}</NumberOfTasksFailed>"
        f"<NumberOfTasksSucceeded>{done}</NumberOfTasksSucceeded>"
        f"<TotalNumberOfTasks>{total}</TotalNumberOfTasks></ProgressSummary>"
    )


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (counts("3", "2", "1"), Progress(total=3, succeeded=2, failed=1)),
        (counts(" 3 ", "2", ""), Progress(total=3, succeeded=2, failed=0)),
        (counts("", "", "1"), Progress(total=0, succeeded=0, failed=1)),
        (counts("0", "0", "0"), Progress(total=0, succeeded=0, failed=0)),
        (counts("x", "2", "1"), None),
        (counts("3", "2", str(2**63)), None),
        (counts("", " ", ""), None),
        ("<ProgressSummary/>", None),
        ("", None),
    ],
)
def test_progress_is_read_whole_or_not_at_all(inside: str, expected: Progress | None) -> None:
    assert one(inside).progress == expected


def test_long_texts_are_cut_and_long_ids_are_refused() -> None:
    assert one(f"<Description>{'x' * 5000}</Description>").description == "x" * 1024
    assert len(one(f"<Status>{'x' * 5000}</Status>").status) == 1024
    assert len(one(f"<Operation>{'x' * 5000}</Operation>").operation) == 1024
    assert read(page_of(member("i" * 256))).listed == 1
    with pytest.raises(Malformed):
        read(page_of(member("i" * 257)))
    with pytest.raises(Malformed):
        read(page_of(token="t" * 1025))


@pytest.mark.parametrize("inside", ["", "<JobId/>", "<JobId> </JobId>", "<Status>New</Status>"])
def test_a_member_without_an_id_breaks_its_page(inside: str) -> None:
    with pytest.raises(Malformed, match="no id"):
        read(page_of(member("a"), inside))


def test_documented_words_are_one_object_each() -> None:
    jobs = read(page_of(*(member(str(n), f"{STATUS}{OPERATION}") for n in range(3)))).jobs
    assert len({id(job.status) for job in jobs}) == len({id(job.operation) for job in jobs}) == 1


STATUS = "<Status>Active</Status>"
OPERATION = "<Operation>COSPutObjectCopy</Operation>"


def test_a_text_that_looks_like_markup_is_a_text() -> None:
    text = "&lt;/Description&gt;&lt;Status&gt;Failed&lt;/Status&gt;&lt;member&gt;"
    job = one(f"{STATUS}<Description>{text}</Description>")
    assert (job.status, job.description) == (
        "Active",
        "</Description><Status>Failed</Status><member>",
    )
    assert one("<Description>member</Description>").description == "member"
    assert one("<Description><![CDATA[<member>]]></Description>").description == "<member>"


def test_an_operation_may_be_an_object_in_a_listing_too() -> None:
    assert one("<Operation><COSDeleteObject/></Operation>").operation == "COSDeleteObject"


def test_names_below_unknown_elements_are_not_ours() -> None:
    inside = f"<Report><Status>Failed</Status><JobId>r</JobId></Report>{STATUS}"
    assert one(inside) == Job(id="j", status="Active", phase=Phase.RUNNING)
    assert detail_of(inside).job == one(inside)
