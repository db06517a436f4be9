"""Deposits of ether on whole nodes over HTTP.

Business rule: the watcher understands every node in the same way; what one of them calls final is
credited, and what it takes back before that is not.
"""

import pytest

from chain_watch.rpc import Endpoint, NodeFailed
from cift_shared.money.amount import Money
from ethereum_watcher.addresses import parse_address
from ethereum_watcher.client import EthereumNode as Client
from ethereum_watcher.mapping import price_of
from provider_sandbox.ethereum.contracts import FORWARDER, TOKENS, Token
from tests.contract.ethereum_node.test_contracts import deployed, sent
from tests.contract.ethereum_watcher.conftest import Served, WatchedNode
from tests.integration.ethereum_watcher.harness import FINAL_AFTER, open_watch
from tests.support import ethereum_contracts
from tests.support.ethereum_contracts import MULTI_SENDER, words
from tests.support.ethereum_keys import ETHER, Wallet
from tests.support.ethereum_node import CHAIN_ID, EthereumNode

pytestmark = pytest.mark.integration
GAS = 300_000


def client_of(node: EthereumNode, chain_id: int = CHAIN_ID) -> Client:
    return Client(Endpoint("node-1", node.rpc.url), chain_id, timeout_s=30)


async def test_the_client_reads_blocks_receipts_balances_and_fees(
    node: EthereumNode, wallet: Wallet
) -> None:
    raw, transaction = wallet.sign(0, "0x" + "12" * 20, 5)
    node.rpc("eth_sendRawTransaction", raw)
    node.mine()
    client = client_of(node)
    head = await client.head()
    block = await client.block(head.hash)
    assert (block.hash, block.height) == (head.hash, head.height)
    assert await client.hash_at(head.height - 1) == block.prev_hash
    (sent,) = block.transactions
    assert (sent.hash, sent.value, sent.recipient) == (transaction, 5, b"\x12" * 20)
    receipt = await client.receipt(transaction)
    assert (receipt.block_hash, receipt.succeeded, receipt.gas_used) == (head.hash, True, 21_000)
    spent = 5 + receipt.gas_used * receipt.gas_price
    assert await client.balance(wallet.address, head.hash) == 10 * ETHER - spent
    assert await client.balance(wallet.address, block.prev_hash) == 10 * ETHER
    final = await client.final()
    assert final is not None
    assert final.height == head.height - 8
    assert final.hash == await client.hash_at(final.height)
    assert price_of(await client.fees()) > 0
    with pytest.raises(NodeFailed):
        await client.hash_at(head.height + 1)
    with pytest.raises(NodeFailed):
        await client.receipt("0x" + "ab" * 32)
    await client.close()


async def test_a_node_of_another_chain_is_not_used(node: EthereumNode) -> None:
    client = client_of(node, chain_id=1)
    with pytest.raises(NodeFailed):
        await client.head()
    await client.close()


async def test_what_a_reorganisation_has_removed_is_not_answered(
    node: EthereumNode, wallet: Wallet
) -> None:
    raw, transaction = wallet.sign(0, "0x" + "12" * 20, 5)
    node.rpc("eth_sendRawTransaction", raw)
    node.mine(2)
    client = client_of(node)
    old = await client.head()
    node.reorg(2)
    assert (await client.head()).hash != old.hash
    with pytest.raises(NodeFailed):
        await client.receipt(transaction)
    with pytest.raises(NodeFailed):
        await client.balance(wallet.address, old.hash)
    await client.close()


async def test_a_deposit_is_credited_once_it_is_final(watch: WatchedNode) -> None:
    deposit = await watch.deposit(ETHER)
    watch.node.node.fund(deposit.address, ETHER)
    await watch.read()
    await deposit.reach("submitted")
    await watch.mined(7)
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()
    await watch.mined()
    assert (await deposit.reach("settled")).amount == Money(ETHER, "ETH")


