"""Withdrawals in tokens through engine, PostgreSQL and signer, in front of a real EVM.

Business rule: a withdrawal in a token pays its amount to its address once, whoever dies; the fee is
paid in ether. It is completed when the token itself has reported the transfer, for good.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cift_shared.money.amount import Money
from ethereum_watcher.ether_transfers import parse, unsigned_bytes
from tests.integration.ethereum_watcher.payout_harness import (
    HOT,
    LIMITS,
    TOKEN,
    Paying,
    PayingNode,
    capped,
    open_paying,
)
from tests.support import ethereum, ethereum_contracts
from tests.support.ethereum import ETHER

pytestmark = pytest.mark.integration


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with open_paying(emptied_database) as opened:
        yield opened


async def declined(paying: Paying, payment_id: Any) -> str:
    told = await paying.reach(payment_id, "declined")
    assert told.failure is not None
    return told.failure.code


@pytest.mark.parametrize("currency", ["USDC", "USDT"])
async def test_a_token_is_signed_sent_and_settled_once_it_is_final(
    paying: Paying, currency: str
) -> None:
    """USDT returns nothing from a transfer."""
    await paying.fund()
    await paying.fund_token(100 * TOKEN, currency)
    payment_id = await paying.withdraw(25 * TOKEN, currency=currency)
    name = await paying.in_pool(payment_id)
    await paying.mined()
    await paying.rest(payment_id)
    assert "settled" not in await paying.kinds(payment_id)
    await paying.final()
    settled = await paying.reach(payment_id, "settled")
    assert settled.amount == Money(25 * TOKEN, currency)
    assert settled.provider_reference == name
    assert paying.token_balance(currency=currency) == 25 * TOKEN
    assert paying.token_balance(HOT, currency) == 75 * TOKEN
    fee = settled.provider_fee
    assert fee is not None
    assert fee.currency == "ETH"
    assert paying.balance(HOT) == 5 * ETHER - fee.minor


async def test_ether_and_tokens_share_the_nonces(paying: Paying) -> None:
    await paying.fund()
    await paying.fund_token()
    orders = [(ETHER // 10, "ETH"), (5 * TOKEN, "USDC"), (ETHER // 10, "ETH")]
    ids = [await paying.withdraw(amount, currency=currency) for amount, currency in orders]
    for one in ids:
        await paying.in_pool(one)
    rows = [(await paying.planned(one))[0] for one in ids]
    assert sorted(row["nonce"] for row in rows) == [0, 1, 2]
    await paying.mined()
    await paying.final()
    for one in ids:
        await paying.reach(one, "settled")


async def test_a_stuck_one_pays_a_higher_fee_and_the_amount_once(emptied_database: str) -> None:
    async with open_paying(emptied_database, bump_after_blocks=2) as paying:
        await paying.fund()
        await paying.fund_token()
        payment_id = await paying.withdraw(25 * TOKEN, currency="USDC")
        await paying.in_pool(payment_id)
        await paying.empty_blocks(2)
        second = await paying.in_pool(payment_id, versions=2)
        old, new = await paying.planned(payment_id, versions=2)
        fees = {"max_fee": int(old["max_fee"]), "tip": int(old["tip"])}
        assert replace(parse(new["unsigned"]), **fees) == parse(old["unsigned"])
        settled = await paying.settled(payment_id)
        assert settled.provider_reference == second
        assert paying.token_balance() == 25 * TOKEN


async def test_a_block_that_is_undone_pays_once(paying: Paying) -> None:
    await paying.fund()
    await paying.fund_token()
    payment_id = await paying.withdraw(25 * TOKEN, currency="USDC")
    await paying.in_pool(payment_id)
    await paying.mined()
    count = "select count(*) from ethereum.hot_transfer"
    assert await paying.pool.fetchval(count) == 1
    paying.node.reorg(1, 2)
    await paying.read()
    assert await paying.pool.fetchval(count) == 0
    await paying.in_pool(payment_id)
    await paying.settled(payment_id)
    assert paying.token_balance() == 25 * TOKEN
    assert paying.nonce() == 1


class TestTooLittle:
    async def test_too_few_tokens_wait_and_more_let_it_continue(self, paying: Paying) -> None:
        await paying.fund()
        await paying.fund_token(10 * TOKEN)
        await paying.fund_token(100 * TOKEN, "USDT")
        payment_id = await paying.withdraw(25 * TOKEN, currency="USDC")
        await paying.reach(payment_id, "noted")
        assert await paying.kinds(payment_id) == []
        await paying.fund_token(15 * TOKEN)
        await paying.in_pool(payment_id)

    async def test_too_little_ether_for_the_fee_waits(self, paying: Paying) -> None:
        await paying.fund(10**12)
        await paying.fund_token()
        payment_id = await paying.withdraw(25 * TOKEN, currency="USDC")
        await paying.reach(payment_id, "noted")
        assert await paying.kinds(payment_id) == []
        await paying.fund()
        await paying.in_pool(payment_id)

    async def test_the_same_tokens_are_not_planned_twice(self, paying: Paying) -> None:
        await paying.fund()
        await paying.fund_token(100 * TOKEN)
        first = await paying.withdraw(60 * TOKEN, currency="USDC")
        await paying.planned(first)
        second = await paying.withdraw(60 * TOKEN, currency="USDC")
        await paying.reach(second, "noted")
        assert await paying.pool.fetchval("select count(*) from ethereum.payout") == 1
        assert await paying.spendable("USDC") == 40 * TOKEN

    async def test_a_node_that_does_not_have_the_tokens_yet_is_not_believed(
        self, paying: Paying
    ) -> None:
        """It says that the token refuses the transfer."""
        await paying.fund()
        await paying.fund_token()
        refusal = {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": "execution reverted"}}
        paying.node.lies = {
            "eth_estimateGas": lambda params, result: httpx.Response(200, json=refusal),
            "eth_call": lambda params, result: "0x" + "0" * 64 if "latest" in params else result,
        }
        payment_id = await paying.withdraw(25 * TOKEN, currency="USDC")
        await paying.reach(payment_id, "noted")
        assert await paying.kinds(payment_id) == []
        paying.node.lies = {}
        await paying.in_pool(payment_id)

    async def test_a_transfer_that_needs_too_much_gas_waits(self, paying: Paying) -> None:
        await paying.fund()
        await paying.fund_token()
        paying.node.lies["eth_estimateGas"] = lambda params, result: hex(180_000)
        payment_id = await paying.withdraw(25 * TOKEN, currency="USDC")
        await paying.reach(payment_id, "noted")
        assert await paying.pool.fetchval("select count(*) from ethereum.payout") == 0
        paying.node.lies = {}
        await paying.in_pool(payment_id)

    async def test_what_can_be_spent_needs_ether_and_a_signer(self, paying: Paying) -> None:
        await paying.fund_token(100 * TOKEN)
        assert await paying.spendable("USDC") == 0
        await paying.fund()
        assert await paying.spendable("USDC") == 100 * TOKEN
        assert await paying.spendable("USDT") == 0
        await paying.signer_lease.release(paying.signer_pool)
        assert await paying.spendable("USDC") == 0


class TestRecipients:
    @pytest.mark.parametrize(
        ("address", "code"),
        [
            (HOT, "address_is_ours"),
            (ethereum.CONTRACTS["USDC"], "address_is_a_token"),
            (ethereum.CONTRACTS["USDT"], "address_is_a_token"),
            ("0x" + "0" * 40, "address_invalid"),
        ],
        ids=["the hot account", "the token", "another token", "zero"],
    )
    @pytest.mark.parametrize(("amount", "currency"), [(25 * TOKEN, "USDC"), (ETHER, "ETH")])
    async def test_one_that_can_not_be_paid_is_declined(
        self, paying: Paying, address: str, code: str, amount: int, currency: str
    ) -> None:
        await paying.fund()
        await paying.fund_token()
        payment_id = await paying.withdraw(amount, address, currency=currency)
        assert await declined(paying, payment_id) == code

    async def test_an_address_of_a_deposit_is_declined(self, paying: Paying) -> None:
        await paying.fund_token()
        own = await paying.deposit()
        payment_id = await paying.withdraw(25 * TOKEN, own.address, currency="USDC")
        assert await declined(paying, payment_id) == "address_is_ours"

    async def test_a_denied_one_is_declined(self, emptied_database: str, tmp_path: Path) -> None:
        denied = tmp_path / "denied"
        denied.write_text(ethereum.SHARED)
        async with open_paying(emptied_database, deny_file=denied) as paying:
            payment_id = await paying.withdraw(25 * TOKEN, ethereum.SHARED, currency="USDC")
            assert await declined(paying, payment_id) == "address_denied"

    async def test_one_that_the_issuer_has_frozen_is_told_before_anything_is_sent(
        self, paying: Paying
    ) -> None:
        await paying.fund()
        await paying.fund_token()
        somebody = paying.somebody()
        await frozen(paying, somebody)
        payment_id = await paying.withdraw(25 * TOKEN, somebody, currency="USDC")
        assert await declined(paying, payment_id) == "recipient_refused"
        assert await paying.pool.fetchval("select count(*) from ethereum.payout") == 0

    async def test_one_that_is_frozen_later_is_declined_with_the_fee_once_it_is_final(
        self, paying: Paying
    ) -> None:
        await paying.fund()
        await paying.fund_token()
        payment_id = await paying.withdraw(25 * TOKEN, currency="USDC")
        await paying.in_pool(payment_id)
        await frozen(paying, paying.recipient)
        await paying.mined()
        await paying.rest(payment_id)
        assert "declined" not in await paying.kinds(payment_id)
        await paying.final()
        assert await declined(paying, payment_id) == "recipient_refused"
        fee = (await paying.reach(payment_id, "declined")).provider_fee
        assert fee is not None
        assert paying.balance(HOT) == 5 * ETHER - fee.minor
        assert paying.token_balance(HOT) == 500 * TOKEN


async def frozen(paying: Paying, address: str) -> None:
    """Let the token's issuer freeze an address, in a block that has nothing else."""
    contract = paying.node.node.tokens["USDC"]
    name = paying.node.call(contract, ethereum_contracts.blacklist(bytes.fromhex(address[2:])))
    paying.node.node.mine(1, only={bytes.fromhex(name[2:])})
    await paying.read()


