"""Who hears that a condition closed, by what became of telling that it opened."""

from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.outbox import DeliveryState
from jobwatch.store.closings import Closing, Telling, decide

UNHEARD = (
    DeliveryState.PENDING,
    DeliveryState.SUPERSEDED,
    DeliveryState.MUTED,
    DeliveryState.EXPIRED,
)
TELLINGS = st.lists(
    st.builds(
        Telling,
        st.integers(1, 99),
        st.sampled_from(["ops", "chat"]),
        st.sampled_from(DeliveryState),
        st.integers(0, 2),
    ),
    unique_by=lambda each: each.id,
)


def test_nobody_is_unaware_where_nothing_is_left_of_telling() -> None:
    assert decide([]) == Closing((), frozenset())


def test_an_untried_opening_is_dropped_and_its_receiver_unaware() -> None:
    telling = Telling(1, "ops", DeliveryState.PENDING, 0)
    assert decide([telling]) == Closing((1,), frozenset({"ops"}))


def test_a_delivered_opening_makes_aware_although_a_reminder_was_dropped() -> None:
    opening = Telling(1, "ops", DeliveryState.DELIVERED, 1)
    reminder = Telling(2, "ops", DeliveryState.PENDING, 0)
    assert decide([opening, reminder]) == Closing((2,), frozenset())


@given(TELLINGS)
def test_only_pending_untried_deliveries_are_dropped(tellings: list[Telling]) -> None:
    dropped = set(decide(tellings).pointless)
    for each in tellings:
        assert (each.id in dropped) == (each.state is DeliveryState.PENDING and not each.claims)


@given(TELLINGS)
def test_whoever_got_an_attempt_or_a_delivery_is_aware(tellings: list[Telling]) -> None:
    unaware = decide(tellings).unaware
    for each in tellings:
        if each.claims or each.state not in UNHEARD:
            assert each.receiver not in unaware
