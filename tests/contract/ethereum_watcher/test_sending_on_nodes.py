"""Transfers of ether and tokens, signed by our signer, on whole nodes over HTTP.

Business rule: the same bytes do no harm however often they are sent, a raise of ours replaces what
waits, and the watcher understands what each node answers.
"""

from dataclasses import replace
from itertools import count

import pytest

from ethereum_signer.signing import SignedTransfer, sign
from ethereum_watcher.broadcast_codes import Broadcast
from ethereum_watcher.ether_transfers import Transfer, unsigned_bytes
from ethereum_watcher.mapping import GWEI
from ethereum_watcher.payout_fees import Fee, first_fee, raised_fee
from ethereum_watcher.sending import with_offer
from ethereum_watcher.token_calls import transfer_data
from ethereum_watcher.token_transfers import Placed, transfers_from
from provider_sandbox.ethereum.contracts import REFUSER, TOKENS, Token
from tests.contract.ethereum_node.test_contracts import data, deployed, sent
from tests.contract.ethereum_watcher.test_on_nodes import client_of
from tests.support.ethereum_keys import ETHER, Wallet
from tests.support.ethereum_node import CHAIN_ID, EthereumNode
from wallet_keys.ethereum_account import EthereumAccount
from wallet_keys.seed_file import Seed

pytestmark = pytest.mark.integration
TO = b"\x12" * 20
TRANSFER = Transfer(
    chain_id=CHAIN_ID,
    nonce=0,
    tip=GWEI,
    max_fee=20 * GWEI,
    gas=21_000,
    account=TO,
    wei=ETHER,
)


_NUMBERS = count(1)


@pytest.fixture
def account() -> EthereumAccount:
    """An account that no other test uses: the nodes are shared."""
    entropy = bytearray(next(_NUMBERS).to_bytes(32))
    return EthereumAccount(Seed("regtest", "00" * 8, entropy))


def signed(account: EthereumAccount, transfer: Transfer) -> SignedTransfer:
    return sign(unsigned_bytes(transfer), account)


async def test_the_same_bytes_a_weak_raise_and_a_good_one(
    node: EthereumNode, account: EthereumAccount
) -> None:
    node.fund(account.hot_address, 3 * ETHER)
    client, first = client_of(node), signed(account, TRANSFER)
    assert await client.send(first.raw) is Broadcast.ACCEPTED
    assert await client.send(first.raw) is Broadcast.ACCEPTED
    weak = replace(TRANSFER, wei=TRANSFER.wei + 1)
    assert await client.send(signed(account, weak).raw) is Broadcast.UNDERPRICED
    old = Fee(TRANSFER.max_fee, TRANSFER.tip)
    offer = raised_fee(old, old, gas=TRANSFER.gas, cost_max=ETHER)
    assert offer is not None
    second = signed(account, with_offer(TRANSFER, offer))
    assert await client.send(second.raw) is Broadcast.ACCEPTED
    node.mine()
    head = await client.head()
    (sent,) = (await client.block(head.hash)).transactions
    assert (sent.hash, sent.nonce, sent.recipient) == (second.hash, 0, TO)
    assert (await client.receipt(second.hash)).succeeded
    assert await client.nonce(account.hot_address, head.hash) == 1
    for one in (first, second):
        assert await client.send(one.raw) is Broadcast.NONCE_USED
    await client.close()


async def test_a_gap_is_accepted_and_waits(node: EthereumNode, account: EthereumAccount) -> None:
    node.fund(account.hot_address, 3 * ETHER)
    client, later = client_of(node), signed(account, replace(TRANSFER, nonce=1))
    assert await client.send(later.raw) is Broadcast.ACCEPTED
    node.mine()
    assert await client.nonce(account.hot_address, (await client.head()).hash) == 0
    filler = replace(TRANSFER, account=account.hot, wei=0)
    assert await client.send(signed(account, filler).raw) is Broadcast.ACCEPTED
    node.mine()
    assert await client.nonce(account.hot_address, (await client.head()).hash) == 2
    await client.close()


async def test_too_little_ether_and_a_transfer_of_another_chain(
    node: EthereumNode, account: EthereumAccount
) -> None:
    node.fund(account.hot_address, ETHER)
    client = client_of(node)
    assert await client.send(signed(account, TRANSFER).raw) is Broadcast.NO_FUNDS
    foreign = replace(TRANSFER, chain_id=1, wei=1)
    assert await client.send(signed(account, foreign).raw) is Broadcast.REFUSED
    await client.close()


