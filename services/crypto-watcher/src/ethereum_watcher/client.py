"""The calls to an Ethereum node, and the checks of its answers.

A node of another chain and one that is still loading it count as not available.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from chain_watch.heads import Head
from chain_watch.rpc import Endpoint, JsonRpc, NodeFailed, NodeRefused
from ethereum_watcher.broadcast_codes import Broadcast, meaning_of
from ethereum_watcher.token_calls import DECIMALS, WORD, balance_data
from ethereum_watcher.token_transfers import TOPIC
from ethereum_watcher.wire import Block, Bytes, FeeHistory, Header, Log, Quantity, Receipt

PROVIDER = "ethereum"
FEE_BLOCKS, FEE_PERCENTILE = 4, 50
GAS_MORE_PERCENT = 20
"""A limit is so much above the estimate: the recipient's contract may do more in another block."""
REVERTED = "revert"
"""In every client's words for a call that a contract refuses."""
LATEST = "latest"

Answer = TypeVar("Answer")
_HEADER = TypeAdapter(Header)
_BLOCK = TypeAdapter(Block)
_RECEIPT = TypeAdapter(Receipt)
_FEES = TypeAdapter(FeeHistory)
_NUMBER: TypeAdapter[int] = TypeAdapter(Quantity)
_LOGS = TypeAdapter(list[Log])
_ANSWER: TypeAdapter[bytes] = TypeAdapter(Bytes)


class EthereumNode:
    """One node of one chain."""

    def __init__(
        self,
        endpoint: Endpoint,
        chain_id: int,
        *,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = endpoint.name
        self._chain_id = chain_id
        self._rpc = JsonRpc(
            endpoint, PROVIDER, timeout_s=timeout_s, version="2.0", transport=transport
        )

    async def head(self) -> Head:
        """The node's latest block.

        Raises:
            NodeFailed: the node does not answer, is of another chain, or is still loading blocks.
        """
        if await self._call(_NUMBER, "eth_chainId") != self._chain_id:
            raise NodeFailed(f"{self.name}: of another chain than {self._chain_id}")
        if await self._rpc.call("eth_syncing") is not False:
            raise NodeFailed(f"{self.name}: still loading the chain")
        return _head(await self._call(_HEADER, "eth_getBlockByNumber", LATEST, False))

    async def hash_at(self, height: int) -> str:
        """The hash of the block at a height of the node's chain.

        Raises:
            NodeFailed: the node does not answer, or has no such block.
        """
        found = await self._call(_HEADER, "eth_getBlockByNumber", hex(height), False)
        if found.height != height:
            raise NodeFailed(f"{self.name}: a block of another height")
        return found.hash

    async def final(self) -> Head | None:
        """The last block that can't be undone; None: there is none yet; raises as `hash_at`."""
        try:
            found = await self._rpc.call("eth_getBlockByNumber", ["finalized", False])
        except NodeRefused:
            return None
        return None if found is None else _head(self._read(_HEADER, found))

    async def header(self, name: str) -> Header:
        """The block with this hash, without its transactions; raises as `hash_at`."""
        return await self._call(_HEADER, "eth_getBlockByHash", name, False)

    async def block(self, name: str) -> Block:
        """The block with this hash; raises as `hash_at`."""
        return await self._call(_BLOCK, "eth_getBlockByHash", name, True)

    async def receipt(self, transaction: str) -> Receipt:
        """What a transaction did; raises as `hash_at`."""
        return await self._call(_RECEIPT, "eth_getTransactionReceipt", transaction)

    async def transfers(self, name: str, contracts: Sequence[str]) -> list[Log]:
        """The transfers of these tokens in the block with this hash (EIP-234); raises as
        `hash_at`.
        """
        wanted = {"blockHash": name, "address": list(contracts), "topics": [TOPIC]}
        return await self._call(_LOGS, "eth_getLogs", wanted)

    async def decimals(self, contract: str, name: str) -> int:
        """The places of a token's amounts, at the block with this hash; raises as `hash_at`."""
        return await self._ask_token(contract, DECIMALS, name)

    async def token_balance(self, contract: str, account: bytes, name: str = LATEST) -> int:
        """What an account has of a token, in its smallest unit, after the block with this hash;
        raises as `hash_at`.
        """
        return await self._ask_token(contract, balance_data(account), name)

    async def balance(self, address: str, name: str) -> int:
        """The wei of an address after the block with this hash (EIP-1898); raises as `hash_at`."""
        at = {"blockHash": name, "requireCanonical": True}
        return await self._call(_NUMBER, "eth_getBalance", address, at)

    async def nonce(self, address: str, name: str) -> int:
        """The first nonce of an address that is unused after a block; raises as `hash_at`."""
        at = {"blockHash": name, "requireCanonical": True}
        return await self._call(_NUMBER, "eth_getTransactionCount", address, at)

    async def has_code(self, address: str) -> bool:
        """True if a contract is at the address now, or its owner delegates to one (EIP-7702).

        Raises:
            NodeFailed: the node does not answer.
        """
        code = await self._call(_ANSWER, "eth_getCode", address, LATEST)
        return code != b""

    async def gas(self, sender: str, to: str, wei: int, data: bytes = b"") -> int | None:
        """The limit that a transaction needs; None: the contract that it calls refuses it.

        Raises:
            NodeFailed: the node does not answer, or can't estimate it.
        """
        call = {"from": sender, "to": to, "value": hex(wei), "data": _hex(data)}
        try:
            found = await self._call(_NUMBER, "eth_estimateGas", call, LATEST)
        except NodeRefused as refused:
            if REVERTED in refused.text:
                return None
            raise
        return found * (100 + GAS_MORE_PERCENT) // 100

    async def send(self, raw: bytes) -> Broadcast:
        """Send a signed transaction; it may be sent again and again."""
        try:
            await self._rpc.call("eth_sendRawTransaction", [_hex(raw)])
        except NodeRefused as refused:
            return meaning_of(refused.text)
        except NodeFailed:
            return Broadcast.UNKNOWN
        return Broadcast.ACCEPTED

    async def fees(self) -> FeeHistory:
        """What recent blocks charged; raises as `hash_at`."""
        wanted = (hex(FEE_BLOCKS), LATEST, [FEE_PERCENTILE])
        return await self._call(_FEES, "eth_feeHistory", *wanted)

    async def close(self) -> None:
        """Close the connections."""
        await self._rpc.close()

    async def _ask_token(self, contract: str, data: bytes, name: str) -> int:
        """The number that a function of a token returns."""
        at = LATEST if name == LATEST else {"blockHash": name, "requireCanonical": True}
        order = {"to": contract, "data": _hex(data)}
        answer = await self._call(_ANSWER, "eth_call", order, at)
        if len(answer) != WORD:
            raise NodeFailed(f"{self.name}: no token at {contract}")
        return int.from_bytes(answer)

    async def _call(self, kind: TypeAdapter[Answer], method: str, *params: Any) -> Answer:
        return self._read(kind, await self._rpc.call(method, params))

    def _read(self, kind: TypeAdapter[Answer], answer: Any) -> Answer:
        try:
            return kind.validate_python(answer)
        except ValidationError:
            raise NodeFailed(f"{self.name}: an answer of another form") from None


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _head(found: Header) -> Head:
    return Head(found.height, found.hash)