@pytest.mark.parametrize(
    "code",
    [
        ethereum_contracts.MOVES_NOTHING,
        ethereum_contracts.KEEPS_A_PART,
        ethereum_contracts.SAYS_FALSE,
    ],
    ids=["reports nothing", "reports less", "returns false"],
)
async def test_a_transfer_that_the_token_does_not_report_is_for_an_operator(
    emptied_database: str, code: bytes
) -> None:
    """The transaction succeeds: nobody can tell from that what has moved."""
    node = PayingNode()
    contract = node.deploy(code)
    named = {"token_list": f"USDC=0x{contract.hex()}"}
    limits = replace(LIMITS, tokens={contract: next(iter(LIMITS.tokens.values()))})
    async with open_paying(emptied_database, node=node, **named) as paying:
        paying.signer, _ = paying.another_signer(limits)
        await paying.fund()
        payment_id = await paying.withdraw(25 * TOKEN, currency="USDC")
        await paying.in_pool(payment_id)
        await paying.mined()
        await paying.rest(payment_id)
        assert not {"settled", "conflicting"} & set(await paying.kinds(payment_id))
        await paying.final()
        told = await paying.reach(payment_id, "conflicting")
        assert "not reported" in str(told.reason)
        assert (await paying.state_of(payment_id))["state"] == "review"
        assert not {"settled", "declined"} & set(await paying.kinds(payment_id))


