"""The signature against published vectors, against the official SDK, and against itself."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qcloud_cos import CosConfig
from qcloud_cos.cos_auth import CosS3Auth

from jobwatch.core.codec import Credentials, Signing
from jobwatch.core.http import HttpRequest
from jobwatch.providers.signing import Canon, encode, sign, verify

KEYS = Credentials(secret_id="example-secret-id", secret_key="example-secret-key")
TOKEN = "TOKEN+with/slash==and~tilde"
TEMPORARY = replace(KEYS, token=TOKEN)
NOW = datetime.fromtimestamp(1700000060, UTC)
TTL = timedelta(seconds=3540)
COS = "https://100000000001.cos-control.ap-chengdu.myqcloud.com"
CAS = "https://cas.ap-chengdu.myqcloud.com"
JOB = "/jobs/021140d8-67ca-4e89-8089-0de9a1e40943"
APPID = {"x-cos-appid": "1250000000"}


def signed(
    target: str,
    headers: Mapping[str, str] = APPID,
    *,
    method: str = "GET",
    keys: Credentials = KEYS,
    canon: Canon = Canon.AS_SENT,
    ttl: timedelta = TTL,
) -> HttpRequest:
    base = CAS if canon is Canon.LOWERCASE else COS
    request = HttpRequest(method=method, url=base + target, headers=headers)
    return sign(request, Signing(credentials=keys, now=NOW), canon=canon, ttl=ttl)


def signature(request: HttpRequest) -> str:
    return request.headers["Authorization"].rpartition("q-signature=")[2]


AWKWARD = "a%2Fb%2Bc+d%3D%26%3B~%2A%27%28%21%29%C3%A9"
VECTORS = [
    ("/jobs", KEYS, "9debf7d75710744f605333b9d7601bdcdca41997"),
    ("/jobs?jobStatuses=Active&maxResults=1000", KEYS, "b280e1283f1a6f24fe6980674cef3b4f3d71f627"),
    (
        f"/jobs?jobStatuses=Active%2CReady%2CSuspended&maxResults=2&nextToken={AWKWARD}",
        KEYS,
        "e0652306d7728a9caf04a16550989b8f9e1bd5eb",
    ),
    (JOB, TEMPORARY, "80322614d78651365021946b737cdd68c1c91697"),
    (
        "/jobs?jobStatuses=Active%7CReady&nextToken=021140d8-67ca-4e89-8089-0de9a1e40943",
        TEMPORARY,
        "e7fe0bc6d2c6aca66616c70a5a499d538bd5f230",
    ),
]
"""Made with cos-python-sdk-v5 1.9.44 and cos-nodejs-sdk-v5 3.0.0, which agree."""


@pytest.mark.parametrize(("target", "keys", "expected"), VECTORS)
def test_cos_requests_have_the_signature_of_the_official_sdks(
    target: str, keys: Credentials, expected: str
) -> None:
    assert signature(signed(target, keys=keys)) == expected


def test_a_whole_authorization_header_is_spelled_as_the_official_sdk_spells_it() -> None:
    request = signed("/jobs?jobStatuses=Active&maxResults=1000")
    assert request.headers["Authorization"] == (
        "q-sign-algorithm=sha1&q-ak=example-secret-id&q-sign-time=1700000000;1700003600"
        "&q-key-time=1700000000;1700003600&q-header-list=host;x-cos-appid"
        "&q-url-param-list=jobstatuses;maxresults"
        "&q-signature=b280e1283f1a6f24fe6980674cef3b4f3d71f627"
    )


def test_a_post_signs_its_length() -> None:
    target = f"{JOB}/status?requestedJobStatus=Ready&statusUpdateReason=ok+go"
    request = signed(target, {**APPID, "Content-Length": "0"}, method="POST")
    assert signature(request) == "9b82e6cce6ea283adfd8a3f689d22c0d648dca18"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/-/vaults?limit=1000", "ba8676864ef3a7c0706b817f69e34a689fa908d1"),
        (
            "/-/vaults/backup_1/jobs?completed=false&limit=10&statuscode=InProgress",
            "8a27173e50cbfcfd57df6fcc346b718ad0d5204a",
        ),
        (
            "/1250000000/vaults/backup_1/jobs?marker=aB/c%2Bd%20e%7E_-.%2A&limit=10",
            "24a3eb78e730fc672c7c455479265be49cbd2a02",
        ),
        ("/-/vaults/backup_1/jobs/oCXakLH-Job_ID-01", "c884cab5121bb869631d8e1c91c9739611d1e8a6"),
        ("/-/vaults/backup_1/jobs", "e3213caaa74bd0ed43d5f8ee1f9c5672320d2aea"),
    ],
)
def test_cas_requests_have_the_signature_of_its_python_sdk(target: str, expected: str) -> None:
    ttl = timedelta(seconds=1140)
    request = signed(target, {}, canon=Canon.LOWERCASE, ttl=ttl)
    assert signature(request) == expected
    assert verify(request, KEYS, canon=Canon.LOWERCASE, now=NOW) is None


def test_an_empty_value_has_no_equals_sign_for_cas_and_has_one_for_cos() -> None:
    cas_bare, cos_bare, cas_empty, cos_empty = (
        signature(signed(target, {"Host": "same.example.com"}, canon=canon))
        for target in ("/-/vaults?marker", "/-/vaults?marker=")
        for canon in (Canon.LOWERCASE, Canon.AS_SENT)
    )
    assert cas_bare == cas_empty
    assert cos_bare == cos_empty
    assert cas_bare != cos_bare


HOST = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com"
DOCUMENTED = Credentials(
    secret_id="AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q", secret_key="BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz"
)


@pytest.mark.parametrize(
    ("request_", "claim"),
    [
        (
            HttpRequest(
                method="GET",
                url=f"https://{HOST}/exampleobject(%E8%85%BE%E8%AE%AF%E4%BA%91)"
                "?response-content-type=application%2Foctet-stream"
                "&response-cache-control=max-age%3D600",
                headers={"Date": "Thu, 16 May 2019 06:55:53 GMT", "Host": HOST},
            ),
            (
                "1557989753;1557996953",
                "date;host",
                "response-cache-control;response-content-type",
                "01681b8c9d798a678e43b685a9f1bba0f6c0e012",
            ),
        ),
        (
            HttpRequest(
                method="PUT",
                url=f"https://{HOST}/exampleobject(%E8%85%BE%E8%AE%AF%E4%BA%91)",
                headers={
                    "Date": "Thu, 16 May 2019 06:45:51 GMT",
                    "Host": HOST,
                    "Content-Type": "text/plain",
                    "Content-Length": "13",
                    "Content-MD5": "mQ/fVh815F3k6TAUm8m0eg==",
                    "x-cos-acl": "private",
                    "x-cos-grant-read": 'uin="100000000011"',
                },
            ),
            (
                "1557989151;1557996351",
                "content-length;content-md5;content-type;date;host;x-cos-acl;x-cos-grant-read",
                "",
                "3b8851a11a569213c17ba8fa7dcf2abec6935172",
            ),
        ),
    ],
    ids=["download", "upload"],
)
def test_the_documents_own_examples_verify(
    request_: HttpRequest, claim: tuple[str, str, str, str]
) -> None:
    """https://cloud.tencent.com/document/product/436/7778; the page masks the signatures' last four digits."""
    window, headers, parameters, digest = claim
    authorization = (
        f"q-sign-algorithm=sha1&q-ak={DOCUMENTED.secret_id}"
        f"&q-sign-time={window}&q-key-time={window}&q-header-list={headers}"
        f"&q-url-param-list={parameters}&q-signature={digest}"
    )
    request = replace(request_, headers={**request_.headers, "Authorization": authorization})
    assert verify(request, DOCUMENTED, now=datetime(2019, 5, 16, 7, 0, tzinfo=UTC)) is None


