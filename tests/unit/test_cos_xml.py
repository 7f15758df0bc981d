"""Reading pages and details of COS Batch: samples, leniency, hostile documents, and what is not read again."""

import contextlib
import gc
import json
import resource
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from jobwatch.core.codec import Known, Walk
from jobwatch.core.errors import Malformed
from jobwatch.core.http import HttpResponse
from jobwatch.core.model import FailureReason, Job, JobDetail, JobKey, JobPage, Phase, Progress
from jobwatch.providers.cos_batch import CosBatch, CosBatchSettings
from jobwatch.providers.xml_tree import SIZE_LIMIT

SAMPLES = Path(__file__).parents[1] / "samples" / "cos_batch"
SEED = 0x5EED
PROVIDER = CosBatch(
    CosBatchSettings(kind="cos-batch", region="ap-chengdu", uin="100000000001", appid="1250000000")
)

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


def sample(name: str) -> HttpResponse:
    told = json.loads((SAMPLES / name / "response.json").read_text())
    return HttpResponse(body=(SAMPLES / name / "body.xml").read_bytes(), **told)


def read(body: bytes | str, known: Known | None = None) -> JobPage:
    data = body.encode() if isinstance(body, str) else body
    return PROVIDER.read_page(
        HttpResponse(status=200, body=data), Walk(), known or Known(seed=SEED)
    )


def describe(body: bytes | str, job: str = "j") -> JobDetail:
    data = body.encode() if isinstance(body, str) else body
    return PROVIDER.read_detail(HttpResponse(status=200, body=data), JobKey("", job))


def plain(page: JobPage) -> tuple[Job, ...]:
    """The jobs without their fingerprints."""
    return tuple(replace(job, fingerprint=0) for job in page.jobs)


def page_of(*members: str, token: str = "", head: str = "", between: str = "") -> str:
    inside = between.join(f"<member>{each}</member>" for each in members)
    after = f"<NextToken>{token}</NextToken>" if token else ""
    return f"{head}<ListJobsResult><Jobs>{between}{inside}{between}</Jobs>{after}</ListJobsResult>"


def member(job: str, inside: str = "<Status>Active</Status>") -> str:
    return f"<JobId>{job}</JobId>{inside}"


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


# ── unchanged members ───────────────────────────────────────────────────────────────────────────


def knowing(page: JobPage, start: int = 0) -> Known:
    slots = {job.fingerprint: slot for slot, job in enumerate(page.jobs, start)}
    return Known(seed=SEED, slots=slots)


@pytest.mark.parametrize("name", ["listing", "listing_pretty", "listing_with_namespace"])
def test_known_members_are_not_read_again_and_the_token_still_is(name: str) -> None:
    body = sample(name).body
    first = read(body)
    again = read(body, knowing(first, 7))
    assert again == JobPage(jobs=(), unchanged=(7, 8), next_token=THAW.id)


def test_a_fingerprint_is_the_seeded_hash_of_the_bytes_of_its_member() -> None:
    (job,) = read(page_of(member("a"))).jobs
    assert job.fingerprint == xxh3_64_intdigest((member("a") + "</member>").encode(), SEED)


def test_the_place_of_a_member_on_its_page_is_not_in_its_fingerprint() -> None:
    for between in ("", "\n    "):
        forth = read(page_of(member("a"), member("b"), between=between))
        back = read(page_of(member("b"), member("a"), between=between), knowing(forth))
        assert back.unchanged == (1, 0)


def test_only_the_changed_member_is_read() -> None:
    first = read(page_of(member("a"), member("b"), member("c")))
    changed = page_of(member("a"), member("b", "<Status>Failed</Status>"), member("c"), token="t")
    again = read(changed, knowing(first))
    assert [(job.id, job.status) for job in again.jobs] == [("b", "Failed")]
    assert (again.unchanged, again.next_token) == ((0, 2), "t")


def test_a_member_twice_on_a_page_is_counted_twice() -> None:
    body = page_of(member("a"), member("b"), member("a"))
    page = read(body)
    assert [job.id for job in page.jobs] == ["a", "b", "a"]
    assert page.jobs[0].fingerprint == page.jobs[2].fingerprint
    slots = {page.jobs[0].fingerprint: 3}
    again = read(body, Known(seed=SEED, slots=slots))
    assert ([job.id for job in again.jobs], again.unchanged) == (["b"], (3, 3))


def test_jobs_keep_their_own_fingerprints_among_known_ones() -> None:
    body = page_of(*(member(str(n)) for n in range(9)))
    full = read(body)
    some = Known(seed=SEED, slots={job.fingerprint: 0 for job in full.jobs[::3]})
    rest = tuple(job for at, job in enumerate(full.jobs) if at % 3)
    assert read(body, some).jobs == rest


