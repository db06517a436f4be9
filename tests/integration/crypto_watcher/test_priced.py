"""Deposits by Bitcoin that are priced in dollars: what is asked, shown, credited, taken back."""

from datetime import timedelta
from typing import Any

import pytest

from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from tests.integration.crypto_watcher.harness import Deposit, Watch
from tests.support import bitcoin
from tests.support.exchanges import locked

pytestmark = pytest.mark.integration

ASKED = 52_632  # 50 dollars at 95,000


async def priced(watch: Watch, cents: int = 50_00, **over: Any) -> Deposit:
    terms = locked(cents, "BTC", "95000", at=watch.clock.now(), **over)
    return await watch.deposit(amount=Money(cents, "USD"), exchange=terms)


def told(result: PaymentResult) -> tuple[int, int, list[int]]:
    """Cents that are credited, satoshi that moved, satoshi at each rate."""
    assert result.amount is not None
    assert result.exchanged is not None
    assert result.amount.currency == "USD"
    moved = result.exchanged.amount
    return result.amount.minor, moved.minor, [one.amount.minor for one in result.exchanged.parts]


async def test_the_payer_is_shown_the_exact_amount_rate_and_expiry(watch: Watch) -> None:
    terms = locked(50_00, "BTC", "95000", at=watch.clock.now())
    command = bitcoin.deposit(clock=watch.clock, amount=Money(50_00, "USD"), exchange=terms)
    await watch.send(command)
    action = (await watch.reach(command.payment_id, "action_required")).next_action
    assert action is not None
    shown = {name: action[name] for name in ("amount", "currency", "priced_amount", "rate")}
    assert shown == {
        "amount": "0.00052632", "currency": "BTC", "priced_amount": "50.00", "rate": "95000",
    }  # fmt: skip
    assert action["priced_currency"] == "USD"
    assert action["expires_at"] == terms.expires_at.isoformat()
    assert "amount=0.00052632" in action["uri"]


async def test_the_asked_amount_is_credited_as_quoted_without_a_current_rate(watch: Watch) -> None:
    deposit = await priced(watch)
    await watch.mined(deposit.paid(ASKED), times=3)
    assert told(await deposit.reach("settled")) == (50_00, ASKED, [ASKED])


async def test_more_waits_for_the_current_rate(watch: Watch) -> None:
    deposit = await priced(watch)
    await watch.mined(deposit.paid(ASKED + 100_000), times=3)
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()
    steps = [step.name for one in await watch.results(deposit.id) for step in one.evidence]
    assert steps.count("bitcoin.credit.waits_for_rate") == 1
    watch.price("BTC", "90000")
    assert told(await deposit.reach("settled")) == (140_00, ASKED + 100_000, [ASKED, 100_000])


async def test_seen_in_time_counts_however_late_it_is_confirmed(watch: Watch) -> None:
    deposit = await priced(watch)
    tx = deposit.paid(ASKED)
    watch.node.broadcast(tx)
    await watch.read()
    watch.clock.advance(timedelta(minutes=40))
    await watch.mined(tx, times=3)
    assert told(await deposit.reach("settled")) == (50_00, ASKED, [ASKED])


async def test_less_is_credited_at_the_locked_rate_once_the_time_is_over(watch: Watch) -> None:
    deposit = await priced(watch)
    await watch.mined(deposit.paid(20_000), times=3)
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()
    watch.clock.advance(timedelta(minutes=16))
    await watch.read()
    assert told(await deposit.reach("settled")) == (19_00, 20_000, [20_000])


async def test_a_rest_that_comes_late_has_the_current_rate(watch: Watch) -> None:
    deposit = await priced(watch)
    first = deposit.paid(20_000)
    watch.node.broadcast(first)
    await watch.read()
    watch.clock.advance(timedelta(minutes=16))
    watch.price("BTC", "47500")
    await watch.mined(first, deposit.paid(40_000), times=3)
    settled = told(await deposit.reach("settled"))
    assert settled == (19_00 + 19_00, 60_000, [20_000, 40_000])


async def test_money_after_the_end_is_received_at_the_current_rate(watch: Watch) -> None:
    deposit = await priced(watch)
    watch.clock.advance(timedelta(minutes=16))
    await watch.read()
    await deposit.reach("expired")
    await watch.mined(deposit.paid(100_000), times=3)
    assert await watch.received() == []  # no rate is known
    watch.price("BTC", "90000")
    await watch.read()
    (late,) = await watch.received()
    assert told(late) == (90_00, 100_000, [100_000])
    assert late.received is not None
    assert late.received.related_payment_id == deposit.id


async def test_an_old_rate_credits_nothing(watch: Watch) -> None:
    deposit = await priced(watch)
    watch.price("BTC", "90000")
    watch.clock.advance(timedelta(seconds=61))
    await watch.mined(deposit.paid(ASKED + 100_000), times=3)
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()
    watch.price("BTC", "90000")
    await deposit.reach("settled")


async def test_what_is_taken_back_has_the_rates_of_the_first_credit(watch: Watch) -> None:
    deposit = await priced(watch)
    watch.price("BTC", "90000")
    tx = deposit.paid(30_000, 122_632)
    await watch.mined(tx, times=3)
    assert told(await deposit.reach("settled"))[0] == 140_00
    watch.price("BTC", "10")
    for turn in (1, 2):
        watch.node.reorg(3, *[()] * 4)
        await watch.read()
        gone = [one for one in await watch.results(deposit.id) if one.kind == "reversed"]
        assert [told(one)[:2] for one in gone[-2:]] == [(28_50, 30_000), (111_50, 122_632)]
        await watch.mined(tx, times=3)
        back = [one for one in await watch.results(deposit.id) if one.kind == "reinstated"]
        assert len(back) == 2 * turn
        assert sum(told(one)[0] for one in back[-2:]) == 140_00


async def test_late_money_that_is_taken_back_has_its_rate(watch: Watch) -> None:
    deposit = await priced(watch)
    watch.clock.advance(timedelta(minutes=16))
    await watch.read()
    await deposit.reach("expired")
    watch.price("BTC", "90000")
    await watch.mined(deposit.paid(100_000), times=3)
    (late,) = await watch.received()
    watch.price("BTC", "10")
    watch.node.reorg(3, *[()] * 4)
    await watch.read()
    (gone,) = [one for one in await watch.results(late.payment_id) if one.kind == "reversed"]
    assert told(gone)[:2] == (90_00, 100_000)


async def test_a_deposit_in_coin_is_credited_in_coin(watch: Watch) -> None:
    deposit = await watch.deposit(100_000)
    await watch.mined(deposit.paid(100_000), times=3)
    settled = await deposit.reach("settled")
    assert (settled.amount, settled.exchanged) == (Money(100_000, "BTC"), None)
    assert await watch.pool.fetchval("select count(*) from rates.credit") == 0
