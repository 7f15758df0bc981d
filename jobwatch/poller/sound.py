"""Which scopes of a sweep were read to their end.

Law: a scope that broke proves nothing about its own jobs, and keeps nobody from reading the others. What concerns the
whole source (no keys, too many calls) ends the sweep at once, and so does anything where there is one scope. No answer
may be the trouble of a scope or of the source: the next scope tells.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from jobwatch.core.errors import (
    ApiError,
    BrokenScopes,
    BrokenWalk,
    Denied,
    Malformed,
    NoSuchJob,
    Rejected,
    ServerError,
    TransportError,
)

OF_ONE_SCOPE = (BrokenWalk, Denied, Malformed, NoSuchJob, Rejected)

OF_SCOPE_OR_SOURCE = (ServerError, TransportError)
"""A scope that hangs, and a source that does, look alike."""


class Sound:
    """The scopes of one sweep, and those `broken` so far, each with the first error it gave.

    `resumes`: the sweep goes on where it stood, so that a scope that falls silent in the middle is asked again there.
    """

    def __init__(self, scopes: Iterable[str], *, resumes: bool = False) -> None:
        self._scopes = frozenset(scopes)
        self._resumes = resumes
        self.broken: dict[str, ApiError | BrokenWalk | TransportError] = {}
        self._answers = False
        self._silent_before = False

    def __contains__(self, scope: str) -> bool:
        return scope in self._scopes and scope not in self.broken

    @contextmanager
    def trying(self, scope: str) -> Iterator[None]:
        """Read a list of a scope. What breaks one of several is kept here, anything else is raised.

        A scope without an answer is one of several, two in a row are the source.
        """
        self._answers = False
        try:
            yield
        except OF_ONE_SCOPE as error:
            if len(self._scopes) == 1:
                raise
            self._silent_before = False
            self.broken.setdefault(scope, error)
        except OF_SCOPE_OR_SOURCE as error:
            of_source = self._silent_before or (self._resumes and self._answers)
            # Whoever goes on with this sweep begins with this scope, and asks the one behind it as well.
            self._silent_before = not of_source
            if of_source or len(self._scopes) == 1:
                raise
            self.broken.setdefault(scope, error)

    def answered(self) -> None:
        """Note that the present scope gave a page."""
        self._answers, self._silent_before = True, False

    def prove(self, suspect_since: datetime | None) -> None:
        """Raise `BrokenScopes` unless every scope was read to its end; it takes along what was found in the others."""
        if self.broken:
            raise BrokenScopes(self.broken, suspect_since)