def test_the_go_sdks_own_vector_is_reproduced() -> None:
    host = "testbucket-125000000.cos.ap-guangzhou.myqcloud.com"
    keys = Credentials(
        secret_id="QmFzZTY0IGlzIGEgZ2VuZXJp", secret_key="AKIDZfbOA78asKUYBcXFrJD0a1ICvR98JM"
    )
    start, end = (datetime.fromtimestamp(each, UTC) for each in (1480932292, 1481012292))
    request = HttpRequest(
        method="PUT",
        url=f"http://{host}/testfile2",
        headers={
            "x-cos-content-sha1": "db8ac1c259eb89d4a131b253bacfca5f319d54f2",
            "x-cos-stroage-class": "nearline",
        },
    )
    signing = Signing(credentials=keys, now=start)
    done = sign(request, signing, start_early=timedelta(), ttl=end - start)
    assert signature(done) == "ce4ac0ecbcdb30538b3fee0a97cc6389694ce53a"


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
QUERIES = st.dictionaries(NAMES.map(str.lower), TEXT | st.just("a b!'()*~"), max_size=4)


class _Frozen:
    """The clock of the SDK's module, stopped."""

    @staticmethod
    def time() -> float:
        return NOW.timestamp()


class _Prepared:
    """What the SDK's signer looks at in a prepared request."""

    def __init__(self, request: HttpRequest) -> None:
        self.method, self.url, self.headers = request.method, request.url, dict(request.headers)