A = member("a")
UNSAFE = {
    "declared in another encoding": page_of(A, head="<?xml version='1.0' encoding='latin-1'?>"),
    "byte order mark": "\ufeff" + page_of(A),
    "comment": page_of(A + "<!-- x -->"),
    "CDATA": page_of(member("a", "<Description><![CDATA[x]]></Description>")),
    "instruction": page_of(A, head="<?xml version='1.0'?><?x y?>"),
    "instruction without declaration": page_of(A + "<?x y?>"),
    "nested members": page_of(A + "<Tags><member>x</member></Tags>"),
    "self-closed member": page_of(A).replace("</Jobs>", "</Jobs><Tags><member/></Tags>"),
    "blank in the end tag": page_of(A).replace("</member>", "</member >"),
    "attribute": page_of(A).replace("<member>", "<member id='1'>"),
    "unknown element": page_of(A + "<Colour>red</Colour>"),
    "members outside of Jobs": page_of(A).replace("</Jobs>", "</Jobs><member>x</member>"),
    "members in another list": page_of(A).replace(
        "<Jobs>", "<Tags><member>x</member></Tags><Jobs>"
    ),
    "large member": page_of(member("a", f"<Description>{'x' * 70000}</Description>")),
    "prefix": (
        "<c:ListJobsResult xmlns:c='x'><c:Jobs><c:member><c:JobId>a</c:JobId></c:member></c:Jobs>"
        "</c:ListJobsResult>"
    ),
}


@pytest.mark.parametrize("body", UNSAFE.values(), ids=UNSAFE)
def test_a_page_whose_bytes_could_deceive_is_read_whole_and_has_no_fingerprints(body: str) -> None:
    page = read(body)
    assert [job.id for job in page.jobs] == ["a"]
    assert all(job.fingerprint == 0 for job in page.jobs)


def test_utf_16_is_read_whole() -> None:
    page = read(page_of(A).encode("utf-16"))
    assert ([job.id for job in page.jobs], page.jobs[0].fingerprint) == (["a"], 0)
    with_declaration = page_of(A, head="<?xml version='1.0' encoding='utf-16'?>")
    assert [job.id for job in read(with_declaration.encode("utf-16-le")).jobs] == ["a"]


ELEMENTS = (
    *("JobId", "Status", "Operation", "Description", "Priority", "CreationTime"),
    *("TerminationDate", "AutoManifestStatus", "NumberOfTasksFailed", "Odd"),
)
TEXTS = st.sampled_from(
    ["", " ", "x", "Active", "complete", "7", "member", "2026-11-20T12:00:00Z", "é&amp;", "&#13;"]
)
LEAVES = st.tuples(st.sampled_from(ELEMENTS), TEXTS).map(
    lambda pair: "<{0}>{1}</{0}>".format(*pair)
)
GROUPS = st.lists(LEAVES, max_size=3).map(
    lambda inside: f"<ProgressSummary>{''.join(inside)}</ProgressSummary>"
)
MEMBERS = st.tuples(
    st.sampled_from("abcdef"), st.lists(LEAVES | GROUPS | st.just("<Status/>"), max_size=5)
).map(lambda pair: "".join([*pair[1], f"<JobId>{pair[0]}</JobId>"]))


def whole(body: str) -> JobPage:
    """The same page by the slow way: a comment at its end is harmless, and forbids every shortcut."""
    return read(body + "<!-- -->")


@given(members=st.lists(MEMBERS, max_size=8), between=st.sampled_from(["", "\n  "]))
@example(members=[f"<Status>{text}</Status><Status/><JobId>a</JobId>" for text in "xy"], between="")
@example(
    members=["<Status>x</Status><JobId>a</JobId>", "<Priority/><Status/><JobId>a</JobId>"],
    between="",
)
def test_the_quick_way_reads_what_the_slow_way_reads(members: list[str], between: str) -> None:
    body = page_of(*members, token="t", between=between)
    assert plain(read(body)) == whole(body).jobs
    assert read(body).next_token == "t"


@given(data=st.data(), members=st.lists(MEMBERS, max_size=8), between=st.sampled_from(["", "\n  "]))
def test_a_page_read_with_any_knowledge_says_what_it_says_without(
    data: st.DataObject, members: list[str], between: str
) -> None:
    body = page_of(*members, token="t", between=between)
    full = read(body)
    prints = sorted({job.fingerprint for job in full.jobs} - {0})
    chosen = data.draw(st.sets(st.sampled_from(prints))) if prints else set()
    slots = {each: slot for slot, each in enumerate(sorted(chosen))}
    part = read(body, Known(seed=SEED, slots=slots))
    assert part.jobs == tuple(job for job in full.jobs if job.fingerprint not in slots)
    assert part.unchanged == tuple(
        slots[job.fingerprint] for job in full.jobs if job.fingerprint in slots
    )
    assert part.next_token == full.next_token


