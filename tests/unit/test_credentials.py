"""Where a source's keys come from: what is written down, the environment, and the chain of places."""

from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.credentials import TOKEN_NAMES, KeyFacts, open_credentials
from tests.keys_rig import settings, world, write

ENVIRON = {"TENCENTCLOUD_SECRET_ID": "id-e", "TENCENTCLOUD_SECRET_KEY": "key-e"}
FROM_ENVIRON = Credentials(secret_id="id-e", secret_key="key-e", kind="environment")
TKE = {
    "TKE_REGION": "ap-guangzhou",
    "TKE_PROVIDER_ID": "cls-provider",
    "TKE_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token",
    "TKE_ROLE_ARN": "qcs::cam::uin/100000000001:roleName/pod",
}


async def test_keys_in_the_configuration_win_over_the_environment(tmp_path: Path) -> None:
    source = open_credentials(
        settings(secret_id="id-c", secret_key="key-c"), world(tmp_path, ENVIRON)
    )
    assert source.facts is None
    assert await source.current() == Credentials(secret_id="id-c", secret_key="key-c")
    assert source.facts == KeyFacts(kind="configuration")
    assert source.take_problems() == ()


@pytest.mark.parametrize("use", [{}, {"use": "environment"}], ids=["nothing said", "said"])
async def test_the_environment_is_used(tmp_path: Path, use: dict[str, object]) -> None:
    source = open_credentials(settings(**use), world(tmp_path, ENVIRON))
    assert await source.current() == FROM_ENVIRON
    assert source.facts == KeyFacts(kind="environment")
    assert source.take_problems() == ()


@pytest.mark.parametrize("first", range(len(TOKEN_NAMES)))
async def test_the_token_is_the_first_that_is_set(tmp_path: Path, first: int) -> None:
    tokens = {name: f"token of {name}" for name in TOKEN_NAMES[first:]}
    source = open_credentials(settings(), world(tmp_path, ENVIRON | tokens))
    assert (await source.current()).token == f"token of {TOKEN_NAMES[first]}"


async def test_an_empty_variable_counts_as_not_set_and_blanks_are_cut_off(tmp_path: Path) -> None:
    environ = ENVIRON | {"TENCENTCLOUD_SECRET_KEY": "key-e\n", "TENCENTCLOUD_TOKEN": " "}
    assert await open_credentials(settings(), world(tmp_path, environ)).current() == FROM_ENVIRON


@pytest.mark.parametrize("use", [{}, {"use": "environment"}], ids=["chain", "environment"])
@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"TENCENTCLOUD_SECRET_ID": "canary"}, "TENCENTCLOUD_SECRET_KEY not set"),
        ({"TENCENTCLOUD_SECRET_KEY": "canary"}, "TENCENTCLOUD_SECRET_ID not set"),
        ({"TENCENTCLOUD_TOKEN": "canary"}, "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"),
        (ENVIRON | {"TENCENTCLOUD_SECRET_ID": "can\r\nary"}, "TENCENTCLOUD_SECRET_ID holds a line"),
        (ENVIRON | {"TENCENTCLOUD_TOKEN": "c" * 17_000}, "TENCENTCLOUD_TOKEN is longer than"),
    ],
    ids=["no key", "no id", "token alone", "control character", "too long"],
)
async def test_half_an_environment_is_a_mistake_and_no_reason_to_look_elsewhere(
    tmp_path: Path, use: dict[str, object], environ: dict[str, str], named: str
) -> None:
    write(tmp_path / "home/.tencentcloud/credentials", "[default]\nsecret_id=a\nsecret_key=b\n")
    with pytest.raises(NoCredentials, match=named) as caught:
        await open_credentials(settings(**use), world(tmp_path, environ)).current()
    assert "canary" not in str(caught.value)
    assert "ary" not in str(caught.value)
    assert "profile" not in str(caught.value)


async def test_where_nothing_is_one_message_lists_every_place_and_what_is_missing(
    tmp_path: Path,
) -> None:
    source = open_credentials(settings(), world(tmp_path))
    with pytest.raises(NoCredentials) as caught:
        await source.current()
    told = str(caught.value)
    assert "\n" not in told
    places = ["environment:", "profile:", "tke-oidc:", "cvm-role:", "provider.credentials"]
    assert sorted(places, key=told.index) == places
    for name in (
        *("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TKE_ROLE_ARN"),
        *(".tencentcloud/credentials", ".tccli/default.credential"),
        "the metadata service gave no answer: metadata.tencentyun.com: the name has no address",
    ):
        assert name in told
    assert source.facts is None
    assert source.take_problems() == ()


async def test_a_chain_without_keys_has_none_to_renew(tmp_path: Path) -> None:
    source = open_credentials(settings(), world(tmp_path))
    assert await source.renewed(FROM_ENVIRON) is None
    assert (await source.refresh()).total_seconds() == 60


