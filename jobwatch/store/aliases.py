"""Names that receivers had before, by which they may be told still.

Law: a name that is configured is nobody else's former name.
"""

import json
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, insert, select

from jobwatch.store.tables import meta

_KEY = "receivers_renamed"


def known(connection: Connection) -> dict[str, str]:
    """The present name of every former one."""
    found = connection.scalar(select(meta.c.value).where(meta.c.key == _KEY))
    return json.loads(found) if found else {}


def add(connection: Connection, renamed: Mapping[str, str], configured: Collection[str]) -> None:
    """Note new names by old ones; who was renamed twice is found under both."""
    before = {old: renamed.get(new, new) for old, new in known(connection).items()}
    names = {old: new for old, new in (before | dict(renamed)).items() if old not in configured}
    connection.execute(delete(meta).where(meta.c.key == _KEY))
    connection.execute(insert(meta).values(key=_KEY, value=json.dumps(names)))
