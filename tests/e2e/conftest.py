"""What several of these tests stand on: the image, built once for all of them."""

from collections.abc import Iterator

import pytest

from tests.deploying.image import IMAGE, Engine, engine


@pytest.fixture(scope="session")
def built() -> Iterator[Engine]:
    with engine() as made:
        yield made
        print(f"\nimage: {made.took} s, {made.inspect('image', IMAGE)['Size'] // 10**6} MB")
