"""What is not read again of a page, and that nobody can tell."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from jobwatch.core.codec import Known
from jobwatch.core.model import JobPage
from tests.cos_samples import SEED, knowing, member, page_of, plain, read, sample

TOKEN = "7c90d1e2-83b6-4a55-8f1e-2d4b6a8c0e13"


def whole(body: str) -> JobPage:
    """The same page by the slow way: a comment at its end is harmless, and forbids every shortcut."""
    return read(body + "<!-- -->")


@pytest.mark.parametrize("name", ["listing", "listing_pretty", "listing_with_namespace"])
def test_known_members_are_not_read_again_and_the_token_still_is(name: str) -> None:
    body = sample(name).body
    first = read(body)
    again = read(body, knowing(first, 7))
    assert again == JobPage(jobs=(), unchanged=(7, 8), next_token=TOKEN)


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
    "second end": page_of(A + "<member id='1'></member>"),
    "second end behind": page_of(A).replace(
        "</Jobs>", "</Jobs><NextToken><member a=''></member></NextToken>"
    ),
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


def test_members_of_something_else_are_no_jobs() -> None:
    body = (
        page_of(A).replace("<Jobs>", "<Jobs><NextToken>").replace("</Jobs>", "</NextToken></Jobs>")
    )
    assert read(body).jobs == ()
    assert read(page_of(A).replace("Jobs>", "NextToken>")).jobs == ()


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
