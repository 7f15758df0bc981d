"""Which keys a source signs with, as its owner writes it down, and what may be a key at all."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    SecretStr,
    StringConstraints,
    model_validator,
)

from jobwatch.providers.endpoint import read_endpoint

METADATA_ENDPOINT = "http://metadata.tencentyun.com"
"""Where a CVM asks about itself (https://cloud.tencent.com/document/product/213/4934); it speaks no TLS."""
STS_ENDPOINT = "https://sts.tencentcloudapi.com"
"""The security token service (https://cloud.tencent.com/document/product/1312/73070)."""

KEY_LIMIT = 4 * 1024
TOKEN_LIMIT = 16 * 1024
"""Both four times what https://www.tencentcloud.com/document/product/1150/49457 promises at most, in characters."""


def wrong_key(text: str, *, limit: int = TOKEN_LIMIT) -> str | None:
    """Say what is wrong with a key or token without showing it; None when nothing is.

    Keys travel in headers, so whatever could end a header early is refused.
    """
    if not text:
        return "is empty"
    if text != text.strip():
        return "begins or ends with a blank"
    if len(text) > limit:
        return f"is longer than {limit} characters, too long for a key"
    if not (text.isascii() and text.isprintable()):
        return "holds a line break or another character that no key has"
    return None


def _whole(value: SecretStr) -> SecretStr:
    """Refuse what a paste leaves behind: Tencent Cloud's own SDKs refuse blanks round a key, too."""
    text = value.get_secret_value()
    if not text or text != text.strip():
        raise ValueError("must not be empty, nor begin or end with a blank")
    wrong = wrong_key(text)
    if wrong is not None:
        raise ValueError(f"cannot be used: it {wrong}")
    return value


Key = Annotated[SecretStr, AfterValidator(_whole)]
RoleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+=,.@_-]{1,128}$")]

_FIELDS = ("secret_id", "secret_key", "token")


class CredentialsSettings(BaseModel):
    """`{}` looks for keys where Tencent Cloud's tools do; `use` names one such place; else the keys themselves.

    Every key can stand in a file instead, which is read again when it changes. `token` belongs to temporary keys.
    `role` is the CVM role to take, None for the first that is bound.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    use: Literal["environment", "profile", "cvm-role", "tke-oidc"] | None = None
    """Take keys from this place only. `environment`: `TENCENTCLOUD_SECRET_ID`, `TENCENTCLOUD_SECRET_KEY`,
    `TENCENTCLOUD_TOKEN`. `profile`: `~/.tencentcloud/credentials`, the same under `/etc`, and the file of `tccli`.
    `tke-oidc`: the role of the pod. `cvm-role`: the role that is bound to the machine. Null tries them in this order
    and takes the first that has something.
    """
    secret_id: Key | None = None
    """The id of a key, instead of a place to look for one. It needs `secret_key`."""
    secret_id_file: Path | None = None
    """A file that holds the id; instead of `secret_id`."""
    secret_key: Key | None = None
    """The key itself."""
    secret_key_file: Path | None = None
    """A file that holds the key; instead of `secret_key`."""
    token: Key | None = None
    """The token that belongs to temporary keys."""
    token_file: Path | None = None
    """A file that holds the token; instead of `token`."""
    role: RoleName | None = None
    """`cvm-role`: the name of the role. Null takes the first that is bound: a machine has one."""
    metadata_endpoint: Annotated[str, AfterValidator(partial(read_endpoint, plain=True))] = (
        METADATA_ENDPOINT
    )
    """`cvm-role`: the address of the metadata service, which a CVM asks about itself. The service has no TLS, so http
    is allowed here.
    """
    sts_endpoint: Annotated[str, AfterValidator(read_endpoint)] = STS_ENDPOINT
    """`tke-oidc`: the address of the service that exchanges the pod's token for keys."""

    @property
    def explicit(self) -> bool:
        """Whether the keys, or the files they stand in, are written down here."""
        return self._has("secret_id")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name in _FIELDS:
            if getattr(self, name) is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"give {name} or {name}_file, not both")
        if self._has("secret_id") != self._has("secret_key"):
            raise ValueError("secret_id and secret_key belong together: give both or neither")
        if self._has("token") and not self._has("secret_id"):
            raise ValueError("a token needs the secret_id and secret_key that it was issued with")
        if self.use is not None and self.explicit:
            raise ValueError("give either `use` or the keys themselves, not both")
        return self

    def _has(self, name: str) -> bool:
        return getattr(self, name) is not None or getattr(self, f"{name}_file") is not None
