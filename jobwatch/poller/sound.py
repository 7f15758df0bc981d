"""Which scopes of a sweep were read to their end.

Law: a scope that broke proves nothing about its own jobs, and keeps nobody from reading the others. What concerns the
whole source (no answer, no keys, too many calls) ends the sweep at once, and so does anything where there is one scope.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from jobwatch.core.errors import (
    ApiError,
    BrokenScopes,
    BrokenWalk,
    Denied,
    Malformed,
    NoSuchJob,
    Rejected,
)

OF_ONE_SCOPE = (BrokenWalk, Denied, Malformed, NoSuchJob, Rejected)


class Sound:
    """The scopes of one sweep, and those `broken` so far, each with the first error it gave."""

    def __init__(self, scopes: Iterable[str]) -> None:
        self._scopes = frozenset(scopes)
        self.broken: dict[str, ApiError | BrokenWalk] = {}

    def __contains__(self, scope: str) -> bool:
        return scope in self._scopes and scope not in self.broken

    @contextmanager
    def trying(self, scope: str) -> Iterator[None]:
        """Read a list of a scope. What breaks one of several is kept here, anything else is raised."""
        try:
            yield
        except OF_ONE_SCOPE as error:
            if len(self._scopes) == 1:
                raise
            self.broken.setdefault(scope, error)

    def prove(self) -> None:
        """Raise `BrokenScopes` unless every scope was read to its end."""
        if self.broken:
            raise BrokenScopes(self.broken)
