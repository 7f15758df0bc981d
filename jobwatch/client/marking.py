"""The mark of what a call is signed with and where it goes: other keys, or another place, have another one.

Law: it is kept in the store, so it must tell nothing of the keys. Every mark is shared by more keys than anybody could try.
"""

import hashlib
from urllib.parse import urlsplit

from jobwatch.core.codec import Credentials, Provider, Signing, Walk
from jobwatch.core.remembered import MARKS


def mark_of(provider: Provider, signing: Signing) -> int:
    """The mark of these keys at this provider."""
    keys: Credentials = signing.credentials
    host = urlsplit(provider.list_jobs(Walk(), None, signing).url).netloc
    place = (provider.kind, provider.region, provider.account, host)
    parts = (*place, keys.secret_id, keys.secret_key, keys.token or "")
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:8]) % MARKS
