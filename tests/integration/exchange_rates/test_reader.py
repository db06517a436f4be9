"""Prices of both markets become one stored rate, or none; by one process at a time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from cift_shared.errors import LeaseLost
from cift_shared.testing import FakeClock
from exchange_rates.client import SourceFailed
from provider_sandbox.rates.market import Mode
from tests.support.rates import Reading, open_reading

pytestmark = pytest.mark.integration

UNUSABLE = [mode for mode in Mode if mode not in (Mode.NORMAL, Mode.HANG)]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def reading(emptied_database: str, clock: FakeClock) -> AsyncIterator[Reading]:
    async with open_reading(emptied_database, clock) as opened:
        yield opened


async def test_the_stored_rate_is_the_middle(reading: Reading, clock: FakeClock) -> None:
    reading.markets.kraken.prices["BTC"] = Decimal("95100.01")
    await reading.read()
    found = await reading.stored()
    assert found["usd"] == Decimal("95050.005")
    assert (found["sources"], found["as_of"]) == ("coinbase,kraken", clock.now())
    assert (await reading.stored("ETH"))["usd"] == 3150


@pytest.mark.parametrize("mode", UNUSABLE)
async def test_an_unusable_answer_leaves_its_source_out(
    reading: Reading, mode: Mode, clock: FakeClock
) -> None:
    await reading.read()
    clock.advance(timedelta(seconds=61))
    reading.markets.coinbase.change(mode, None)
    reading.markets.kraken.prices["BTC"] = Decimal(96000)
    await reading.read()
    found = await reading.stored()
    assert (found["usd"], found["sources"]) == (96000, "kraken")


@pytest.mark.parametrize("mode", UNUSABLE)
async def test_without_any_price_the_rate_grows_old(
    reading: Reading, mode: Mode, clock: FakeClock
) -> None:
    await reading.read()
    began = clock.now()
    clock.advance(timedelta(seconds=61))
    for market in (reading.markets.coinbase, reading.markets.kraken):
        market.change(mode, None)
    with pytest.raises(SourceFailed):
        await reading.read()
    assert (await reading.stored())["as_of"] == began


@pytest.mark.parametrize(("ahead_s", "is_replaced"), [(146, True), (61, True), (60, False)])
async def test_prices_of_a_clock_far_ahead_are_replaced(
    reading: Reading, clock: FakeClock, ahead_s: int, is_replaced: bool
) -> None:
    """A process whose clock is wrong for a moment must not keep the true prices out."""
    await reading.read()
    true = await reading.stored()
    await reading.pool.execute(
        "update rates.price set usd = 1, read_at = read_at + $1", timedelta(seconds=ahead_s)
    )
    await reading.read()
    found = await reading.stored()
    assert (found["usd"] == true["usd"]) is is_replaced
    assert found["as_of"] == clock.now() + timedelta(seconds=0 if is_replaced else ahead_s)


async def test_sources_that_are_too_far_apart_leave_no_rate(reading: Reading) -> None:
    await reading.read()
    reading.markets.kraken.frozen = True
    reading.markets.move("BTC", Decimal(97000))
    await reading.read()
    found = await reading.stored()
    assert (found["usd"], found["as_of"]) == (None, None)
    assert found["deviation"] == Decimal("0.0210526315789473684")
    reading.markets.move("BTC", Decimal(95001))
    await reading.read()
    assert (await reading.stored())["usd"] == Decimal("95000.5")


async def test_who_no_longer_leads_stores_nothing(reading: Reading, clock: FakeClock) -> None:
    await reading.read()
    other, lease = reading.another()
    await reading.lease.release(reading.pool)
    assert await lease.take(reading.pool)
    before = await reading.stored()
    clock.advance(timedelta(seconds=5))
    reading.markets.move("BTC", Decimal(95001))
    with pytest.raises(LeaseLost):
        await reading.reader.run(reading.lease)
    assert await reading.stored() == before
    await other.run(lease)
    assert (await reading.stored())["usd"] == 95001


async def test_a_hanging_source_holds_up_no_other(reading: Reading) -> None:
    reading.markets.coinbase.change(Mode.HANG, None)
    try:
        await reading.read()
    finally:
        reading.markets.coinbase.change(Mode.NORMAL, None)
    found = await reading.stored()
    assert (found["usd"], found["sources"]) == (95000, "kraken")


async def test_two_sources_may_be_required(emptied_database: str, clock: FakeClock) -> None:
    async with open_reading(emptied_database, clock, least=2) as strict:
        strict.markets.coinbase.change(Mode.BUSY, None)
        await strict.read()
        assert await strict.stored() is None
        strict.markets.coinbase.change(Mode.NORMAL, None)
        clock.advance(timedelta(seconds=1))
        await strict.read()
        assert (await strict.stored())["usd"] == 95000
