"""What of a configuration a command needs: a mistake elsewhere does not keep it from its work.

Law: what says which store is meant, or which accounts its jobs come from, is needed by everybody. A command that shows
or changes the wrong store is worse than none.
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import TypeAlias

from jobwatch.settings.yaml_tree import KeyPath

Needed: TypeAlias = Callable[[KeyPath], bool]
"""Whether what stands at a path has to be right."""

ESSENTIAL = ("store", "sources")
_PROVIDER, _CREDENTIALS = "provider", "credentials"
_SENDING = ("format", "give_up_after")


def everything(_path: KeyPath) -> bool:
    """To watch and to tell: all of it."""
    return True


def to_look(path: KeyPath) -> bool:
    """To look into the store: its place, and which accounts are watched. The path of the whole file is `()`."""
    head = str(path[0]) if path else ""
    if not head or head.startswith("x-"):  # an anchor may stand anywhere
        return True
    meant = get_close_matches(head, ESSENTIAL, n=1, cutoff=0.6)
    return bool(meant) and (meant[0] != "sources" or _names_an_account(path))


def to_send(path: KeyPath) -> bool:
    """To let something be sent again: besides, which receivers there are and how long each is tried."""
    of_receiver = path[:1] == ("receivers",) and (len(path) < 3 or path[2] in _SENDING)  # noqa: PLR2004  receivers, name, key
    return of_receiver or to_look(path)


def _names_an_account(path: KeyPath) -> bool:
    """Whether it says that there is a source, or which listing it is; its keys are for who asks the cloud."""
    below = path[2:]
    return not below or (below[0] == _PROVIDER and below[1:2] != (_CREDENTIALS,))
