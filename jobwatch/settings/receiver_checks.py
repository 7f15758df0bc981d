"""What a receiver's format demands of its keys: one mistake for each key that is wrong, missing or out of place."""

from collections.abc import Iterator

from jobwatch.formats.pagerduty import check_routing_key
from jobwatch.settings.looking import of_either, of_file, of_value
from jobwatch.settings.model import Settings
from jobwatch.settings.problems import Mistake
from jobwatch.settings.receivers import Receiver, wrong_header_value
from jobwatch.settings.recipients import MAKE_ONE, secret_check, url_check
from jobwatch.settings.yaml_tree import KeyPath


def mistakes(
    settings: Settings, receiver: Receiver, path: KeyPath, *, format_known: bool
) -> Iterator[Mistake]:
    """Look at one receiver; where its format was no format, only at what all formats share."""
    yield from of_either(receiver, "url", path, url_check(settings))
    yield from _headers(receiver, path)
    if format_known:
        yield from _secrets(receiver, path)
        yield from _routing_key(receiver, path)
        yield from _template(receiver, path)
        yield from _missing(receiver, path)


def _secrets(receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    wrong = secret_check(receiver)
    if wrong is None:
        where = "routing_key" if receiver.format == "pagerduty" else "URL"
        for key in ("secrets", "secret_files"):
            if getattr(receiver, key):
                yield Mistake(
                    (*path, key),
                    f"format {receiver.format} signs nothing: its {where} is the secret; leave it out",
                )
        return
    for index, secret in enumerate(receiver.secrets):
        yield from of_value(secret, (*path, "secrets", index), wrong)
    for index, file in enumerate(receiver.secret_files):
        yield from of_file(file, (*path, "secret_files", index), wrong)


def _routing_key(receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    if receiver.format == "pagerduty":
        yield from of_either(receiver, "routing_key", path, check_routing_key)
        return
    for key in ("routing_key", "routing_key_file"):
        if getattr(receiver, key) is not None:
            yield _out_of_place(path, key, "pagerduty")


def _template(receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    if receiver.template is None:
        return
    if receiver.format != "template":
        yield _out_of_place(path, "template", "template")
        return
    from jobwatch.formats.template import check_template  # noqa: PLC0415  brings jinja2

    yield from of_value(receiver.template, (*path, "template"), check_template)


def _missing(receiver: Receiver, path: KeyPath) -> Iterator[Mistake]:
    """What nothing can be sent without."""
    format_, url = receiver.format, receiver.url or receiver.url_file
    secrets = receiver.secrets or receiver.secret_files
    key = receiver.routing_key or receiver.routing_key_file
    missing = {
        "needs a url, or a url_file that holds it": not url and format_ != "pagerduty",
        f"needs secrets or secret_files to sign with; {MAKE_ONE}": (
            not secrets and format_ == "standard"
        ),
        "needs a routing_key, or a routing_key_file that holds it: the integration key of the "
        "service in PagerDuty": not key and format_ == "pagerduty",
        'needs a template: Jinja2 text such as {"text": {{ message.title | tojson }}}': (
            receiver.template is None and format_ == "template"
        ),
    }
    yield from (Mistake(path, text) for text, holds in missing.items() if holds)


def _out_of_place(path: KeyPath, key: str, format_: str) -> Mistake:
    return Mistake((*path, key), f"belongs to format {format_}; leave it out, or set that format")


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
        yield from of_file(file, (*path, "header_files", name), wrong_header_value)
