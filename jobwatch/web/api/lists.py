"""Jobs, events and deliveries in pages."""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.documents import Document, instant
from jobwatch.core.events import EventType
from jobwatch.core.model import Outcome, Phase
from jobwatch.core.muting import Mute
from jobwatch.core.outbox import DeliveryState
from jobwatch.store import Store, orders
from jobwatch.store.browsing import Part, Span
from jobwatch.store.documents import delivery_row, event_row, job_row, mute_document, receiver_row
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.values import DeliveryFilter, EventFilter, JobFilter, Page
from jobwatch.web.api.asking import LARGEST, PAGED, USUAL, Read, Readers, flag, moment, one_of
from jobwatch.web.api.asking import read_query, whole, word
from jobwatch.web.api.calling import Call, Write, dated
from jobwatch.web.api.cursors import bound_to, seal, unseal
from jobwatch.web.api.refused import Code, Refused, bad_value