@pytest.mark.parametrize(
    ("use", "named"),
    [
        ("environment", "environment: TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"),
        ("profile", "profile: there is no "),
        ("tke-oidc", "tke-oidc: TKE_REGION, TKE_PROVIDER_ID"),
        ("cvm-role", "cvm-role: the metadata service gave no answer"),
    ],
)
async def test_a_place_that_is_named_is_the_only_one_asked(
    tmp_path: Path, use: str, named: str
) -> None:
    write(tmp_path / "home/.tencentcloud/credentials", "[default]\nsecret_id=a\nsecret_key=b\n")
    there = {} if use == "environment" else ENVIRON
    folder = tmp_path / "empty" if use == "profile" else tmp_path
    with pytest.raises(NoCredentials, match=named) as caught:
        await open_credentials(settings(use=use), world(folder, there)).current()
    others = {"environment:", "profile:", "tke-oidc:", "cvm-role:"} - {f"{use}:"}
    assert not [each for each in others if each in str(caught.value)]


@pytest.mark.parametrize("missing", TKE)
async def test_half_of_a_pods_variables_is_a_mistake(tmp_path: Path, missing: str) -> None:
    environ = {name: value for name, value in TKE.items() if name != missing}
    with pytest.raises(NoCredentials, match=f"tke-oidc: {missing} not set"):
        await open_credentials(settings(), world(tmp_path, environ)).current()


async def test_a_pods_token_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoCredentials, match="tke-oidc: the pod's token: /nowhere/token: cannot"):
        await open_credentials(settings(), world(tmp_path, TKE)).current()


async def test_a_token_service_that_does_not_answer_is_no_reason_to_be_the_node(
    tmp_path: Path,
) -> None:
    token = write(tmp_path / "token", "eyJ.canary.x")
    environ = TKE | {"TKE_WEB_IDENTITY_TOKEN_FILE": str(token)}
    with pytest.raises(NoCredentials, match="tke-oidc: the token service gave no answer") as caught:
        await open_credentials(settings(), world(tmp_path, environ)).current()
    assert "cvm-role" not in str(caught.value)


async def test_the_metadata_service_has_two_seconds_and_64_kib(tmp_path: Path) -> None:
    asked: list[tuple[float, int]] = []

    async def send(
        _request: HttpRequest,
        *,
        timeout: timedelta,  # noqa: ASYNC109  the transport's own parameter
        max_body: int,
    ) -> HttpResponse:
        asked.append((timeout.total_seconds(), max_body))
        return HttpResponse(status=404)

    with pytest.raises(NoCredentials, match="no role is bound"):
        await open_credentials(settings(), world(tmp_path, send=send)).current()
    assert asked == [(2.0, 65536)]


async def test_the_place_that_was_found_is_kept_to(tmp_path: Path) -> None:
    environ: dict[str, str] = dict(ENVIRON)
    source = open_credentials(settings(), world(tmp_path, environ))
    await source.current()
    environ.clear()
    write(tmp_path / "home/.tencentcloud/credentials", "[default]\nsecret_id=a\nsecret_key=b\n")
    with pytest.raises(NoCredentials, match="environment"):
        await source.current()


async def test_key_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("secret_id", "secret_key", "token")}
    for name, file in files.items():
        file.write_text(f"{name}-1\n")
    named = {f"{name}_file": file for name, file in files.items()}
    source = open_credentials(settings(**named), world(tmp_path, ENVIRON))
    first = await source.current()
    assert first == Credentials(secret_id="secret_id-1", secret_key="secret_key-1", token="token-1")
    assert await source.renewed(first) is None
    files["secret_key"].write_text("a newer secret_key\n")
    renewed = await source.renewed(first)
    assert renewed is not None
    assert renewed.secret_key == "a newer secret_key"
    assert await source.current() == renewed


@pytest.mark.parametrize("bad", [" canary in front", "can\0ary", "", "c\nanary"])
async def test_a_key_file_that_goes_bad_costs_a_message_and_no_call(
    tmp_path: Path, bad: str
) -> None:
    file = tmp_path / "key"
    file.write_text("good")
    source = open_credentials(settings(secret_id="id-c", secret_key_file=file), world(tmp_path))
    assert (await source.current()).secret_key == "good"
    file.write_text(bad)
    assert (await source.current()).secret_key == "good"
    (problem,) = source.take_problems()
    assert str(file) in problem
    assert "anary" not in problem
    assert source.take_problems() == ()


async def test_a_key_file_that_never_was_there_is_an_error(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    keys = settings(secret_id="id-c", secret_key_file=missing)
    source = open_credentials(keys, world(tmp_path, ENVIRON))
    with pytest.raises(NoCredentials, match="missing"):
        await source.current()
    assert await source.renewed(FROM_ENVIRON) is None
    assert (await source.refresh()).total_seconds() == 60


async def test_nothing_of_a_key_is_shown(tmp_path: Path) -> None:
    environ = dict.fromkeys((*ENVIRON, *TOKEN_NAMES, *TKE), "canary")
    around = world(tmp_path, environ)
    explicit = settings(secret_id="id-canary", secret_key="key-canary", token="token-canary")
    for keys in (explicit, settings()):
        source = open_credentials(keys, around)
        shown = f"{source!r} {await source.current()!r} {source.facts!r} {around!r} {keys!r}"
        assert "canary" not in shown
