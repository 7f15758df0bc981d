"""Checks that need more than one key: what refers to, or excludes, what; what files hold."""

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from jobwatch.core.errors import ConfigError
from jobwatch.providers import open_provider
from jobwatch.providers.cas import OWN_ACCOUNT
from jobwatch.settings.doubts import doubts, expires_between_sweeps, nothing_expires, unreached
from jobwatch.settings.exposure import http_doubts, http_mistakes
from jobwatch.settings.looking import of_either, of_file
from jobwatch.settings.model import Settings
from jobwatch.settings.problems import Mistake
from jobwatch.settings.receiver_checks import mistakes
from jobwatch.settings.receivers import Receiver
from jobwatch.settings.recipients import url_check
from jobwatch.settings.yaml_tree import KeyPath

_GLOB = re.compile(r"[*?\[]")


class Findings(NamedTuple):
    """What is refused, and what is only doubted."""

    mistakes: list[Mistake]
    doubts: list[Mistake]


def check(
    settings: Settings, source_names: Iterable[str], left_out: Collection[KeyPath] = ()
) -> Findings:
    """Look at what no field can know by itself.

    `source_names` are all that were written. `left_out` are the paths of what was mistaken and left out.
    """
    names, operations = tuple(source_names), _operations(settings)
    found = Findings(
        [
            *_same_account(settings),
            *_unreadable_keys(settings),
            *_outward(settings),
            *http_mistakes(settings),
        ],
        [
            *unreached(settings, settings.heartbeat, ("heartbeat",)),
            *nothing_expires(settings),
            *expires_between_sweeps(settings),
            *http_doubts(settings),
        ],
    )
    for name, receiver in settings.receivers.items():
        path: KeyPath = ("receivers", name)
        known = (*path, "format") not in left_out
        found.mistakes.extend(mistakes(settings, receiver, path, format_known=known))
        found.doubts.extend(doubts(settings, receiver, path))
        for below, globs in _globs(receiver, path, "sources"):
            found.mistakes.extend(_unknown(below, globs, names))
            found.doubts.extend(_matching_nothing(below, globs, names, "source"))
        for below, globs in _globs(receiver, path, "operations"):
            found.doubts.extend(
                _matching_nothing(below, globs, operations, "operation", words_too=True)
            )
    return found


def _operations(settings: Settings) -> tuple[str, ...]:
    providers = [open_provider(source.provider) for source in settings.sources.values()]
    return tuple(dict.fromkeys(word for each in providers for word in each.operations))


def _same_account(settings: Settings) -> Iterator[Mistake]:
    """Two sources on one listing would tell everything twice."""
    first: dict[tuple[str, str, str], str] = {}
    for name, source in settings.sources.items():
        provider = open_provider(source.provider)
        other = first.setdefault((provider.kind, provider.account, provider.region), name)
        if other != name:
            own = provider.account == OWN_ACCOUNT
            hint = ', or write the number of each account instead of "-"' if own else ""
            yield Mistake(
                ("sources", name, "provider"),
                f"watches the same account and region as sources.{other}; keep one of the two{hint}",
            )


def _unreadable_keys(settings: Settings) -> Iterator[Mistake]:
    """Files of a provider's keys, looked into once, so that a wrong path is told at once."""
    for name, source in settings.sources.items():
        credentials = source.provider.credentials
        for key in type(credentials).model_fields:
            file = getattr(credentials, key)
            if isinstance(file, Path):
                yield from of_file(file, ("sources", name, "provider", "credentials", key), None)


def _outward(settings: Settings) -> Iterator[Mistake]:
    """The heartbeat's URL, the proxy, and the certificates that are trusted besides the system's."""
    yield from of_either(settings.heartbeat, "url", ("heartbeat",), url_check(settings))
    egress = settings.egress
    if egress.proxy is None and egress.proxy_file is None and egress.ca_file is None:
        return
    from jobwatch.transport import tls_context, wrong_proxy  # noqa: PLC0415  brings the client

    yield from of_either(egress, "proxy", ("egress",), wrong_proxy)
    if egress.ca_file is not None:
        try:
            tls_context(egress.ca_file)
        except ConfigError as error:
            yield Mistake(("egress", "ca_file"), str(error).removeprefix("egress.ca_file: "))


def _globs(
    receiver: Receiver, path: KeyPath, key: str
) -> Iterator[tuple[KeyPath, tuple[str, ...]]]:
    """The globs of `wants` and of its exceptions under one key."""
    yield (*path, "wants", key), getattr(receiver.wants, key)
    yield (*path, "wants", "except", key), getattr(receiver.wants.except_, key) or ()


def _unknown(path: KeyPath, globs: Iterable[str], known: tuple[str, ...]) -> Iterator[Mistake]:
    for index, glob in enumerate(globs):
        if glob not in known and not _GLOB.search(glob):
            yield Mistake((*path, index), f"there is no such source{_hint(glob, known)}")


def _matching_nothing(
    path: KeyPath,
    globs: Iterable[str],
    known: tuple[str, ...],
    what: str,
    *,
    words_too: bool = False,
) -> Iterator[Mistake]:
    """Doubt a glob that matches nothing known; `words_too` doubts plain words as well."""
    for index, glob in enumerate(globs):
        doubtful = words_too or _GLOB.search(glob)
        if doubtful and not any(fnmatchcase(word, glob) for word in known):
            yield Mistake((*path, index), f"matches no {what} there is{_hint(glob, known)}")


def _hint(word: str, known: tuple[str, ...]) -> str:
    found = get_close_matches(word, known, n=1, cutoff=0.6)
    if found:
        return f'; did you mean "{found[0]}"?'
    return f"; there are {', '.join(known)}" if known else ""
