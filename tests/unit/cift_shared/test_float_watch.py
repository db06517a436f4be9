"""When a balance to pay out from counts as too low."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.attempts.float_watch import VALID_FOR, FloatWatch
from cift_shared.attempts.processor import FloatRules
from cift_shared.errors import InvalidCommand, ProviderUnavailable
from cift_shared.money.amount import Money, parse_amounts
from cift_shared.testing import FakeClock

LEASE: Any = None
LEAST = Money(100_00, "KES")


class Purse:
    """A provider that tells a balance."""

    def __init__(self, *balances: Money) -> None:
        self.balances: Sequence[Money] = balances
        self.is_away = False

    def float_rules(self) -> FloatRules:
        return FloatRules({"KES": LEAST})

    async def get_float(self) -> Sequence[Money]:
        if self.is_away:
            raise ProviderUnavailable("away", "away")
        return self.balances


@given(minor=st.integers(0, 200_00))
async def test_it_is_low_below_the_least_and_not_at_it(minor: int) -> None:
    watch = FloatWatch(Purse(Money(minor, "KES"), Money(0, "UGX")), "rail", FakeClock())
    await watch.read_balance(LEASE)
    assert watch.low() == (("KES",) if minor < LEAST.minor else ())


async def test_nothing_is_low_before_the_first_look_nor_after_the_lead_is_lost() -> None:
    watch = FloatWatch(Purse(Money(0, "KES")), "rail", FakeClock())
    assert watch.low() == ()
    await watch.read_balance(LEASE)
    assert watch.low() == ("KES",)
    watch.job().when_lost()
    assert watch.low() == ()


async def test_an_old_balance_stops_no_withdrawals_for_good() -> None:
    clock, purse = FakeClock(), Purse(Money(0, "KES"))
    watch = FloatWatch(purse, "rail", clock)
    await watch.read_balance(LEASE)
    purse.is_away = True
    clock.advance(VALID_FOR)
    with pytest.raises(ProviderUnavailable):
        await watch.read_balance(LEASE)
    assert watch.low() == ("KES",)
    clock.advance(timedelta(seconds=1))
    assert watch.low() == ()


def test_amounts_of_a_setting() -> None:
    assert parse_amounts("") == {}
    assert parse_amounts("KES:5000.00, UGX:200000") == {
        "KES": Money(5000_00, "KES"),
        "UGX": Money(200_000, "UGX"),
    }


@pytest.mark.parametrize("text", ["KES", "KES:", "KES:1.001", "KES:1,KES:2", "XXX:1", "KES:0"])
def test_a_setting_that_says_no_amounts_is_refused(text: str) -> None:
    with pytest.raises(InvalidCommand):
        parse_amounts(text)
