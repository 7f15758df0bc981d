"""How this cloud spells what its documentation leaves open: pure.

Each option is yes, no, or None for a mix: then every job (or page) has its own habit, always the
same one, drawn from its name and the seed, as jobs of different ages have in a real account.
"""

from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32


class LastToken(StrEnum):
    """What NextToken is on the last page."""

    ABSENT = "absent"
    EMPTY = "empty"
    ECHO = "echo"  # the last job, and the empty page after it echoes the token asked
    MIX = "mix"  # absent or empty; echo costs a call a walk, so it has to be asked for


class EmptyListing(StrEnum):
    """What a page without jobs says of them."""

    CLOSED = "closed"  # <Jobs/>
    PAIR = "pair"  # <Jobs></Jobs>
    ABSENT = "absent"
    MIX = "mix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """What is chosen where the documentation is silent or contradicts itself.

    `empty_termination`: an empty TerminationDate, not none, on unfinished jobs. `empty_failure`:
    FailureReasons with an empty JobFailure on jobs that did not fail. `hidden_code`: the name of
    a refusal stands in Message, and Code is AccessDenied. `page_size`: no page has more jobs than
    that, whatever maxResults says (it is an upper bound).

    Of CAS: `odd_qcs`: a vault is named as in the sample of the command line tool. `null_marker`: Marker null, not
    absent or empty, on the last page. `nulls`: null for a field without a value, not nothing. `text_sizes`: the size of an
    inventory is a text, as in the sample, not a number, as in the table. `odd_condition`: `If-Umodified-Since`, as the
    page spells it. `escapes`: letters beyond ASCII by their numbers. `spaces` are those between the parts of the JSON.
    """

    seed: int = 0
    declaration: bool | None = None
    namespace: bool | None = None
    auto_manifest: bool | None = None
    spaces: bool | None = None
    empty_termination: bool | None = None
    empty_failure: bool | None = None
    hidden_code: bool | None = None
    odd_qcs: bool | None = None
    null_marker: bool | None = None
    nulls: bool | None = None
    text_sizes: bool | None = None
    odd_condition: bool | None = None
    escapes: bool | None = None
    last_token: LastToken = LastToken.MIX
    empty_listing: EmptyListing = EmptyListing.MIX
    page_size: int = 1000

    def has(self, option: bool | None, name: str, subject: str) -> bool:  # noqa: FBT001 - a value
        """Whether `subject` (a job, a page) has the habit `name`, whose option is `option`."""
        return bool(self._draw(name, subject) & 1) if option is None else option

    def last_token_of(self, subject: str) -> LastToken:
        """What the last page of a walk does about its token."""
        if self.last_token is not LastToken.MIX:
            return self.last_token
        odd = self._draw("last_token", subject) & 1
        return LastToken.EMPTY if odd else LastToken.ABSENT

    def empty_listing_of(self, subject: str) -> EmptyListing:
        """What an empty page looks like."""
        if self.empty_listing is not EmptyListing.MIX:
            return self.empty_listing
        choices = (EmptyListing.CLOSED, EmptyListing.PAIR, EmptyListing.ABSENT)
        return choices[self._draw("empty_listing", subject) % 3]

    def _draw(self, name: str, subject: str) -> int:
        # Shifted, because the low bits of a CRC of texts that differ little are related.
        return crc32(f"{subject}/{name}/{self.seed}".encode()) >> 11


PLAIN = Quirks(
    declaration=False,
    namespace=False,
    auto_manifest=False,
    spaces=False,
    empty_termination=False,
    empty_failure=True,
    hidden_code=False,
    odd_qcs=False,
    null_marker=True,
    nulls=True,
    text_sizes=True,
    odd_condition=True,
    escapes=False,
    last_token=LastToken.ABSENT,
    empty_listing=EmptyListing.CLOSED,
)
"""The samples of the documentation, word for word."""
