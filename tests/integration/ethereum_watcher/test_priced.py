"""Deposits by Ethereum that are priced in dollars."""

from typing import Any

import pytest

from cift_shared.money.amount import Money
from tests.integration.ethereum_watcher.harness import Watch
from tests.support.exchanges import locked

pytestmark = pytest.mark.integration


async def test_the_asked_amount_is_credited_as_quoted(watch: Watch[Any]) -> None:
    terms = locked(50_00, "ETH", "3150", at=watch.clock.now())
    deposit = await watch.deposit(amount=Money(50_00, "USD"), exchange=terms)
    assert terms.amount.minor == 15_873_015_873_015_874
    deposit.pay(terms.amount.minor)
    await watch.mined()
    await watch.final()
    settled = await deposit.reach("settled")
    assert settled.amount == Money(50_00, "USD")
    assert settled.exchanged is not None
    assert settled.exchanged.amount == terms.amount


async def test_ether_of_a_contract_is_credited(watch: Watch[Any]) -> None:
    terms = locked(50_00, "ETH", "3150", at=watch.clock.now())
    deposit = await watch.deposit(amount=Money(50_00, "USD"), exchange=terms)
    deposit.pay(terms.amount.minor, by_contract=True)
    await watch.mined()
    await watch.final()
    assert (await deposit.reach("settled")).amount == Money(50_00, "USD")
