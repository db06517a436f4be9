"""Tokens of deposits are moved to the account that pays; ether for the gas comes first.

Business rule: it costs the network's fees and nothing else; the ether that an address gets for its
gas is nobody's deposit, in whichever branch of the chain.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from cift_shared.messaging.messages import PaymentResult
from ethereum_watcher.ether_transfers import parse, unsigned_bytes
from tests.integration.ethereum_watcher.harness import Deposit
from tests.integration.ethereum_watcher.payout_harness import (
    HOT,
    TOKEN,
    Paying,
    capped,
    open_paying,
    stranger,
)
from tests.integration.ethereum_watcher.test_consolidations import (
    mined_to_the_end,
    plans,
    versions,
)
from tests.integration.ethereum_watcher.test_token_payouts import frozen
from tests.support.ethereum import ETHER

pytestmark = pytest.mark.integration

SETTINGS = {"consolidate_token_min": 20}
FUNDS = 5 * ETHER


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database, **SETTINGS) as opened:
        await opened.fund()
        yield opened


async def deposited(paying: Paying, tokens: int = 25, currency: str = "USDC") -> Deposit:
    """A deposit in a token that is credited, and final at its address."""
    deposit = await paying.deposit(tokens * TOKEN, currency=currency)
    deposit.pay_token(tokens * TOKEN, currency)
    await paying.mined()
    await paying.final()
    await deposit.reach("settled")
    return deposit


async def fees(paying: Paying) -> Sequence[tuple[str, int]]:
    """What the ledger was told, in its order."""
    return [(_cause(one), one.provider_fee.minor) for one in await paying.charges()]  # type: ignore[union-attr]


def _cause(one: PaymentResult) -> str:
    assert one.charged is not None
    return one.charged.cause


async def gas_arrives(paying: Paying) -> asyncpg.Record:
    """The plan of the ether for gas, which is final at the end."""
    await paying.consolidate(2)
    (row,) = await plans(paying)
    assert row["sender"] == bytes.fromhex(HOT[2:])
    await mined_to_the_end(paying)
    return row


@pytest.mark.parametrize("currency", ["USDC", "USDT"])
async def test_tokens_are_moved_after_the_ether_for_their_gas(
    paying: Paying, currency: str
) -> None:
    """USDT returns nothing from a transfer."""
    deposit = await deposited(paying, currency=currency)
    await gas_arrives(paying)
    assert paying.token_balance(HOT, currency) == 0
    (gas,) = await fees(paying)
    assert gas[0] == "gas"
    await paying.consolidate(2)
    (_, moved) = [parse(row["unsigned"]) for row in await versions(paying)]
    assert (moved.wei, moved.nonce) == (25 * TOKEN, 0)
    await mined_to_the_end(paying)
    assert paying.token_balance(HOT, currency) == 25 * TOKEN
    assert paying.token_balance(deposit.address, currency) == 0
    charged = await fees(paying)
    assert [cause for cause, _ in charged] == ["gas", "consolidation"]
    ours = paying.balance(HOT) + paying.balance(deposit.address)
    assert ours == FUNDS - sum(fee for _, fee in charged)
    await paying.consolidate(2)
    await mined_to_the_end(paying)
    assert len(await plans(paying)) == 2
    assert await paying.received() == []
    assert len(await paying.arrivals()) == 1
    payment_id = await paying.withdraw(25 * TOKEN, currency=currency)
    await paying.in_pool(payment_id)
    await paying.settled(payment_id)


async def test_ether_for_gas_is_nobodys_deposit_in_any_branch(paying: Paying) -> None:
    await deposited(paying)
    await paying.consolidate(2)
    await paying.mined(2)
    paying.node.reorg(2, 3)
    await paying.read()
    await paying.consolidate(2)
    await mined_to_the_end(paying)
    assert await paying.received() == []
    assert len(await paying.arrivals()) == 1
    assert [cause for cause, _ in await fees(paying)] == ["gas"]
    assert len(await plans(paying)) == 1


async def test_a_deposit_beside_the_gas_is_credited(paying: Paying) -> None:
    deposit = await deposited(paying)
    await paying.consolidate(2)
    deposit.pay_token(30 * TOKEN)
    await mined_to_the_end(paying)
    (late,) = await paying.received()
    assert late.amount is not None
    assert (late.amount.minor, late.amount.currency) == (30 * TOKEN, "USDC")
    await paying.charges()
    await paying.consolidate(2)
    await mined_to_the_end(paying)
    assert paying.token_balance(HOT) == 55 * TOKEN


async def test_a_block_that_is_undone_moves_tokens_once(paying: Paying) -> None:
    await deposited(paying)
    await gas_arrives(paying)
    await paying.charges()
    await paying.consolidate(2)
    await paying.mined()
    paying.node.reorg(1, 2)
    await paying.read()
    await paying.consolidate(2)
    await mined_to_the_end(paying)
    assert paying.token_balance(HOT) == 25 * TOKEN
    assert len(await paying.charges()) == 2
    assert len(await plans(paying)) == 2


async def test_an_address_with_ether_gets_none(emptied_database: str) -> None:
    """What is left of the ether is moved after the tokens."""
    async with open_paying(emptied_database, consolidate_worth=10, **SETTINGS) as paying:
        deposit = await deposited(paying)
        deposit.pay(ETHER)
        await mined_to_the_end(paying)
        await paying.consolidate(2)
        (row,) = await plans(paying)
        assert row["contract"] is not None
        await mined_to_the_end(paying)
        assert paying.token_balance(HOT) == 25 * TOKEN
        await paying.charges()
        await paying.consolidate(2)
        await mined_to_the_end(paying)
        assert [one["nonce"] for one in await plans(paying)] == [0, 1]
        assert paying.balance(HOT) > ETHER - ETHER // 100
        assert len(await paying.charges()) == 2


class TestNotPlanned:
    @pytest.mark.parametrize(
        ("over", "tokens"),
        [({"consolidate_token_min": 0}, 25), ({}, 19), ({"float_min": FUNDS}, 25)],
        ids=["off", "too few tokens", "withdrawals come first"],
    )
    async def test_otherwise_nothing_is_planned(
        self, emptied_database: str, over: dict[str, Any], tokens: int
    ) -> None:
        async with open_paying(emptied_database, **{**SETTINGS, **over}) as paying:
            await paying.fund()
            await deposited(paying, tokens)
            await paying.consolidate()
            assert await plans(paying) == []

    async def test_a_frozen_address_gets_no_gas(self, paying: Paying) -> None:
        deposit = await deposited(paying)
        await frozen(paying, deposit.address)
        await paying.consolidate()
        assert await plans(paying) == []

    async def test_a_transfer_that_needs_too_much_gas_waits(self, paying: Paying) -> None:
        await deposited(paying)
        paying.node.lies["eth_estimateGas"] = lambda params, result: hex(180_000)
        await paying.consolidate()
        assert await plans(paying) == []

    async def test_while_others_use_the_account_that_pays_no_gas_is_sent(
        self, paying: Paying
    ) -> None:
        await deposited(paying)
        raw, _ = stranger().sign(0, paying.somebody(), ETHER // 10)
        paying.node.send(raw)
        await mined_to_the_end(paying)
        await paying.consolidate()
        assert await plans(paying) == []


async def test_one_that_is_frozen_later_costs_its_fee_and_is_not_repeated_that_day(
    paying: Paying,
) -> None:
    deposit = await deposited(paying)
    await gas_arrives(paying)
    await paying.charges()
    await paying.consolidate(2)
    await frozen(paying, deposit.address)
    await mined_to_the_end(paying)
    assert [cause for cause, _ in await fees(paying)] == ["gas", "consolidation"]
    failed = (await plans(paying))[1]
    assert failed["has_failed"]
    await mined_to_the_end(paying)
    await paying.consolidate(2)
    assert len(await plans(paying)) == 2


async def test_gas_and_withdrawals_share_the_nonces(paying: Paying) -> None:
    await deposited(paying)
    first = await paying.withdraw(ETHER // 10)
    await paying.planned(first)
    await paying.consolidate()
    second = await paying.withdraw(ETHER // 10)
    await paying.in_pool(second)
    (row,) = await plans(paying)
    assert row["nonce"] == 1
    await paying.consolidate()
    await paying.settled(second)
    assert paying.nonce() == 3
    await paying.reach(first, "settled")


class TestSigner:
    async def test_gas_that_it_refuses_gives_its_nonce_to_the_next(self, paying: Paying) -> None:
        await deposited(paying)
        paying.signer, _ = paying.another_signer(capped(transaction_max=1))
        await paying.consolidate(2)
        (row,) = await plans(paying)
        assert row["nonce"] is None
        paying.signer, _ = paying.another_signer()
        payment_id = await paying.withdraw(ETHER // 10)
        await paying.in_pool(payment_id)
        assert (await paying.planned(payment_id))[0]["nonce"] == 0

    async def test_gas_for_somebody_else_is_not_signed(self, paying: Paying) -> None:
        """Whoever can write the watcher's tables."""
        await deposited(paying)
        await paying.consolidations.run(paying.lease)
        (row,) = await versions(paying)
        other = bytes.fromhex(paying.somebody()[2:])
        changed = unsigned_bytes(replace(parse(row["unsigned"]), account=other))
        await paying.pool.execute("update ethereum.spend set unsigned = $1", changed)
        await paying.sign()
        reason = await paying.pool.fetchval("select reason from ethereum_signer.refusal")
        assert reason == "not_to_ourselves"
