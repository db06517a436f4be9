"""Transfers of ether, signed by our signer, on whole nodes over HTTP.

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
from provider_sandbox.ethereum.contracts import REFUSER
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
