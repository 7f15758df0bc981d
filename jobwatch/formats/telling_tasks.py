"""How much of a job: its tasks, in one sentence. Numbers that contradict each other are not made up for."""

from jobwatch.formats.account import Event
from jobwatch.formats.reading import number, section, text


def task_words(event: Event) -> str:
    """How many tasks failed, or succeeded, of how many."""
    job = section(event.data, "job")
    total, succeeded, failed = _counts(event)
    if not total:
        return _failed_of_unknown(event, failed)
    if not text(job, "outcome"):
        return _so_far(event)
    tasks = event.voice.noun("tasks", total)
    rest = max(0, total - succeeded - failed)
    undone = event.say("not_done", remaining=rest) if rest else ""
    if failed:
        percent = event.voice.percent(failed, max(total, failed))
        words = event.say("failed", failed=failed, total=total, tasks=tasks, percent=percent)
    elif succeeded == total == 1:
        return event.say("only_succeeded")
    elif succeeded >= total:
        return event.say("all_succeeded", total=total, tasks=tasks)
    else:
        words = event.say("some_succeeded", succeeded=succeeded, total=total, tasks=tasks)
    return event.voice.sentences((words, undone))


def failing_words(event: Event) -> str:
    """How many of the finished tasks failed, while the job goes on."""
    total, succeeded, failed = _counts(event)
    finished = succeeded + failed
    if not finished or not failed:
        return task_words(event)
    return event.say(
        "failing",
        failed=failed,
        finished=finished,
        total=max(total, finished),
        tasks=event.voice.noun("tasks", finished),
        percent=event.voice.percent(failed, finished),
    )


def _so_far(event: Event) -> str:
    total, succeeded, failed = _counts(event)
    return event.say(
        "done_and_failed" if failed else "done",
        finished=succeeded + failed,
        total=total,
        failed=failed,
        tasks=event.voice.noun("tasks", total),
    )


def _failed_of_unknown(event: Event, failed: int) -> str:
    if not failed:
        return ""
    return event.say("failed_uncounted", failed=failed, tasks=event.voice.noun("tasks", failed))


def _counts(event: Event) -> tuple[int, int, int]:
    progress = section(event.data, "job", "progress")
    total, succeeded, failed = (
        number(progress, name) or 0 for name in ("total", "succeeded", "failed")
    )
    return total, succeeded, failed
