"""Where the store lives."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class SqliteSettings(BaseModel):
    """One file on a local disk: the embedded default, for one daemon."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sqlite"] = "sqlite"
    path: Path = Path("jobwatch.db")


class PostgresSettings(BaseModel):
    """A PostgreSQL database, for several replicas. `dsn` as libpq reads it: `postgresql://user:password@host/db`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["postgres"]
    dsn: SecretStr


StoreSettings: TypeAlias = Annotated[SqliteSettings | PostgresSettings, Field(discriminator="kind")]
