"""The configuration: environment over YAML, frozen, strict.

`load_settings` reads it or tells every mistake at once. Nothing here logs, and no message shows a
secret.
"""

from jobwatch.settings.model import Address, Settings, listen_address
from jobwatch.settings.not_yet import NOT_YET, NotYetActive
from jobwatch.settings.reading import Loaded, find_file, load_settings
from jobwatch.settings.receivers import Receiver
from jobwatch.settings.recipients import LiveRecipient, format_name, live_recipient
from jobwatch.settings.rules import rules_for
from jobwatch.settings.shape import json_schema
from jobwatch.settings.sources import Source
from jobwatch.settings.told import LATER_TYPES
from jobwatch.settings.views import give_up_after, redacted, subscriptions, wanted_words

__all__ = [
    "LATER_TYPES",
    "NOT_YET",
    "Address",
    "LiveRecipient",
    "Loaded",
    "NotYetActive",
    "Receiver",
    "Settings",
    "Source",
    "find_file",
    "format_name",
    "give_up_after",
    "json_schema",
    "listen_address",
    "live_recipient",
    "load_settings",
    "redacted",
    "rules_for",
    "subscriptions",
    "wanted_words",
]
