"""Where a source's keys come from: written down, or the first place that Tencent Cloud's tools would look at.

Law of this package: nothing of a key ever enters an error, a `repr` or a log. Keys that have expired are never handed
out, keys that still hold outlive the service that issued them, and a place that is broken is never passed over for
another identity. Time and chance are arguments; requests go out through the transport alone.

A pod's own role is asked for before its node's, unlike in Tencent Cloud's Python SDK: there a pod on a node with a role
acts as the node.
"""

from jobwatch.credentials.chain import ChainedKeys
from jobwatch.credentials.fetched import FetchedKeys
from jobwatch.credentials.local import (
    ID_NAME,
    KEY_NAME,
    TOKEN_NAMES,
    ConfiguredKeys,
    EnvironmentKeys,
)
from jobwatch.credentials.profile import ProfileKeys
from jobwatch.credentials.services import MachineRole, PodRole
from jobwatch.credentials.source import CredentialSource, KeyFacts, Send, World
from jobwatch.providers.keys import CredentialsSettings

__all__ = [
    "ID_NAME",
    "KEY_NAME",
    "TOKEN_NAMES",
    "ConfiguredKeys",
    "CredentialSource",
    "EnvironmentKeys",
    "KeyFacts",
    "Send",
    "World",
    "open_credentials",
]


def open_credentials(settings: CredentialsSettings, world: World) -> CredentialSource:
    """Choose where the keys come from: written down, else the place that `use` names, else the chain."""
    if settings.explicit:
        return ConfiguredKeys(settings)
    places: dict[str, CredentialSource] = {
        "environment": EnvironmentKeys(world.environ),
        "profile": ProfileKeys(world),
        "tke-oidc": FetchedKeys(PodRole(settings, world), world),
        "cvm-role": FetchedKeys(MachineRole(settings, world), world),
    }
    return places[settings.use] if settings.use else ChainedKeys(list(places.values()))
