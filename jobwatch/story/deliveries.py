"""How a delivery and its receiver stand, in a few words. Pure."""

from datetime import datetime

from jobwatch.core.outbox import DeliveryState
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.values import DeliveryRow
from jobwatch.story.phrases import NOTHING


def answer_of(row: DeliveryRow) -> str:
    """What came of the last attempt: result, HTTP status and the beginning of the answer; or why there was none."""
    if row.state is DeliveryState.ABSORBED and row.digest_id is not None:
        return f"in digest {row.digest_id}"
    if row.last_result is None or row.state in (DeliveryState.MUTED, DeliveryState.EXPIRED):
        return row.last_answer or NOTHING
    status = f" (HTTP {row.last_status})" if row.last_status else ""
    answer = f": {row.last_answer}" if row.last_answer else ""
    return f"{row.last_result.value}{status}{answer}"


def rests_until(row: ReceiverRow) -> datetime | None:
    """Until when a receiver is left alone: because it fails, or because it asked for it."""
    return max((at for at in (row.open_until, row.held_until) if at is not None), default=None)
