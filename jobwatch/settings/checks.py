"""Checks that need more than one key: what refers to, or excludes, what; what files hold."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from jobwatch.core.errors import ConfigError
from jobwatch.providers import open_provider
from jobwatch.secret_files import Check, read_secret_file
from jobwatch.settings.model import Settings
from jobwatch.settings.problems import Mistake
from jobwatch.settings.receivers import Receiver, wrong_header_value
from jobwatch.settings.recipients import MAKE_ONE, secret_check, wrong_url
from jobwatch.settings.yaml_tree import KeyPath

_GLOB = re.compile(r"[*?\[]")


class Findings(NamedTuple):
    """What is refused, and what is only doubted."""

    mistakes: list[Mistake]
    doubts: list[Mistake]


def check(settings: Settings, source_names: Iterable[str]) -> Findings:
    """Look at what no field can know by itself; `source_names` are all that were written."""
    names = tuple(source_names)
    operations = _operations(settings)
    found = Findings([*_same_account(settings), *_unreadable_keys(settings)], [])
    for name, receiver in settings.receivers.items():
        path: KeyPath = ("receivers", name)
        found.mistakes.extend(_url(receiver, path, allow_http=settings.egress.allow_http))
        found.mistakes.extend(_secrets(receiver, path))
        found.mistakes.extend(_headers(receiver, path))
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
            yield Mistake(
                ("sources", name, "provider"),
                f"watches the same account and region as sources.{other}; keep one of the two",
            )


def _unreadable_keys(settings: Settings) -> Iterator[Mistake]:
    """Files of a provider's keys, looked into once, so that a wrong path is told at once."""
    for name, source in settings.sources.items():
        credentials = source.provider.credentials
        for key in type(credentials).model_fields:
            file = getattr(credentials, key)
            if isinstance(file, Path):
                yield from _file(file, ("sources", name, "provider", "credentials", key), None)


def _url(receiver: Receiver, path: KeyPath, *, allow_http: bool) -> Iterator[Mistake]:
    wrong = partial(wrong_url, allow_http=allow_http)
    if receiver.url is not None and receiver.url_file is not None:
        yield Mistake(path, "has both url and url_file; give one of the two")
    elif receiver.url is not None:
        yield from _value(receiver.url, (*path, "url"), wrong)
    elif receiver.url_file is not None:
        yield from _file(receiver.url_file, (*path, "url_file"), wrong)
    else:
        yield Mistake(path, "needs a url, or a url_file that holds it")


def _secrets(receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    wrong = secret_check(receiver)
    for index, secret in enumerate(receiver.secrets):
        yield from _value(secret, (*path, "secrets", index), wrong)
    for index, file in enumerate(receiver.secret_files):
        yield from _file(file, (*path, "secret_files", index), wrong)
    if receiver.format == "standard" and not (receiver.secrets or receiver.secret_files):
        yield Mistake(
            path,
            f"needs secrets or secret_files to sign with; {MAKE_ONE}",
        )


def _headers(receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    first: dict[str, str] = {}
    for key, names in (("headers", receiver.headers), ("header_files", receiver.header_files)):
        for name in names:
            if name.lower() in first:
                yield Mistake(
                    (*path, key, name),
                    f"is the same header as {first[name.lower()]}; keep one of the two",
                )
            first[name.lower()] = f"{key}.{name}"
    for name, file in receiver.header_files.items():
        yield from _file(file, (*path, "header_files", name), wrong_header_value)


def _value(value: SecretStr, path: KeyPath, wrong: Check | None) -> Iterator[Mistake]:
    text = wrong(value.get_secret_value()) if wrong else None
    if text is not None:
        yield Mistake(path, text)


def _file(file: Path, path: KeyPath, wrong: Check | None) -> Iterator[Mistake]:
    try:
        value = read_secret_file(file)
    except ConfigError as error:
        yield Mistake(path, str(error))
    else:
        text = wrong(value) if wrong else None
        if text is not None:
            yield Mistake(path, f"{file}: {text}")


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
