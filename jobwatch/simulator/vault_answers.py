"""CAS as a function: a question and the vaults in, an answer out. Pure.

Parameters follow the pages List Vaults, List Jobs and Describe Job, refusals the page Error Codes. A list of vaults goes on
from its marker, in the order of letters; that of jobs goes on after it, and has to know it.
"""

from bisect import bisect_left
from datetime import UTC, datetime
from email.utils import format_datetime

from jobwatch.simulator.answers import Answer, Question, Refusal
from jobwatch.simulator.quirks import LastToken
from jobwatch.simulator.vault_job import VAULT_STATUSES
from jobwatch.simulator.vault_markup import Place, VaultWriter
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import ALL, Page, World

JSON = "application/json"
MOST = 1000
BAD_REQUEST = 400
# A refusal of COS in the words of CAS.
SAID: dict[str, tuple[int, str]] = {
    "AccessDenied": (403, "AccessDeniedException"),
    "ExpiredToken": (403, "ExpiredTokenException"),
    "InternalError": (500, "ServiceUnavailableException"),
    "InvalidAccessKeyId": (400, "UnrecognizedClientException"),
    "InvalidArgument": (400, "InvalidParameterValueException"),
    "NoSuchJob": (404, "ResourceNotFoundException"),
    "Request has expired": (400, "InvalidSignatureException"),
    "RequestTimeTooSkewed": (400, "InvalidSignatureException"),
    "RequestTimeout": (408, "RequestTimeoutException"),
    "ServiceUnavailable": (500, "ServiceUnavailableException"),
    "SignatureDoesNotMatch": (400, "InvalidSignatureException"),
    "SlowDown": (400, "ThrottlingException"),
}
NAMED = (("nextToken", "marker"), ("jobStatuses", "statuscode"))


def respond_vaults(
    question: Question, vaults: VaultWorld, writer: VaultWriter, place: Place, now: datetime
) -> Answer:
    """Answer an admitted request. Raises `Refusal`."""
    if question.method != "GET" or question.route is None or question.route.call is None:
        raise Refusal(status=400, code="BadRequest", message="The request failed to be processed")
    if question.call == "vaults":
        return Answer(body=_list_vaults(question, vaults, writer, place), content_type=JSON)
    vault = question.route.vault
    world = vaults.find(vault)
    if world is None:
        raise _not_found(f"Vault not found for QCS: {writer.qcs(vault, place)}")
    if question.lists:
        page = _list_jobs(question, world, writer, now)
        marker = _marker(page, question, writer)
        return Answer(body=writer.listing(page.states, marker, vault, place), content_type=JSON)
    state = world.job(question.job_id, now)
    if state is None:
        raise _not_found(f"The job ID was not found: {question.job_id}")
    return Answer(body=writer.job(state, vault, place), content_type=JSON)


def refuse_as_cas(refusal: Refusal, writer: VaultWriter) -> Answer:
    """Write a refusal, one of COS in the words of CAS."""
    status, code = SAID.get(refusal.code, (refusal.status, refusal.code))
    message = refusal.message
    for of_cos, of_cas in NAMED:
        message = message.replace(of_cos, of_cas)
    return Answer(status=status, body=writer.error(status, code, message), content_type=JSON)


def vault_headers(question: Question, now: datetime) -> dict[str, str]:
    """Headers of every answer (page "Common Response Headers")."""
    return {
        "Date": format_datetime(now.astimezone(UTC), usegmt=True),
        "x-cas-requestId": question.request_id,
    }


def _list_vaults(
    question: Question, vaults: VaultWorld, writer: VaultWriter, place: Place
) -> bytes:
    limit = min(_limit(question), writer.quirks.page_size)
    names = vaults.names
    marks = [writer.qcs(name, place) for name in names]
    first = bisect_left(marks, question.token or "")
    beyond = marks[first + limit : first + limit + 1]
    return writer.vaults(names[first : first + limit], beyond[0] if beyond else None, place)


def _list_jobs(question: Question, world: World, writer: VaultWriter, now: datetime) -> Page:
    limit = min(_limit(question), writer.quirks.page_size)
    status, completed, after = _status(question), _completed(question), question.token
    try:
        if completed is None:
            return world.page(now, status=status, after=after, limit=limit)
        found = world.page(now, status=status, after=after, limit=ALL).states
    except KeyError:
        raise _invalid("marker") from None
    states = tuple(state for state in found if state.ended is completed)
    return Page(states=states[:limit], more=len(states) > limit)


def _marker(page: Page, question: Question, writer: VaultWriter) -> str | None:
    if page.more:
        return page.states[-1].id
    echoes = writer.quirks.last_token_of(question.vault or "") is LastToken.ECHO
    if not echoes:
        return None
    return page.states[-1].id if page.states else question.token


def _status(question: Question) -> str | None:
    if question.status is not None and question.status not in VAULT_STATUSES:
        raise _invalid("statuscode")
    return question.status


def _completed(question: Question) -> bool | None:
    text = question.filled("completed")
    if text not in (None, "true", "false"):
        raise _invalid("completed")
    return None if text is None else text == "true"


def _limit(question: Question) -> int:
    text = question.filled("limit")
    if text is None:
        return MOST
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(MOST))
    if not (digits and 1 <= int(text) <= MOST):
        raise _invalid("limit")
    return int(text)


def _invalid(name: str) -> Refusal:
    message = f"Invalid parameter value: {name}"
    return Refusal(status=BAD_REQUEST, code="InvalidParameterValueException", message=message)


def _not_found(message: str) -> Refusal:
    return Refusal(status=404, code="ResourceNotFoundException", message=message)
