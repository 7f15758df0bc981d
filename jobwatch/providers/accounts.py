"""How a user names what a source watches: the region, and the numbers of accounts."""

from typing import Annotated, TypeAlias

from pydantic import Field, WithJsonSchema

Region: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
"""A region as in a host name, such as `ap-chengdu`."""

Digits: TypeAlias = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,20}$", coerce_numbers_to_str=True),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": "^[0-9]{1,20}$"}, {"type": "integer"}]}
    ),
]
"""The number of an account, as text or as a number."""