# ── hostile documents ───────────────────────────────────────────────────────────────────────────

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE: dict[str, str | bytes] = {
    "nothing": b"",
    "blanks": b" \n",
    "no XML": b"\x89PNG\r\n",
    "another root": "<ListBucketResult><Jobs/></ListBucketResult>",
    "an error with 200": "<Error><Code>InternalError</Code></Error>",
    "HTML": "<html><body>please log in</body></html>",
    "document type": "<!DOCTYPE ListJobsResult><ListJobsResult/>",
    "billion laughs": f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><ListJobsResult>&l9;</ListJobsResult>',
    "outer entity": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><ListJobsResult>&x;</ListJobsResult>',
    "undefined entity": page_of("<JobId>&x;</JobId>"),
    "billion laughs in UTF-16": f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><r>&l9;</r>'.encode(
        "utf-16"
    ),
    "deep": "<a>" * 100_000,
    "deep inside": page_of(member("a", "<b>" * 40 + "</b>" * 40)),
    "endless attribute": "<ListJobsResult x='" + "a" * (SIZE_LIMIT - 100),
    "many attributes": "<ListJobsResult " + " ".join(f"a{n}=''" for n in range(100_000)),
    "many elements": "<ListJobsResult>" + "<a/>" * 200_000 + "</ListJobsResult>",
    "too large": page_of(member("a"), between=" " * SIZE_LIMIT),
    "bad UTF-8": page_of(member("a")).encode().replace(b"Active", b"\xff\xfe"),
    "control character": page_of(member("a\x01")),
    "unknown encoding": page_of(A, head="<?xml version='1.0' encoding='no-such-thing'?>"),
    "encoding that is no text": page_of(A, head="<?xml version='1.0' encoding='hex'?>"),
    "two roots": page_of(A) * 2,
    "rubbish behind": page_of(A) + "<",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_page_is_malformed_and_nothing_else(body: str | bytes) -> None:
    with pytest.raises(Malformed):
        read(body)
    with pytest.raises(Malformed):
        describe(body)


@pytest.mark.parametrize("name", ["listing", "listing_pretty", "listing_with_prefix"])
def test_a_page_cut_anywhere_is_an_error_and_never_a_shorter_page(name: str) -> None:
    body = sample(name).body.rstrip()
    known = knowing(read(body))
    for length in range(len(body)):
        for knowledge in (None, known):
            with pytest.raises(Malformed):
                read(body[:length], knowledge)


def test_a_detail_cut_anywhere_is_an_error() -> None:
    body = sample("detail_failed").body.rstrip()
    for length in range(len(body)):
        with pytest.raises(Malformed):
            describe(body[:length], THAW.id)


@given(
    st.binary(max_size=200) | st.binary(max_size=60).map(lambda each: page_of(A).encode() + each)
)
def test_any_bytes_are_a_page_or_malformed(body: bytes) -> None:
    for reader in (read, describe):
        with contextlib.suppress(Malformed):
            reader(body)


@given(data=st.data())
def test_a_page_with_bytes_changed_is_a_page_or_malformed(data: st.DataObject) -> None:
    body = bytearray(sample("listing").body)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.sampled_from(b"<>&/!? \0a\xff\"'"))
    try:
        page = read(bytes(body))
    except Malformed:
        return
    try:
        assert plain(page) == read(bytes(body) + b"<!-- -->").jobs
    except Malformed:
        pytest.fail("the quick way read what the slow way refuses")


# ── memory ──────────────────────────────────────────────────────────────────────────────────────


def test_a_thousand_pages_leave_nothing_behind() -> None:
    body = page_of(*(member(str(n)) for n in range(200))).encode()
    odd = body + b"<!-- -->"
    broken = body[:-20]

    def sweep(pages: Iterable[bytes]) -> None:
        for each in pages:
            with contextlib.suppress(Malformed):
                read(each)

    gc.collect()
    gc.disable()
    try:
        sweep((body, odd, broken) * 20)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sweep((body, odd, broken) * 333)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 4 * 1024  # KiB; one kept parser per page would be a hundred megabytes
    finally:
        gc.enable()


def test_a_parser_is_freed_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for body in (page_of(A), page_of(A) + "<!-- -->"):
            read(body)
        assert gc.collect() == 0
        assert len(gc.get_objects()) <= before + 1
    finally:
        gc.enable()
