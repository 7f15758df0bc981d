"""Key files of Tencent Cloud's own tools: the SDKs' ini file and the JSON file of `tccli`.

Their shapes are those of the tools' own code: `tencentcloud/common/credential.py` of TencentCloud/tencentcloud-sdk-python
and `tccli/oauth.py` of TencentCloud/tencentcloud-cli. Every reader takes the whole text, and its errors name what is
missing and nothing that stands there.
"""

import configparser

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials
from jobwatch.providers.issued_keys import parse, read_expiry
from jobwatch.providers.keys import KEY_LIMIT, TOKEN_LIMIT, wrong_key

KIND = "profile"
SECTION = "default"
BYTE_ORDER_MARK = "\ufeff"


def read_ini(text: str) -> Credentials:
    """Read `secret_id` and `secret_key` under `[default]`, and `token` where there is one. Raises `NoCredentials`."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    if not _parsed(parser, text):
        raise NoCredentials("cannot be read as an ini file")
    if not parser.has_section(SECTION):
        raise NoCredentials(f"has no section [{SECTION}]")
    section = parser[SECTION]
    return Credentials(
        secret_id=_key("secret_id", section.get("secret_id"), KEY_LIMIT),
        secret_key=_key("secret_key", section.get("secret_key"), KEY_LIMIT),
        token=_token("token", section.get("token")),
        kind=KIND,
    )


def read_tccli(text: str) -> Credentials:
    """Read `secretId`, `secretKey`, `token` and, after `tccli auth login`, `expiresAt`. Raises `NoCredentials`."""
    document = parse(text.removeprefix(BYTE_ORDER_MARK))
    if not isinstance(document, dict):
        raise NoCredentials("cannot be read as a JSON object")
    return Credentials(
        secret_id=_key("secretId", document.get("secretId"), KEY_LIMIT),
        secret_key=_key("secretKey", document.get("secretKey"), KEY_LIMIT),
        token=_token("token", document.get("token")),
        kind=KIND,
        expires_at=read_expiry(document.get("expiresAt")),
    )


def _parsed(parser: configparser.ConfigParser, text: str) -> bool:
    """Whether the text could be parsed. The parser's own errors quote the lines, so none is left behind."""
    try:
        parser.read_string(text.removeprefix(BYTE_ORDER_MARK))
    except configparser.Error:
        return False
    return True


def _token(name: str, value: object) -> str | None:
    return None if value in (None, "", '""', "''") else _key(name, value, TOKEN_LIMIT)


def _key(name: str, value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise NoCredentials(f"has no {name}")
    key = value.strip()
    if len(key) > 1 and key[0] == key[-1] and key[0] in "\"'":
        key = key[1:-1]  # the SDK's own example writes quotes
    wrong = wrong_key(key, limit=limit)
    if wrong is not None:
        raise NoCredentials(f"has a {name} that {wrong}")
    return key
