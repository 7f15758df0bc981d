"""One module per cloud API: signed requests out, pages in.

Law of this package: a provider is a codec and a table, never a connection. It builds signed requests, reads
responses, errors included (only it knows that COS says ServiceUnavailable with 500), and owns its status table.
No await, clock, chance, logging or I/O. Providers do not know each other. The protocol stands in `core.codec`.

To add a cloud API, write a module here and list it below twice: in the union and in the `match`.
"""

from typing import Annotated, TypeAlias, assert_never

from pydantic import Field

from jobwatch.core.codec import Provider
from jobwatch.providers.cas import Cas, CasSettings
from jobwatch.providers.cos_batch import CosBatch, CosBatchSettings

ProviderSettings: TypeAlias = Annotated[CosBatchSettings | CasSettings, Field(discriminator="kind")]


def open_provider(settings: CosBatchSettings | CasSettings) -> Provider:
    """Give the codec that the settings ask for."""
    match settings:
        case CosBatchSettings():
            return CosBatch(settings)
        case CasSettings():
            return Cas(settings)
        case _:
            assert_never(settings)
