"""Where the store lives."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class SqliteSettings(BaseModel):
    """One file on a local disk: the embedded default, for one daemon."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sqlite"] = "sqlite"
    """`sqlite` is embedded: one file, no server, one daemon. The key may be left out."""
    path: Path = Path("jobwatch.db")
    """The file. It has to be on a local disk, because locks do not work on network file systems, and its folder has to
    be writable. The container image uses `/var/lib/jobwatch/jobwatch.db`.
    """


class PostgresSettings(BaseModel):
    """A PostgreSQL database, for several replicas. `dsn` as libpq reads it: `postgresql://user:password@host/db`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["postgres"]
    """`postgres` is a database server, for several replicas."""
    dsn: SecretStr
    """Where the database is, as libpq reads it, with its password: `postgresql://user:password@host/db`."""


StoreSettings: TypeAlias = Annotated[SqliteSettings | PostgresSettings, Field(discriminator="kind")]
