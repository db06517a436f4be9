"""Transactions that wait for a block: shown to the payer, never credited."""

import asyncio
from collections.abc import Sequence

from bitcoin_watcher.blocks import BlockInvalid
from bitcoin_watcher.chain_store import ChainStore
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.scanner import Hit, scan_transaction
from chain_watch.heads import Head
from chain_watch.rpc import NodeFailed, NodeRefused
from chain_watch.watched import Watched
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease

FETCH_MAX = 4_000
"""Maximum number of transactions read at a time: the main network has about seven each second."""
AT_ONCE = 8


class Mempool:
    """Reads what is new in a node's mempool."""

    def __init__(self, store: ChainStore, scripts: Watched, clock: Clock) -> None:
        self._store = store
        self._scripts = scripts
        self._clock = clock
        self._read: set[str] = set()
        """Transactions of the mempool that were read already."""

    async def read(self, lease: Lease, node: BitcoinNode, head: Head) -> Sequence[str] | None:
        """Store new outputs to us; returns our unconfirmed transactions that the mempool has.

        None: the node has another head, so a transaction that is missing may be in its new block.

        Raises:
            NodeFailed: the node does not answer, or lied.
        """
        listed = set(await node.mempool())
        fresh = sorted(listed - self._read)[:FETCH_MAX]
        bodies = await self._fetch(node, fresh)
        scripts = await self._scripts.read()
        await self._store.see(lease, _hits(node, bodies, scripts), at=self._clock.now())
        self._read = (self._read & listed) | bodies.keys()
        if await node.head() != head:
            return None
        return [txid for txid in await self._store.unconfirmed() if txid in listed]

    async def _fetch(self, node: BitcoinNode, txids: Sequence[str]) -> dict[str, bytes]:
        """The bytes of transactions; one that has left the mempool meanwhile is left out."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(txid: str) -> bytes | None:
            async with slots:
                try:
                    return await node.transaction(txid)
                except NodeRefused:
                    return None

        found = await asyncio.gather(*map(one, txids))
        return {txid: raw for txid, raw in zip(txids, found, strict=True) if raw is not None}


def _hits(node: BitcoinNode, bodies: dict[str, bytes], scripts: set[bytes]) -> list[Hit]:
    hits: list[Hit] = []
    for txid, raw in bodies.items():
        try:
            found, outputs = scan_transaction(raw, scripts)
        except BlockInvalid as error:
            raise NodeFailed(f"{node.name}: a transaction: {error}") from None
        if found != txid:
            raise NodeFailed(f"{node.name}: the bytes of another transaction")
        hits += outputs
    return hits
