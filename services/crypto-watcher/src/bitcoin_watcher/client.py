"""The calls to a Bitcoin node, and the checks of its answers.

A node of another network, one that is still loading the chain, and one whose bytes do not have the
requested hash count as not available.
"""

from typing import Any

import httpx
from pydantic import TypeAdapter, ValidationError

from bitcoin_method.networks import Network
from bitcoin_watcher.blocks import HEADER_BYTES, BlockInvalid, Header, check_work, read_header
from bitcoin_watcher.broadcast_codes import Broadcast, meaning_of
from bitcoin_watcher.wire import ChainInfo, FeeEstimate, Hash, UnspentOutput
from chain_watch.heads import Head
from chain_watch.rpc import Endpoint, JsonRpc, NodeFailed, NodeRefused

PROVIDER = "bitcoin"

GENESIS = {
    "main": "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    "test": "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
    "testnet4": "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
    "signet": "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
    "regtest": "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
}
"""The first block of each network (Bitcoin Core, kernel/chainparams.cpp)."""

FEE_TARGET_BLOCKS = 6
SATOSHI = 10**8
"""In one BTC."""
_HASH: TypeAdapter[str] = TypeAdapter(Hash)
_HASHES: TypeAdapter[list[str]] = TypeAdapter(list[Hash])


class BitcoinNode:
    """One node of one network."""

    def __init__(
        self,
        endpoint: Endpoint,
        network: Network,
        *,
        timeout_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = endpoint.name
        self._network = network
        self._rpc = JsonRpc(endpoint, PROVIDER, timeout_s=timeout_s, transport=transport)

    async def head(self) -> Head:
        """The node's best block.

        Raises:
            NodeFailed: the node does not answer, is of another network, or is still loading blocks.
        """
        info: ChainInfo = self._read(
            ChainInfo.model_validate, await self._rpc.call("getblockchaininfo")
        )
        if info.chain != self._network or await self.hash_at(0) != GENESIS[self._network]:
            raise NodeFailed(f"{self.name}: of another network than {self._network}")
        if info.initialblockdownload and self._network != "regtest":
            raise NodeFailed(f"{self.name}: still loading the chain")
        return Head(info.blocks, info.bestblockhash)

    async def hash_at(self, height: int) -> str:
        """The hash of the block at a height of the node's best chain.

        Raises:
            NodeFailed: the node does not answer, or has no such block.
        """
        return str(
            self._read(_HASH.validate_python, await self._rpc.call("getblockhash", [height]))
        )

    async def header(self, name: str) -> Header:
        """The header of the block with this hash; its proof of work was checked.

        Raises:
            NodeFailed: the node does not answer, or its bytes are not this header.
        """
        raw = await self._bytes("getblockheader", [name, False])
        if len(raw) != HEADER_BYTES:
            raise NodeFailed(f"{self.name}: not a header")
        return self._checked(raw, name)

    async def block(self, name: str) -> tuple[Header, bytes]:
        """The block with this hash; the proof of work was checked, the transactions were not.

        Raises:
            NodeFailed: the node does not answer, or its bytes do not have this hash.
        """
        raw = await self._bytes("getblock", [name, 0])
        return self._checked(raw, name), raw

    async def mempool(self) -> list[str]:
        """The ids of the transactions that wait for a block; raises as `hash_at`."""
        found = await self._rpc.call("getrawmempool", [False])
        return list(self._read(_HASHES.validate_python, found))

    async def transaction(self, txid: str) -> bytes:
        """A transaction of the mempool; raises as `hash_at`."""
        return await self._bytes("getrawtransaction", [txid, False])

    async def fee_estimate(self) -> FeeEstimate:
        """What transactions pay that get into one of the next blocks; raises as `hash_at`."""
        found = await self._rpc.call("estimatesmartfee", [FEE_TARGET_BLOCKS])
        estimate: FeeEstimate = self._read(FeeEstimate.model_validate, found)
        return estimate

    async def has_coin(self, txid: str, vout: int) -> bool:
        """True if an output is in the node's chain, and neither chain nor mempool spends it.

        Raises as `hash_at`.
        """
        return await self._rpc.call("gettxout", [txid, vout, True]) is not None

    async def unspent(self, txid: str, vout: int) -> int:
        """The satoshi of an output, as far as the node's chain has not spent it; else 0.

        Raises as `hash_at`.
        """
        answer = await self._rpc.call("gettxout", [txid, vout, False])
        if answer is None:
            return 0
        found: UnspentOutput = self._read(UnspentOutput.model_validate, answer)
        satoshi = int(found.value * SATOSHI)
        if satoshi != found.value * SATOSHI:
            raise NodeFailed(f"{self.name}: an amount with more than eight places")
        return satoshi

    async def send(self, raw: bytes) -> Broadcast:
        """Send a signed transaction; it may be sent again and again."""
        try:
            await self._rpc.call("sendrawtransaction", [raw.hex()])
        except NodeRefused as refused:
            return meaning_of(refused.number, refused.text)
        except NodeFailed:
            return Broadcast.UNKNOWN
        return Broadcast.ACCEPTED

    async def close(self) -> None:
        """Close the connections."""
        await self._rpc.close()

    async def _bytes(self, method: str, params: list[Any]) -> bytes:
        text = await self._rpc.call(method, params)
        try:
            return bytes.fromhex(text)
        except (TypeError, ValueError):
            raise NodeFailed(f"{self.name}: an answer of another form") from None

    def _checked(self, raw: bytes, name: str) -> Header:
        try:
            header = read_header(raw)
            check_work(header, self._network)
        except BlockInvalid as error:
            raise NodeFailed(f"{self.name}: {error}") from None
        if header.hash != name:
            raise NodeFailed(f"{self.name}: the bytes of another block")
        return header

    def _read(self, validate: Any, answer: Any) -> Any:
        try:
            return validate(answer)
        except ValidationError:
            raise NodeFailed(f"{self.name}: an answer of another form") from None
