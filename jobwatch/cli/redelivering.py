"""`jobwatch redeliver`: send again what was given up, muted or told before; the same event with the same id."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jobwatch.cli.ending import Exit, Failed
from jobwatch.cli.reading import View, look, written
from jobwatch.cli.refusing import told_as_failure
from jobwatch.cli.screen import OutputFormat, Screen, complain
from jobwatch.cli.text import ago, count, instant, length, plain
from jobwatch.core.breaker import ReceiverState
from jobwatch.core.outbox import OPEN
from jobwatch.settings import Settings, give_up_after, to_send
from jobwatch.store import orders
from jobwatch.store.orders import Refusal
from jobwatch.store.outbox_values import ReceiverRow, Redelivered, Redelivery
from jobwatch.store.values import DeliveryRow
from jobwatch.story.words import DELIVERIES, PAUSES, said


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asks to be sent again. `since` is a length of time back from now, or a moment."""

    delivery: int | None
    receiver: str | None
    since: str | None
    limit: int
    dry_run: bool


def send_again(config: Path | None, wanted: Wanted, output: OutputFormat) -> None:
    """Let deliveries be sent again, or say which would be."""
    _check(wanted)

    async def show(view: View) -> None:
        row = None
        if wanted.delivery is not None:
            with told_as_failure():
                row = await orders.find_delivery(
                    view.store, wanted.delivery, view.settings.receivers
                )
        name = row.receiver if row else wanted.receiver or ""
        with told_as_failure():
            orders.check_sendable(name, view.settings.receivers)
        done = await _redeliver(view, wanted)
        stand = next(iter(await view.store.receivers([name])), None)
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document(_document(wanted, name, done, stand))
            return
        words = _one(wanted, row, view.now) if row else _many(wanted, name, done)
        screen.words(plain(words))
        if done.rows and not wanted.dry_run:
            _tell_when(screen, view.settings, name, stand)

    look(config, show, to_send)


def _check(wanted: Wanted) -> None:
    """Raise `Failed` where the words do not say which ones."""
    if (wanted.delivery is None) == (wanted.receiver is None):
        raise Failed(
            "name one delivery by its number, or a receiver with --receiver and --since",
            code=Exit.MISUSED,
        )
    if (wanted.receiver is None) != (wanted.since is None):
        raise Failed("--receiver and --since belong together", code=Exit.MISUSED)


async def _redeliver(view: View, wanted: Wanted) -> Redelivered:
    what = Redelivery(
        delivery=wanted.delivery,
        receiver=wanted.receiver,
        since=None if wanted.since is None else moment_of(wanted.since, view.now),
        limit=wanted.limit,
    )
    if wanted.dry_run:
        return await view.store.redeliverable(what)
    budgets = {name: give_up_after(each) for name, each in view.settings.receivers.items()}
    return await view.store.redeliver(what, give_up_after=budgets)


def moment_of(text: str, now: datetime) -> datetime:
    """The moment that `2h` (ago) or an RFC 3339 time names. Raises `Failed` with what to write instead."""
    try:
        return orders.moment_of(text, now)
    except Refusal as refusal:
        raise Failed(f"--since {plain(refusal.words)}", code=Exit.MISUSED) from None


def _one(wanted: Wanted, row: DeliveryRow, now: datetime) -> str:
    about = written(row.source, row.scope, row.job_id)
    of_job = f" of {about}" if about else ""
    name = f"delivery {row.id} ({row.event_type}{of_job}, to {row.receiver})"
    stood = said(DELIVERIES, row.state)
    if row.state in OPEN:
        due = f", due {ago(row.due_at, now)}" if row.due_at and row.due_at > now else ""
        return f"{name} {stood} already{due}: nothing to do"
    does = "would be" if wanted.dry_run else "is"
    return f"{name} {does} sent again; it was: {stood}"


def _many(wanted: Wanted, receiver: str, done: Redelivered) -> str:
    if not done.rows:
        return f"no delivery to {receiver} was given up since then"
    does = "would be" if wanted.dry_run else "are"
    one = f"delivery to {receiver} {'would be' if wanted.dry_run else 'is'} sent again"
    words = count(len(done.rows), one, f"deliveries to {receiver} {does} sent again")
    left = f"; {done.left:,} more are left: repeat the command for them" if done.left else ""
    return f"{words}, the oldest first{left}"


def _tell_when(screen: Screen, settings: Settings, name: str, stand: ReceiverRow | None) -> None:
    budget = length(give_up_after(settings.receivers[name]))
    screen.words(
        f"  by `jobwatch run`, within seconds where it runs, or by `jobwatch once`; for {budget}"
    )
    if stand is not None and stand.state is ReceiverState.PAUSED:
        why = said(PAUSES, stand.reason or "")
        since = f" since {instant(stand.paused_at)}" if stand.paused_at else ""
        words = (
            f"{name} is paused{since} ({why}): it waits until `jobwatch receivers resume {name}`"
        )
        complain([plain(words)])


def _document(
    wanted: Wanted, name: str, done: Redelivered, stand: ReceiverRow | None
) -> dict[str, object]:
    return {
        "receiver": name,
        "receiver_state": stand.state.value if stand else None,
        "dry_run": wanted.dry_run,
        "deliveries": list(done.rows),
        "left": done.left,
    }
