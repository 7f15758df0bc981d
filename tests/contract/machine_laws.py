"""The laws of the outbox, held against what stands in it before and after every verb."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jobwatch.core.census import ATTEMPTS, DELIVERIES, DELIVERY_LAG
from jobwatch.core.outbox import (
    HOPELESS,
    LONGEST_WAIT,
    OPEN,
    SETTLED,
    Delivery,
    DeliveryState,
    Settlement,
)
from jobwatch.store.outbox_values import Manner
from jobwatch.store.receiving import TAKEN_OUT
from tests.contract.machine_sight import Line, Sight, is_open, lease_is_over
from tests.contract.watcher import LEASE
from tests.factories import HOUR

P, C = DeliveryState.PENDING, DeliveryState.CLAIMED
BUDGETS = {"ops": 3 * HOUR, "chat": 2 * HOUR}


@dataclass(slots=True)
class Laws:
    """What happened so far to every delivery, and `sight`: what stands in the outbox now."""

    sight: Sight = field(default_factory=Sight)
    attempts: Counter[int] = field(default_factory=Counter)
    told: set[int] = field(default_factory=set)
    first: dict[tuple[object, ...], int] = field(default_factory=dict)
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    heard: set[int] = field(default_factory=set)
    manual: set[int] = field(default_factory=set)
    forgotten: Counter[tuple[str, str]] = field(default_factory=Counter)

    def see(self, sight: Sight, may_change: Callable[[Line, Line], bool]) -> list[Line]:
        """Nothing is lost, nothing changed that had no reason to, and everything was counted. Gives what is new."""
        before, self.sight = self.sight, sight
        assert before.lines.keys() <= sight.lines.keys(), "a delivery was lost"
        for id_, line in sight.lines.items():
            was = before.lines.get(id_)
            if was is not None and was != line:
                assert may_change(was, line), f"{was} became {line}"
            if line.state in SETTLED and (was is None or was.state in OPEN):
                self.ended[line.receiver, line.state] += 1
            assert line.attempts == self.attempts[id_], f"attempts of {line}"
        for event_id, body in before.bodies.items():
            assert sight.bodies[event_id] == body, "released bytes changed"
        self._recount()
        return [sight.lines[id_] for id_ in sorted(sight.lines.keys() - before.lines.keys())]

    def _recount(self) -> None:
        results = Counter(self.forgotten)
        for each in self.sight.attempts:
            results[self.sight.lines[each.delivery_id].receiver, each.result] += 1
        counted: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        for (receiver, name, labels), value in self.sight.counters.items():
            label = labels.removeprefix('["').removesuffix('"]')
            if label != "sum":
                counted[name][receiver, label] += int(value)
        assert counted[DELIVERIES] == self.ended, "deliveries were miscounted"
        assert counted[ATTEMPTS] == results, "attempts were miscounted"
        delivered = {who: n for (who, state), n in self.ended.items() if state == "delivered"}
        lags: Counter[str] = Counter()
        for (receiver, _), amount in counted[DELIVERY_LAG].items():
            lags[receiver] += amount
        assert dict(lags) == delivered, "lags were miscounted"

    def forget(self, sight: Sight) -> None:
        """What is gone was forgotten rightly: its attempts stay counted, and it is nobody's any more."""
        gone = self.sight.lines.keys() - sight.lines.keys()
        for each in self.sight.attempts:
            if each.delivery_id in gone:
                self.forgotten[self.sight.lines[each.delivery_id].receiver, each.result] += 1
        for ids in (self.told, self.heard, self.manual):
            ids.difference_update(gone)
        assert all(self.sight.lines[id_] == line for id_, line in sight.lines.items())
        self.sight = sight
        self._recount()

    # Claims.

    def claimed(
        self,
        claims: Sequence[Delivery],
        manner: Manner,
        sight: Sight,
        held: Collection[int],
        now: datetime,
    ) -> None:
        before, ids = self.sight, {each.id for each in claims}
        assert len(ids) == len(claims), "claimed twice at once"
        for each in claims:
            self._check_claim(each, manner, sight, held, now)
            self.attempts[each.id] += 1

        def may_change(was: Line, line: Line) -> bool:
            if was.receiver != manner.receiver or was.id in held:
                return False
            free = was.state == P or lease_is_over(was, now)
            return free and (line.id in ids or _let_go(was, line, manner, now))

        new = self.see(sight, may_change)
        assert all(each.type == "digest" and each.id in ids for each in new)
        folded = self._check_digests(before, new)
        tried = [sight.lines[id_] for id_ in ids]
        fresh = [each for each in tried if each.attempts == 1 and not each.manual]
        # Of two that claim one after the other, the second may take what comes after the members of the first one's digest.
        for line in sorted([*fresh, *folded], key=lambda each: each.sequence):
            self._goes_first(line)
        for each in claims:
            self._hears(sight.lines[each.id])

    def _check_claim(
        self,
        delivery: Delivery,
        manner: Manner,
        sight: Sight,
        held: Collection[int],
        now: datetime,
    ) -> None:
        line, was = sight.lines[delivery.id], self.sight.lines.get(delivery.id)
        assert (line.state, line.claim, line.attempts) == (C, delivery.claim, delivery.attempt)
        assert line.claimed_until == now + LEASE
        assert delivery.body == sight.bodies[delivery.event_id], "sent before it was released"
        assert delivery.claim == (was.claim if was is not None else 0) + 1
        assert delivery.id not in self.told, "told twice"
        if was is not None:
            free = was.state == P or (was.id not in held and lease_is_over(was, now))
            assert free, f"{was} was claimed"
            mended = not was.attempts or was.state == C or line.renewed_at == now
            due = mended or was.due_at <= now or was.due_at > now + LONGEST_WAIT
            assert due, "claimed before it was due"
            self._check_age(was, manner, now)
        self._check_order(line, sight)

    def _check_age(self, was: Line, manner: Manner, now: datetime) -> None:
        if manner.max_age is not None and not was.closing:
            assert (was.renewed_at or was.created_at) >= now - manner.max_age, "old news was sent"

    def _check_order(self, line: Line, sight: Sight) -> None:
        others = [each for each in sight.of_job(line) if is_open(each) and each.id != line.id]
        assert not [each for each in others if each.sequence < line.sequence], "out of turn"
        if line.manual:
            return
        if not line.ending and not line.closing:
            endings = [each for each in others if each.ending and not each.manual]
            assert not endings, "pointless news was sent"

    def _goes_first(self, line: Line) -> None:
        job = (line.receiver, line.source_id, line.scope, line.job_id)
        assert self.first.get(job, 0) <= line.sequence, "told in another order"
        self.first[job] = line.sequence

    def _check_digests(self, before: Sight, digests: Iterable[Line]) -> list[Line]:
        """A digest's members are exactly what it counts, and all of them were to be told now. Gives the members."""
        folded: dict[str, list[Line]] = defaultdict(list)
        for line in self.sight.lines.values():
            was = before.lines.get(line.id)
            if line.state == DeliveryState.ABSORBED and was is not None and was.state in OPEN:
                folded[line.digest_id].append(line)
                assert was.attempts == 0, "no fresh news"
                assert not was.manual, "a person asked for it"
                self._hears(line)
        digests = list(digests)
        assert folded.keys() == {each.event_id for each in digests}, "told by no digest"
        for digest in digests:
            members, data = folded[digest.event_id], self.sight.told(digest.event_id)
            kinds = Counter(each.type for each in members)
            counts: Counter[str] = Counter()
            for each in data["counts"]:
                counts[each["type"]] += each["count"]
            assert counts == kinds
            assert data["total"] == len(members) == len(data["samples"]) + data["omitted"]
            assert {each.receiver for each in members} == {digest.receiver}
        return [line for members in folded.values() for line in members]

    def _hears(self, line: Line) -> None:
        if line.condition_id is not None and not line.closing:
            self.heard.add(line.id)

    def hearers(self, condition_id: str) -> set[str]:
        """Who may have heard that it opened."""
        heard = (self.sight.lines[id_] for id_ in self.heard)
        return {each.receiver for each in heard if each.condition_id == condition_id}

    def given_back(self, id_: int) -> None:
        """That attempt does not count; it may have arrived all the same."""
        self.attempts[id_] -= 1

    # Answers.

    def valid(self, settlements: Iterable[Settlement]) -> list[Settlement]:
        """Those whose claim still holds, each delivery once; what was pruned meanwhile holds no claim."""
        found: dict[int, Settlement] = {}
        for each in settlements:
            line = self.sight.lines.get(each.delivery.id)
            if line is not None and line.state == C and line.claim == each.delivery.claim:
                found.setdefault(line.id, each)
        return list(found.values())

    def settled(self, valid: Sequence[Settlement], sight: Sight) -> None:
        if not valid:
            assert sight == self.sight, "a stale token changed something"
        made = {each.delivery.id: each for each in valid}
        numbers = {(each.delivery_id, each.number) for each in self.sight.attempts}
        for id_, each in made.items():
            if each.give_back:
                self.given_back(id_)
                continue
            numbers.add((id_, each.delivery.attempt))
            if each.state is DeliveryState.DELIVERED:
                self.told.add(id_)
            if each.state is DeliveryState.DEAD:
                self._check_death(self.sight.lines[id_], each)
        assert {(each.delivery_id, each.number) for each in sight.attempts} == numbers

        def may_change(was: Line, line: Line) -> bool:
            return was.id in made and line.state == _expected(was, made[was.id], sight)

        assert not self.see(sight, may_change)
        for id_ in made:
            assert sight.lines[id_].state != C

    def _check_death(self, line: Line, made: Settlement) -> None:
        hopeless = made.attempt.result in HOPELESS
        assert hopeless or made.attempt.started_at >= line.deadline, "given up before its time"

    # What people order.

    def redelivered(self, ids: Collection[int], sight: Sight, now: datetime) -> None:
        def may_change(was: Line, line: Line) -> bool:
            deadline = now + BUDGETS[was.receiver]
            fresh = (line.state, line.due_at, line.deadline, line.spent) == (
                P,
                now,
                deadline,
                was.attempts,
            )
            return was.id in ids and was.state in SETTLED and line.manual and fresh

        self.told.difference_update(ids)
        self.manual.update(ids)
        assert not self.see(sight, may_change)

    def retired(self, configured: Collection[str], sight: Sight, now: datetime) -> None:
        """What was being sent to a receiver when it was taken out is given up once it comes back."""

        def may_change(was: Line, line: Line) -> bool:
            idle = was.state == P or lease_is_over(was, now)
            given_up = line.state == DeliveryState.DEAD and line.last_answer == TAKEN_OUT
            return was.receiver not in configured and idle and given_up

        assert not self.see(sight, may_change)


def _let_go(was: Line, line: Line, manner: Manner, now: datetime) -> bool:
    """Reasons of a claim to touch what it does not take."""
    match line.state:
        case DeliveryState.PENDING:
            return bool(line.due_at == now)
        case DeliveryState.EXPIRED:
            assert manner.max_age is not None
            told_at: datetime = was.renewed_at or was.created_at
            return told_at < now - manner.max_age and not was.closing
        case DeliveryState.SUPERSEDED:
            return was.state == C and not (was.ending or was.closing)
        case DeliveryState.ABSORBED:
            return was.state == P and manner.digest is not None
        case _:
            return False


def _expected(was: Line, made: Settlement, sight: Sight) -> DeliveryState:
    if made.state is not P or was.ending or was.closing:
        return made.state
    later = [each for each in sight.of_job(was) if each.sequence > was.sequence]
    ended = any(each.ending and is_open(each) for each in later)
    return DeliveryState.SUPERSEDED if ended else made.state
