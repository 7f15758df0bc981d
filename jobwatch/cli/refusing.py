"""An order that was refused, as a command says it."""

from collections.abc import Iterator
from contextlib import contextmanager

from jobwatch.cli.ending import Exit, Failed
from jobwatch.cli.text import plain
from jobwatch.store.orders import Fault, Refusal


@contextmanager
def told_as_failure() -> Iterator[None]:
    """Raise `Failed` for what is refused within, with what to write instead."""
    try:
        yield
    except Refusal as refusal:
        lines = [refusal.words]
        if refusal.fault is Fault.AMBIGUOUS:
            lines += refusal.instead
        unknown = refusal.fault is Fault.NO_SUCH_DELIVERY
        code = Exit.FAILED if unknown else Exit.MISUSED
        raise Failed("\n".join(map(plain, lines)), code=code) from None
