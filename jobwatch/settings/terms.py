"""By which terms jobs are watched and told: what those need who explain one."""

from collections.abc import Mapping
from datetime import timedelta

from jobwatch.providers import open_provider
from jobwatch.settings.model import Settings
from jobwatch.settings.rules import rules_for
from jobwatch.settings.views import digest_policy
from jobwatch.story.explaining import Terms


def terms_of(settings: Settings, source: str) -> Terms | None:
    """By which terms a source is watched; None for one that is not configured any more."""
    found = settings.sources.get(source)
    if found is None:
        return None
    return Terms(
        rules=rules_for(settings, source),
        lifecycle=open_provider(found.provider).lifecycle,
        every=found.every,
        vanished_after=found.vanished_after,
    )


def gathering(settings: Settings) -> Mapping[str, timedelta]:
    """Which receivers tell a flood in digests, and within how long."""
    policies = {name: digest_policy(each) for name, each in settings.receivers.items()}
    return {name: policy.every for name, policy in policies.items() if policy is not None}
