"""The rules of one source: those of the whole, with what the source sets itself put over them."""

from datetime import timedelta

from jobwatch.core.rules import FailingRule, Rules, unreachable_auto
from jobwatch.settings.model import Settings
from jobwatch.settings.sources import Failing
from jobwatch.settings.sources import Rules as RuleSettings


def rules_for(settings: Settings, name: str) -> Rules:
    """What holds for a source of that name. Raises `KeyError` for any other."""
    source, chosen = settings.sources[name], overridden(settings, name)
    return Rules(
        stalled_after=chosen.stalled_after,
        stuck_after=chosen.stuck_after,
        waiting_after=chosen.waiting_after,
        overdue_after=chosen.overdue_after,
        failing=_rule(chosen.failing),
        unreachable_after=_unreachable(chosen, source.every),
        expiring_before=chosen.expiring_before,
        remind_every=chosen.remind_every,
    )


def overridden(settings: Settings, name: str) -> RuleSettings:
    """The same as the configuration words it, key by key: a key that a source writes down wins, null included."""
    whole, own = settings.rules, settings.sources[name].rules
    written = {key: getattr(own, key) for key in own.model_fields_set}
    if own.failing is not None and whole.failing is not None:
        parts = {key: getattr(own.failing, key) for key in own.failing.model_fields_set}
        written["failing"] = whole.failing.model_copy(update=parts)
    return whole.model_copy(update=written)


def _rule(failing: Failing | None) -> FailingRule | None:
    if failing is None:
        return None
    return FailingRule(ratio=failing.ratio, min_finished=failing.min_finished)


def _unreachable(chosen: RuleSettings, every: timedelta) -> timedelta | None:
    after = chosen.unreachable_after
    return unreachable_auto(every) if after == "auto" else after
