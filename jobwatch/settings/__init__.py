"""The configuration: environment over YAML, frozen, strict.

`load_settings` reads it or tells every mistake at once. Nothing here logs, and no message shows a
secret.
"""

from jobwatch.settings.changes import Difference, difference, fixed, told
from jobwatch.settings.describing import json_schema
from jobwatch.settings.files import files_read
from jobwatch.settings.model import Address, Settings, listen_address
from jobwatch.settings.needs import Needed, everything, to_look, to_send
from jobwatch.settings.not_yet import NOT_YET, NotYetActive
from jobwatch.settings.reading import Loaded, find_file, load_settings
from jobwatch.settings.receivers import Receiver
from jobwatch.settings.recipients import (
    LiveRecipient,
    egress_proxy,
    heartbeat_url,
    live_recipient,
    operate_token,
    read_token,
    style_of,
)
from jobwatch.settings.rules import rules_for
from jobwatch.settings.sources import Source
from jobwatch.settings.views import (
    digest_policy,
    egress_guard,
    give_up_after,
    max_age,
    redacted,
    subscriptions,
    wanted_words,
)

__all__ = [
    "NOT_YET",
    "Address",
    "Difference",
    "LiveRecipient",
    "Loaded",
    "Needed",
    "NotYetActive",
    "Receiver",
    "Settings",
    "Source",
    "difference",
    "digest_policy",
    "egress_guard",
    "egress_proxy",
    "everything",
    "files_read",
    "find_file",
    "fixed",
    "give_up_after",
    "heartbeat_url",
    "json_schema",
    "listen_address",
    "live_recipient",
    "load_settings",
    "max_age",
    "operate_token",
    "read_token",
    "redacted",
    "rules_for",
    "style_of",
    "subscriptions",
    "to_look",
    "to_send",
    "told",
    "wanted_words",
]