class TestTheSigner:
    @pytest.mark.parametrize(
        "change",
        [
            lambda old: replace(old, account=b"\x66" * 20),
            lambda old: replace(old, wei=old.wei + 1),
            lambda old: replace(old, contract=bytes.fromhex(ethereum.CONTRACTS["USDT"][2:])),
            lambda old: replace(old, contract=None),
        ],
        ids=["recipient", "amount", "token", "ether"],
    )
    async def test_what_the_watcher_makes_up_is_not_signed(
        self, paying: Paying, change: Any
    ) -> None:
        """Somebody with the watcher's rights writes another call into its tables."""
        await paying.fund()
        await paying.fund_token()
        payment_id = await paying.withdraw(25 * TOKEN, currency="USDC")
        (row,) = await paying.planned(payment_id)
        await paying.pool.execute(
            "update ethereum.spend set unsigned = $2 where payment_id = $1",
            payment_id,
            unsigned_bytes(change(parse(row["unsigned"]))),
        )
        await paying.sign()
        refused = await paying.pool.fetch("select reason from ethereum_signer.refusal")
        assert [one["reason"] for one in refused] == ["other_payment"]
        await paying.mined()
        assert paying.token_balance(HOT) == 500 * TOKEN

    async def test_a_token_that_it_does_not_know_is_not_signed(self, paying: Paying) -> None:
        await paying.fund()
        await paying.fund_token()
        paying.signer, _ = paying.another_signer(replace(LIMITS, tokens={}))
        payment_id = await paying.withdraw(25 * TOKEN, currency="USDC")
        await paying.planned(payment_id)
        await paying.sign()
        assert await declined(paying, payment_id) == "signer_refused"

    async def test_the_caps_of_each_currency_are_its_own(self, paying: Paying) -> None:
        await paying.fund()
        await paying.fund_token()
        await paying.fund_token(currency="USDT")
        caps = {"transaction_max": 30 * TOKEN, "day_max": 40 * TOKEN}
        paying.signer, _ = paying.another_signer(capped("USDC", **caps))
        above = await paying.withdraw(31 * TOKEN, currency="USDC")
        await paying.planned(above)
        await paying.sign()
        assert await declined(paying, above) == "above_signing_limit"
        for amount, currency in [(30 * TOKEN, "USDC"), (50 * TOKEN, "USDT"), (ETHER, "ETH")]:
            fine = await paying.withdraw(amount, currency=currency)
            await paying.in_pool(fine)
        # Planned last: what the signer holds back keeps every later nonce waiting.
        waits = await paying.withdraw(11 * TOKEN, currency="USDC")
        await paying.planned(waits)
        await paying.sign()
        assert await paying.signed(waits) is None
        assert "declined" not in await paying.kinds(waits)