async def test_the_offer_of_now_is_taken(node: EthereumNode, account: EthereumAccount) -> None:
    node.fund(account.hot_address, 3 * ETHER)
    client = client_of(node)
    offer = first_fee(await client.fees(), lowest=1, highest=300 * GWEI)
    made = signed(account, with_offer(TRANSFER, offer))
    assert await client.send(made.raw) is Broadcast.ACCEPTED
    node.mine()
    assert (await client.receipt(made.hash)).succeeded
    await client.close()


async def test_the_gas_that_a_recipient_needs(
    node: EthereumNode, account: EthereumAccount, wallet: Wallet
) -> None:
    node.fund(account.hot_address, 3 * ETHER)
    raw, created = wallet.sign(0, None, data="0x" + REFUSER.hex(), gas=300_000)
    node.rpc("eth_sendRawTransaction", raw)
    node.mine()
    refuser = node.rpc("eth_getTransactionReceipt", created)["contractAddress"]
    client = client_of(node)
    assert not await client.has_code("0x" + TO.hex())
    assert await client.has_code(refuser)
    assert await client.gas(account.hot_address, refuser, 1) is None
    assert await client.gas(account.hot_address, "0x" + TO.hex(), 1) == 21_000 * 120 // 100
    await client.close()


UNITS = 25 * 10**6


async def funded(node: EthereumNode, account: EthereumAccount, wallet: Wallet, token: Token) -> str:
    """The contract of a token, of which the account has some, and ether for its fees."""
    node.fund(account.hot_address, ETHER)
    contract = deployed(node, wallet, token.deployment(bytes.fromhex(wallet.address[2:])))
    moved = data("transfer", account.hot_address, 4 * UNITS)
    assert sent(node, wallet, 1, contract, data=moved)["status"] == "0x1"
    return contract


def of_token(contract: str, gas: int) -> Transfer:
    return replace(TRANSFER, wei=UNITS, gas=gas, contract=bytes.fromhex(contract[2:]))


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token.symbol)
async def test_a_token_is_paid_once_although_its_fee_was_raised(
    node: EthereumNode, account: EthereumAccount, wallet: Wallet, token: Token
) -> None:
    contract = await funded(node, account, wallet, token)
    client = client_of(node)
    gas = await client.gas(account.hot_address, contract, 0, transfer_data(TO, UNITS))
    assert gas is not None
    assert 40_000 < gas < 100_000
    transfer = of_token(contract, gas)
    first = signed(account, transfer)
    assert await client.send(first.raw) is Broadcast.ACCEPTED
    offer = raised_fee(Fee(transfer.max_fee, transfer.tip), Fee(1, 1), gas=gas, cost_max=ETHER)
    assert offer is not None
    second = signed(account, with_offer(transfer, offer))
    assert await client.send(second.raw) is Broadcast.ACCEPTED
    node.mine()
    head, receipt = await client.head(), await client.receipt(second.hash)
    assert receipt.succeeded
    assert receipt.gas_used < gas
    [moved] = transfers_from(account.hot, transfer.contract, receipt)
    assert moved == Placed(0, bytes.fromhex(contract[2:]), TO, UNITS)
    assert await client.token_balance(contract, TO, head.hash) == UNITS
    assert await client.token_balance(contract, account.hot) == 3 * UNITS
    before = (await client.header(head.hash)).prev_hash
    assert await client.token_balance(contract, TO, before) == 0
    assert await client.send(first.raw) is Broadcast.NONCE_USED
    await client.close()


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token.symbol)
async def test_a_token_that_refuses_a_transfer_is_told_before_it_and_after_it(
    node: EthereumNode, account: EthereumAccount, wallet: Wallet, token: Token
) -> None:
    contract = await funded(node, account, wallet, token)
    client = client_of(node)
    too_much = transfer_data(TO, 5 * UNITS)
    assert await client.gas(account.hot_address, contract, 0, too_much) is None
    frozen = data("blacklist", "0x" + TO.hex())
    assert sent(node, wallet, 2, contract, data=frozen)["status"] == "0x1"
    refused = transfer_data(TO, UNITS)
    assert await client.gas(account.hot_address, contract, 0, refused) is None
    transfer = of_token(contract, 100_000)
    made = signed(account, transfer)
    assert await client.send(made.raw) is Broadcast.ACCEPTED
    node.mine()
    receipt = await client.receipt(made.hash)
    assert not receipt.succeeded
    assert receipt.gas_used > 21_000
    assert transfers_from(account.hot, transfer.contract, receipt) == []
    assert await client.token_balance(contract, account.hot) == 4 * UNITS
    await client.close()
