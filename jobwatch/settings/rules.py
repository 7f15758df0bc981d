"""The rules of one source: those of the whole, with what the source sets itself put over them."""

from datetime import timedelta

from jobwatch.core.rules import FailingRule, Rules, unreachable_auto
from jobwatch.settings.model import Settings
from jobwatch.settings.sources import Failing
from jobwatch.settings.sources import Rules as RuleSettings


def rules_for(settings: Settings, name: str) -> Rules:
    """What holds for a source of that name. Raises `KeyError` for any other."""
    source = settings.sources[name]
    chosen = _over(settings.rules, source.rules)
    return Rules(
        stalled_after=chosen.stalled_after,
        stuck_after=chosen.stuck_after,
        waiting_after=chosen.waiting_after,
        overdue_after=chosen.overdue_after,
        failing=_failing(settings.rules, source.rules),
        unreachable_after=_unreachable(chosen, source.every),
        expiring_before=chosen.expiring_before,
        remind_every=chosen.remind_every,
    )


def _over(whole: RuleSettings, own: RuleSettings) -> RuleSettings:
    """Key by key: a key that a source writes down wins, null included."""
    return whole.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})


def _failing(whole: RuleSettings, own: RuleSettings) -> FailingRule | None:
    if "failing" not in own.model_fields_set:
        chosen = whole.failing
    elif own.failing is None or whole.failing is None:
        chosen = own.failing
    else:
        written = own.failing.model_fields_set
        chosen = whole.failing.model_copy(
            update={key: getattr(own.failing, key) for key in written}
        )
    return _rule(chosen)


def _rule(failing: Failing | None) -> FailingRule | None:
    if failing is None:
        return None
    return FailingRule(ratio=failing.ratio, min_finished=failing.min_finished)


def _unreachable(chosen: RuleSettings, every: timedelta) -> timedelta | None:
    after = chosen.unreachable_after
    return unreachable_auto(every) if after == "auto" else after
