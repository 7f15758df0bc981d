"""The program's own words (reasons, kinds, states) as people say them. A word without a row here is shown as it is."""

from collections.abc import Mapping

from jobwatch.core.breaker import PauseReason, ReceiverState
from jobwatch.core.conditions import ConditionState
from jobwatch.core.detail import DetailError
from jobwatch.core.diff import Authority, ChangeKind
from jobwatch.core.errors import WithheldReason
from jobwatch.core.outbox import DeliveryState, Result
from jobwatch.core.plan import PlanReason
from jobwatch.core.routing import RouteReason

PLANS: Mapping[str, str] = {
    PlanReason.FIRST: "the first sweep reads everything",
    PlanReason.SCOPES: "the vaults had not been listed yet",
    PlanReason.ASKED: "somebody asked for it",
    PlanReason.AFTER_GAP: "nobody had watched for too long",
    PlanReason.FULL_DUE: "it was due",
    PlanReason.CHEAPEST: "it costs no more calls than a hot one",
    PlanReason.PROOF: "many jobs had left the lists of unfinished ones",
    PlanReason.HOT_DUE: "it was due",
    PlanReason.FULL_BROKE: "the full sweep before it had broken",
}
WITHHELD: Mapping[str, str] = {
    WithheldReason.BREAKER_OPEN: "too many calls failed in a row",
    WithheldReason.RETRY_AFTER: "the cloud asked for a pause",
}
ROUTES: Mapping[str, str] = {
    RouteReason.WANTED: "wants it",
    RouteReason.TOLD_OPENING: "hears of it, because it heard of the opening",
    RouteReason.NOT_TOLD_OPENING: "does not hear of it, because it did not hear of the opening",
    RouteReason.TYPE_NOT_WANTED: "does not want this type",
    RouteReason.SOURCE_NOT_WANTED: "does not want this source",
    RouteReason.OPERATION_NOT_WANTED: "does not want this operation",
    RouteReason.DESCRIPTION_NOT_WANTED: "does not want jobs with this description",
    RouteReason.EXCEPTED: "does not want it: `except` leaves it out",
    RouteReason.BELOW_THRESHOLD: "does not want it: too few tasks failed",
    RouteReason.ITSELF: "does not hear of it, because it is about itself",
    RouteReason.MUTED: "does not hear of it: muted",
    RouteReason.DIGEST: "hears of it in a digest",
    DeliveryState.SUPERSEDED: "does not hear of it: it came and went before it was sent",
}
CHANGES: Mapping[str, str] = {
    ChangeKind.DISCOVERED: "first seen",
    ChangeKind.STATUS_CHANGED: "changed its status",
    ChangeKind.ENDED: "ended",
    ChangeKind.OUTCOME_CHANGED: "turned out to have ended another way",
    ChangeKind.REOPENED: "is unfinished again",
    ChangeKind.PROGRESSED: "went on",
    ChangeKind.MISSING: "is unknown to the cloud",
    ChangeKind.VANISHED: "is gone: the cloud said twice that it knows no such job",
    ChangeKind.REFUSED: "was listed as something that DescribeJob contradicted",
}
AUTHORITIES: Mapping[str, str] = {
    Authority.LISTING: "ListJobs said so",
    Authority.DESCRIBE: "DescribeJob said so",
}
DETAIL_ERRORS: Mapping[str, str] = {
    DetailError.TIMEOUT: "DescribeJob gave no answer in time",
    DetailError.BEHIND: "DescribeJob lagged behind the listing until patience ended",
    DetailError.CHANGED: "the job changed before DescribeJob was asked",
    DetailError.SOURCE_REMOVED: "the source was taken out of the configuration",
    DetailError.NO_CREDENTIALS: "there were no keys to ask DescribeJob with",
}
CONDITIONS: Mapping[str, str] = {
    ConditionState.OPENED: "opened",
    ConditionState.REMINDED: "reminded of",
    ConditionState.CLOSED: "closed",
}
DELIVERIES: Mapping[str, str] = {
    DeliveryState.PENDING: "waits",
    DeliveryState.CLAIMED: "is being sent",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.DEAD: "given up",
    DeliveryState.SUPERSEDED: "not sent: a later event made it old news",
    DeliveryState.ABSORBED: "told in digest",
    DeliveryState.EXPIRED: "not sent: too old by then",
    DeliveryState.MUTED: "not sent: muted",
}

RECEIVERS: Mapping[str, str] = {
    ReceiverState.ACTIVE: "active",
    ReceiverState.FAILING: "failing: left alone for a while",
    ReceiverState.HALF_OPEN: "tried again, with care",
    ReceiverState.PAUSED: "paused",
}
PAUSES: Mapping[str, str] = {
    PauseReason.GONE: "it said that it is gone",
    PauseReason.NO_SUCCESS: "it took nothing for days",
    PauseReason.COMMAND: "by command",
}

RESULTS: Mapping[str, str] = {
    Result.OK: "accepted",
    Result.TIMEOUT: "no answer in time",
    Result.DNS: "its name could not be looked up",
    Result.CONNECT: "no connection could be made",
    Result.TLS: "its certificate or its TLS was not accepted",
    Result.BLOCKED: "its address is one that jobwatch may not call",
    Result.RESET: "the connection broke",
    Result.REDIRECT: "it points elsewhere; jobwatch follows no redirect: configure the final URL",
    Result.HTTP_4XX: "it refused the request",
    Result.AUTH: "it refused the key or the signature",
    Result.NOT_FOUND: "there is nothing at this URL",
    Result.GONE: "it says that it is gone for good",
    Result.TOO_LARGE: "the message is too large for it",
    Result.RATE_LIMITED: "it was sent too much lately",
    Result.HTTP_5XX: "it has trouble of its own",
    Result.REJECTED: "it refused the message for its content",
    Result.BODY_ERROR: "its answer does not say success: an error inside, a page, or no HTTP",
    Result.RENDER_ERROR: "the message could not be made",
    Result.CANCELLED: "jobwatch stopped meanwhile",
}

WHY_NOT_SENT: Mapping[str, str] = {**RESULTS, **PAUSES}
"""Why a receiver is left alone: the result that made it so, or why it is paused."""


def said(words: Mapping[str, str], word: str) -> str:
    """What people say for a word of the program."""
    return words.get(word) or word.replace("_", " ")
