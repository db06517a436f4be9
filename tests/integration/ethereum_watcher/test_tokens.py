"""Token deposits through the real engine and PostgreSQL, in front of tokens on a real EVM.

Business rule: a token that a configured contract has moved to our address is credited once, exactly
and in its own currency, whoever sent it and however often blocks are replaced.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from chain_watch.rpc import NodeFailed
from cift_shared.attempts.processor import Attempt
from cift_shared.errors import SettingsInvalid
from cift_shared.ids import AttemptId
from cift_shared.messaging.outcomes import FailureCategory, Pending
from cift_shared.money.amount import Money
from ethereum_method.rail import DUST_TOKEN
from ethereum_watcher.addresses import parse_address
from provider_sandbox.ethereum.contracts import TOKENS
from tests.integration.ethereum_watcher.harness import Deposit, OpenWatch, Watching
from tests.support import ethereum, ethereum_contracts
from tests.support.ethereum import CONTRACTS, ETHER
from tests.support.ethereum_contracts import FICKLE, MULTI_SENDER, words
from tests.support.ethereum_keys import Wallet

pytestmark = pytest.mark.integration

UNIT = 10**6
AMOUNT = 25 * UNIT


@pytest.fixture
async def watch(opened: OpenWatch) -> AsyncIterator[Watching]:
    async with opened(token_list=ethereum.TOKENS) as watching:
        yield watching


async def asked(watch: Watching, currency: str = "USDC", amount: int = AMOUNT) -> Deposit:
    return await watch.deposit(amount, currency=currency)


@pytest.mark.parametrize("currency", ["USDC", "USDT"])
async def test_a_token_is_credited_once_its_block_is_final(watch: Watching, currency: str) -> None:
    amount = AMOUNT + 1
    deposit = await asked(watch, currency, amount)
    transaction = deposit.pay_token(amount, currency)
    await watch.mined()
    seen = (await deposit.reach("submitted")).next_action
    assert seen is not None
    assert (seen["confirmations"], seen["confirmations_required"]) == ("1", "finalized")
    assert (seen["amount"], seen["currency"], seen["received"]) == (
        "25.000001", currency, "25.000001",
    )  # fmt: skip
    contract = CONTRACTS[currency]
    assert seen["contract"] == contract
    call = f"transfer?address={deposit.address}&uint256=25000001"
    assert seen["uri"] == f"ethereum:{contract}@31337/{call}"
    assert "<svg" in seen["qr_svg"]
    await watch.mined(7)
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()
    await watch.mined()
    settled = await deposit.reach("settled")
    assert settled.amount == Money(amount, currency)
    assert settled.provider_reference == f"{transaction}:0"
    await watch.final()
    assert (await deposit.kinds()).count("settled") == 1
    assert await watch.received() == []


async def test_a_contract_that_pays_several_at_once_is_seen(watch: Watching) -> None:
    first, second = await asked(watch), await asked(watch)
    sender = watch.node.deploy(MULTI_SENDER)
    token = watch.node.node.tokens["USDC"]
    watch.node.call(token, ethereum_contracts.approve(sender, 3 * AMOUNT))
    of = [parse_address(one.address).script for one in (first, second)]
    transaction = watch.node.call(sender, words(token, of[0], AMOUNT, of[1], 2 * AMOUNT))
    await watch.mined()
    await watch.final()
    for place, (deposit, amount) in enumerate([(first, AMOUNT), (second, 2 * AMOUNT)]):
        settled = await deposit.reach("settled")
        assert settled.amount == Money(amount, "USDC")
        assert settled.provider_reference == f"{transaction}:{place}"


async def test_two_transfers_of_one_transaction_to_one_address_are_summed(watch: Watching) -> None:
    deposit = await asked(watch)
    sender = watch.node.deploy(MULTI_SENDER)
    token, to = watch.node.node.tokens["USDC"], parse_address(deposit.address).script
    watch.node.call(token, ethereum_contracts.approve(sender, AMOUNT))
    watch.node.call(sender, words(token, to, AMOUNT - UNIT, to, UNIT))
    await watch.mined()
    await watch.final()
    assert (await deposit.reach("settled")).amount == Money(AMOUNT, "USDC")


async def test_a_part_waits_for_the_rest_and_more_is_credited_whole(watch: Watching) -> None:
    short, long = await asked(watch), await asked(watch)
    short.pay_token(UNIT)
    long.pay_token(AMOUNT - 1)
    await watch.mined()
    long.pay_token(AMOUNT)
    await watch.mined()
    await watch.final()
    assert (await long.reach("settled")).amount == Money(2 * AMOUNT - 1, "USDC")
    await watch.rest(short.id)
    assert "settled" not in await short.kinds()
    watch.clock.advance(timedelta(seconds=3700))
    await watch.read()
    assert (await short.reach("settled")).amount == Money(UNIT, "USDC")


async def test_late_and_repeated_tokens_are_payments_of_their_own(watch: Watching) -> None:
    deposit = await asked(watch)
    deposit.pay_token(AMOUNT)
    await watch.mined()
    await watch.final()
    await deposit.reach("settled")
    again = deposit.pay_token(2 * UNIT)
    await watch.mined()
    await watch.final()
    (late,) = await watch.received()
    assert late.amount == Money(2 * UNIT, "USDC")
    assert late.provider_reference == f"{again}:0"
    assert late.received is not None
    assert late.received.related_payment_id == deposit.id
    assert late.evidence


async def test_dust_is_recorded_and_credited_to_nobody(watch: Watching) -> None:
    deposit = await asked(watch)
    deposit.pay_token(DUST_TOKEN - 1)
    await watch.mined()
    await watch.final()
    watch.clock.advance(timedelta(seconds=3700))
    await watch.read()
    await deposit.reach("expired")
    await watch.read()
    assert await watch.received() == []
    (row,) = await watch.arrivals()
    assert (int(row["wei"]), row["currency"]) == (DUST_TOKEN - 1, "USDC")
    deposit.pay_token(DUST_TOKEN)
    await watch.mined()
    await watch.final()
    assert [one.amount for one in await watch.received()] == [Money(DUST_TOKEN, "USDC")]


@pytest.mark.parametrize(
    ("wanted", "minor", "came"), [("ETH", ETHER, "USDC"), ("USDC", AMOUNT, "USDT")]
)
async def test_money_in_another_currency_settles_nothing_and_is_not_lost(
    watch: Watching, wanted: str, minor: int, came: str
) -> None:
    deposit = await asked(watch, wanted, minor)
    transaction = deposit.pay_token(AMOUNT, came)
    await watch.mined()
    await watch.final()
    await watch.rest(deposit.id)
    assert await deposit.kinds() == ["action_required"]
    watch.clock.advance(timedelta(seconds=3700))
    await watch.read()
    await deposit.reach("expired")
    await watch.read()
    (other,) = await watch.received()
    assert (other.amount, other.provider_reference) == (Money(AMOUNT, came), f"{transaction}:0")
    assert other.evidence[0].detail["deposit"] == str(deposit.id)
    assert other.received is not None
    assert other.received.related_payment_id == deposit.id


async def test_ether_to_the_address_of_a_token_deposit_is_reported_as_ether(
    watch: Watching,
) -> None:
    deposit = await asked(watch)
    deposit.pay(ETHER)
    deposit.pay(ETHER, by_contract=True)
    deposit.pay_token(AMOUNT)
    await watch.mined()
    await watch.final()
    assert (await deposit.reach("settled")).amount == Money(AMOUNT, "USDC")
    await watch.final()
    assert [one.amount for one in await watch.received()] == [Money(ETHER, "ETH")] * 2


async def test_a_token_is_no_increase_of_the_balance(watch: Watching) -> None:
    """An amount of tokens is not taken off the ether that a contract has sent."""
    deposit = await watch.deposit(ETHER)
    deposit.pay_token(AMOUNT)
    deposit.pay(ETHER, by_contract=True)
    await watch.mined()
    await watch.final()
    assert (await deposit.reach("settled")).amount == Money(ETHER, "ETH")


async def test_a_token_of_the_same_name_from_another_contract_is_nothing(watch: Watching) -> None:
    deposit = await asked(watch)
    fake = watch.node.deploy(TOKENS[0].deployment(watch.node.node.faucet))
    to = parse_address(deposit.address).script
    watch.node.call(fake, ethereum_contracts.transfer(to, AMOUNT))
    await watch.mined()
    await watch.final()
    await watch.rest(deposit.id)
    assert await deposit.kinds() == ["action_required"]
    assert await watch.arrivals() == []


async def test_a_transfer_that_reverts_moves_nothing(watch: Watching) -> None:
    deposit = await asked(watch)
    deposit.pay_token(10**18)  # more than there is
    await watch.mined()
    await watch.final()
    assert await watch.arrivals() == []


async def test_transfers_of_nothing_and_between_our_addresses_are_none(watch: Watching) -> None:
    first, second = await asked(watch), await asked(watch)
    assert first.address == ethereum.FIRST
    owner = Wallet(ethereum.FIRST_KEY)
    first.pay_token(AMOUNT)
    watch.node.pay(first.address, ETHER)
    first.pay_token(0)
    await watch.mined()
    await watch.final()
    await first.reach("settled")
    to = parse_address(second.address).script
    data = "0x" + ethereum_contracts.transfer(to, UNIT).hex()
    raw, _ = owner.sign(0, CONTRACTS["USDC"], data=data, gas=100_000)
    watch.node.send(raw)
    own = "0x" + ethereum_contracts.transfer(parse_address(first.address).script, UNIT).hex()
    raw, _ = owner.sign(1, CONTRACTS["USDC"], data=own, gas=100_000)
    watch.node.send(raw)
    await watch.mined()
    await watch.final()
    rows = await watch.arrivals()
    assert [int(row["wei"]) for row in rows if row["currency"] == "USDC"] == [AMOUNT]
    assert "settled" not in await second.kinds()


# Reorganisations --------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 3])
async def test_credited_tokens_that_are_gone_are_reversed_and_reinstated_again_and_again(
    opened: OpenWatch, depth: int
) -> None:
    async with opened(confirmations="1", token_list=ethereum.TOKENS) as watch:
        deposit = await asked(watch)
        transaction = deposit.pay_token(AMOUNT)
        await watch.mined(depth)
        await deposit.reach("settled")
        for turn in (1, 2):
            watch.node.reorg(depth)
            await watch.read()
            told = [one for one in await watch.results(deposit.id) if one.kind == "reversed"]
            assert len(told) == turn
            assert told[-1].amount == Money(AMOUNT, "USDC")
            assert told[-1].reversal_reference == f"{transaction}:0#{turn}"
            watch.node.again(transaction)
            await watch.mined(depth)
        kinds = await deposit.kinds()
        assert kinds.count("settled") == 1
        assert kinds[-4:] == ["reversed", "reinstated"] * 2
        assert await watch.received() == []


async def test_another_place_in_the_block_is_the_same_arrival(opened: OpenWatch) -> None:
    """The number of a log in its block changes; the name of the arrival does not."""
    async with opened(confirmations="1", token_list=ethereum.TOKENS) as watch:
        first, second = await asked(watch), await asked(watch)
        wallet = Wallet(4711)
        watch.node.pay(wallet.address, ETHER)
        watch.node.pay_token(wallet.address, AMOUNT)
        await watch.mined()
        first_paid = first.pay_token(AMOUNT)
        moved = ethereum_contracts.transfer(parse_address(second.address).script, AMOUNT)
        raw, name = wallet.sign(
            0, CONTRACTS["USDC"], data="0x" + moved.hex(), gas=100_000, maxPriorityFeePerGas=1
        )
        watch.node.send(raw)
        await watch.mined()
        await second.reach("settled")
        watch.node.reorg(1, 1, drop=frozenset({bytes.fromhex(first_paid[2:])}), forget=True)
        watch.node.mine()
        await watch.read()
        assert (await second.kinds())[-1] == "settled"
        rows = {row["hash"]: row for row in await watch.arrivals()}
        assert rows[name]["height"] is not None
        assert rows[first_paid]["height"] is None


async def test_a_transaction_that_pays_somebody_else_in_another_branch_is_another_arrival(
    opened: OpenWatch,
) -> None:
    async with opened(confirmations="1", token_list=ethereum.TOKENS) as watch:
        first, second = await asked(watch), await asked(watch)
        token = watch.node.node.tokens["USDC"]
        fickle = watch.node.deploy(FICKLE)
        watch.node.call(token, ethereum_contracts.transfer(fickle, AMOUNT))
        watch.node.call(fickle, words(parse_address(first.address).script))
        other = Wallet(4712)
        watch.node.pay(other.address, ETHER)
        await watch.mined()
        to_second = "0x" + words(parse_address(second.address).script).hex()
        raw, change = other.sign(
            0, "0x" + fickle.hex(), data=to_second, gas=100_000, maxPriorityFeePerGas=2 * 10**9
        )
        watch.node.send(raw)
        paid = watch.node.call(fickle, words(0, token, AMOUNT))
        await watch.mined()
        assert (await second.reach("settled")).amount == Money(AMOUNT, "USDC")
        watch.node.reorg(1, 1, drop=frozenset({bytes.fromhex(change[2:])}), forget=True)
        watch.node.mine()
        await watch.read()
        reversed_ = await second.reach("reversed")
        assert reversed_.reversal_reference == f"{paid}:0#1"
        settled = await first.reach("settled")
        assert settled.amount == Money(AMOUNT, "USDC")
        assert settled.provider_reference == f"{paid}:{2**20}"


# One address for all deposits -------------------------------------------------------------------


async def test_tokens_to_a_shared_address_are_matched_by_the_named_transaction(
    opened: OpenWatch,
) -> None:
    shared = {"xpub": None, "deposit_address": ethereum.SHARED, "token_list": ethereum.TOKENS}
    async with opened(**shared) as watch:
        first, second = await asked(watch), await asked(watch)
        transaction = first.pay_token(AMOUNT)
        await watch.mined()
        await watch.final()
        await watch.verify(first.id, transaction)
        settled = await first.reach("settled")
        assert settled.amount == Money(AMOUNT, "USDC")
        await watch.verify(second.id, transaction)
        await watch.rest(second.id)
        assert "settled" not in await second.kinds()
        other = second.pay_token(2 * AMOUNT)
        await watch.mined()
        await watch.final()
        watch.clock.advance(timedelta(days=1))
        await watch.read()
        (parked,) = await watch.received()
        assert parked.provider_reference == f"{other}:0"
        assert parked.received is not None
        assert parked.received.related_payment_id is None


# Settings ---------------------------------------------------------------------------------------


async def test_a_token_that_is_not_set_up_is_declined(opened: OpenWatch) -> None:
    async with opened(token_list=f"USDT={CONTRACTS['USDT']}") as watch:
        command = ethereum.deposit(AMOUNT, currency="USDC", clock=watch.clock)
        await watch.send(command)
        declined = await watch.reach(command.payment_id, "declined")
        assert declined.failure is not None
        assert declined.failure.category == FailureCategory.INVALID


async def test_a_deposit_waits_while_its_token_is_not_set_up(watch: Watching) -> None:
    deposit = await asked(watch)
    watch.config = ethereum.config(token_list="none")
    processor = watch.new_processor()
    command = ethereum.deposit(AMOUNT, currency="USDC", clock=watch.clock)
    attempt = Attempt(AttemptId(deposit.id), "deposit", command)
    answer = await processor.get_transaction_status(attempt)
    assert answer.outcome == Pending()
    await processor.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (f"0x{18:064x}", SettingsInvalid),
        (f"0x{0:064x}", SettingsInvalid),
        ("0x", NodeFailed),
        ("0x06", NodeFailed),
        ("0x" + "00" * 64, NodeFailed),
        ("six", NodeFailed),
        (None, NodeFailed),
    ],
)
async def test_a_contract_without_the_places_of_its_token_stops_the_reading(
    watch: Watching, answer: Any, error: type[Exception]
) -> None:
    deposit = await asked(watch)
    deposit.pay_token(AMOUNT)
    watch.node.mine()
    watcher, _ = watch.another()
    watch.node.lies["eth_call"] = lambda *_: answer
    with pytest.raises(error):
        await watcher.run(watch.lease)
    assert await watch.arrivals() == []
    watch.node.lies.clear()
    await watcher.run(watch.lease)
    assert len(await watch.arrivals()) == 1