async def test_a_deposit_that_is_taken_back_before_that_is_not_credited(
    watch: WatchedNode,
) -> None:
    deposit = await watch.deposit(ETHER)
    watch.node.node.fund(deposit.address, ETHER)
    await watch.mined()
    await deposit.reach("submitted")
    watch.node.node.reorg(2)
    await watch.read()
    await deposit.reach("action_required", count=2)
    await watch.final()
    await watch.rest(deposit.id)
    assert "settled" not in await deposit.kinds()


async def test_ether_that_a_contract_passes_on_is_credited(
    watch: WatchedNode, wallet: Wallet
) -> None:
    rpc = watch.node.node.rpc
    raw, created = wallet.sign(0, None, data="0x" + FORWARDER.hex(), gas=GAS)
    rpc("eth_sendRawTransaction", raw)
    await watch.mined()
    contract = rpc("eth_getTransactionReceipt", created)["contractAddress"]
    deposit = await watch.deposit(ETHER)
    await watch.read()
    recipient = deposit.address[2:].rjust(64, "0")
    raw, _ = wallet.sign(1, contract, ETHER, data=f"0x{recipient}", gas=GAS)
    rpc("eth_sendRawTransaction", raw)
    await watch.mined()
    await watch.final()
    settled = await deposit.reach("settled")
    assert settled.amount == Money(ETHER, "ETH")
    (row,) = await watch.arrivals()
    assert row["place"] >= 0


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token.symbol)
async def test_tokens_are_credited_also_from_a_contract(
    node: EthereumNode, wallet: Wallet, emptied_database: str, token: Token
) -> None:
    owner, unit = bytes.fromhex(wallet.address[2:]), 10**6
    contract = deployed(node, wallet, token.deployment(owner))
    created = sent(node, wallet, 1, None, data="0x" + MULTI_SENDER.hex())["contractAddress"]
    sender, at = bytes.fromhex(created[2:]), bytes.fromhex(contract[2:])
    approval = "0x" + ethereum_contracts.approve(sender, 10**12).hex()
    assert sent(node, wallet, 2, contract, data=approval)["status"] == "0x1"
    node.mine(FINAL_AFTER)
    named = {"token_list": f"{token.symbol}={contract}"}
    async with open_watch(emptied_database, [Served(node)], **named) as watch:
        orders = [await watch.deposit(25 * unit, currency=token.symbol) for _ in range(3)]
        first, second, third = (parse_address(one.address).script for one in orders)
        both = "0x" + words(at, first, 25 * unit, second, 25 * unit + 1).hex()
        receipt = sent(node, wallet, 3, created, data=both)
        moved = "0x" + ethereum_contracts.transfer(third, 26 * unit).hex()
        sent(node, wallet, 4, contract, data=moved)
        await watch.read()
        await orders[0].reach("submitted")
        await watch.final()
        amounts = [25 * unit, 25 * unit + 1, 26 * unit]
        for deposit, amount in zip(orders, amounts, strict=True):
            settled = await deposit.reach("settled")
            assert settled.amount == Money(amount, token.symbol)
        assert settled.provider_reference is not None
        names = {str(row["hash"]) for row in await watch.arrivals()}
        assert receipt["transactionHash"] in names


async def test_a_block_that_is_gone_has_no_logs(node: EthereumNode, wallet: Wallet) -> None:
    contract = deployed(node, wallet, TOKENS[0].deployment(bytes.fromhex(wallet.address[2:])))
    moved = "0x" + ethereum_contracts.transfer(b"\x12" * 20, 5).hex()
    receipt = sent(node, wallet, 1, contract, data=moved)
    client = client_of(node)
    (log,) = await client.transfers(receipt["blockHash"], [contract])
    assert int.from_bytes(log.data) == 5
    assert log in (await client.receipt(receipt["transactionHash"])).logs
    assert await client.decimals(contract, receipt["blockHash"]) == 6
    node.reorg(1)
    with pytest.raises(NodeFailed):
        await client.transfers(receipt["blockHash"], [contract])
    await client.close()
