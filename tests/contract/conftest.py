"""Both databases, each as real as in production: a SQLite file, and a PostgreSQL server of this session's own."""

import shutil
from collections.abc import AsyncIterator, Iterator

import pytest

from jobwatch.store import Store
from tests.contract.databases import PostgresServer, Stores, migrated_file, start_postgres
from tests.contract.watcher import Clock, Watcher


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer | str]:
    """The server, or the reason why there is none."""
    server = start_postgres()
    yield server
    if isinstance(server, PostgresServer):
        server.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
async def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clock: Clock
) -> AsyncIterator[Stores]:
    """A store of each kind without sources, to be opened as often as a test likes."""
    stores = Stores(clock)
    if request.param == "sqlite":
        template = await migrated_file(tmp_path_factory.getbasetemp())
        path = tmp_path_factory.mktemp("store") / "jobwatch.db"
        shutil.copyfile(template, path)
        stores.use_file(path)
    else:
        await stores.use_server(request.getfixturevalue("postgres_server"))
    yield stores
    await stores.close()


@pytest.fixture
async def store(stores: Stores) -> Store:
    """The store of most tests, open."""
    return await stores.open()


@pytest.fixture
async def prod(store: Store, clock: Clock) -> Watcher:
    """What watches one source of it; a module that wants another says so itself."""
    return await Watcher.start(store, clock)


@pytest.fixture
async def file_stores(
    tmp_path_factory: pytest.TempPathFactory, clock: Clock
) -> AsyncIterator[Stores]:
    """A place for a SQLite file, with nothing in it."""
    stores = Stores(clock)
    stores.use_file(tmp_path_factory.mktemp("store") / "jobwatch.db")
    yield stores
    await stores.close()


@pytest.fixture
async def server_stores(
    postgres_server: PostgresServer | str, clock: Clock
) -> AsyncIterator[Stores]:
    """A database on the server, with nothing in it."""
    stores = Stores(clock)
    await stores.use_server(postgres_server, migrated=False)
    yield stores
    await stores.close()