def official(request: HttpRequest, path: str, query: Mapping[str, str]) -> str:
    config = CosConfig(Region="ap-chengdu", SecretId=KEYS.secret_id, SecretKey=KEYS.secret_key)
    signer = CosS3Auth(config, key=path, params=dict(query), expire=3540)
    return str(signer(_Prepared(request)).headers["Authorization"])


@pytest.fixture(scope="module", autouse=True)
def _stopped_clock() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qcloud_cos.cos_auth.time", _Frozen)
        yield


@given(query=QUERIES, job=TEXT.filter(bool))
def test_any_query_and_path_is_signed_as_the_official_sdk_signs_it(
    query: dict[str, str], job: str
) -> None:
    text = "&".join(f"{name}={encode(value)}" for name, value in query.items())
    url = f"http://127.0.0.1:8080/jobs/{encode(job)}?{text}"
    request = HttpRequest(method="GET", url=url, headers=APPID)
    done = sign(request, Signing(credentials=KEYS, now=NOW), ttl=TTL)
    bare = {name: value for name, value in done.headers.items() if name != "Authorization"}
    expected = official(replace(request, headers=bare), f"/jobs/{job}", query)
    assert done.headers["Authorization"] == expected


@given(query=QUERIES, token=st.none() | TEXT.filter(bool), canon=st.sampled_from(Canon))
def test_whatever_is_signed_verifies(
    query: dict[str, str], token: str | None, canon: Canon
) -> None:
    text = "&".join(f"{name}={encode(value)}" for name, value in query.items())
    keys = replace(KEYS, token=token)
    assert (
        verify(signed(f"/jobs?{text}", keys=keys, canon=canon), keys, canon=canon, now=NOW) is None
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://cos.example.com/jobs", "cos.example.com"),
        ("https://cos.example.com:443/jobs", "cos.example.com"),
        ("https://cos.example.com:8443/jobs", "cos.example.com:8443"),
        ("http://127.0.0.1:80/jobs", "127.0.0.1"),
        ("http://127.0.0.1:443/jobs", "127.0.0.1:443"),
        ("http://[::1]:8080/jobs", "[::1]:8080"),
    ],
)
def test_the_host_is_sent_and_signed_with_its_port(url: str, host: str) -> None:
    request = HttpRequest(method="GET", url=url, headers=APPID)
    done = sign(request, Signing(credentials=KEYS, now=NOW))
    assert done.headers["Host"] == host
    assert verify(done, KEYS, now=NOW) is None
