"""Ether that no transaction sent to our address: a contract passed it on.

The list of a block's transactions does not show it. So the balance of each address is compared at
final blocks with what its transactions explain, and an increase that is left is an arrival. A
contract's transfer is therefore found once its block is final, whatever else credits.

Source: ethereum.org/developers/docs/apis/json-rpc/#eth_getbalance.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from chain_watch.heads import Agreed, Head, NodesDisagree
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.observability.log import get_logger
from ethereum_watcher.balance_store import Balance, BalanceStore
from ethereum_watcher.client import EthereumNode

AT_ONCE = 8

log = get_logger()


class Balances:
    """Compares balances with transactions."""

    def __init__(self, store: BalanceStore, clock: Clock, *, watched_for: timedelta) -> None:
        """`watched_for`: how long the balance of an address is compared after it was made."""
        self._store = store
        self._clock = clock
        self._watched_for = watched_for

    async def begin(self, lease: Lease, agreed: Agreed[EthereumNode]) -> None:
        """Read the balances that new addresses had before anybody knew them.

        Such an address is empty, unless this key was used with another database before. Nodes that
        no longer have the old state can't say it; then it counts as empty.
        """
        fresh = await self._store.new()
        if not fresh:
            return
        found = [replace(one, wei=await self._old(agreed, one)) for one in fresh]
        await self._store.begin(lease, found)

    async def _old(self, agreed: Agreed[EthereumNode], one: Balance) -> int:
        try:
            name = await agreed.hash_at(one.height)
            return await agreed.answer(lambda node: node.balance(one.address, name))
        except NodesDisagree as error:
            log.warning("ethereum.first_balance_unknown", address=one.address, error=str(error))
            return 0

    async def check(self, lease: Lease, agreed: Agreed[EthereumNode], final: Head) -> int:
        """Compare the balances at a final block; returns the number of differences.

        Raises:
            NodesDisagree: nodes tell different balances; nothing was stored.
            LeaseLost: another process leads.
        """
        now = self._clock.now()
        due = await self._store.unchecked(final.height, since=now - self._watched_for)
        if not due:
            return 0
        found = await _read(agreed, due, final.hash)
        changes = await self._store.advance(lease, final, found, at=now)
        for change in changes:
            if change.wei < 0:
                log.error(
                    "ethereum.balance_dropped",
                    address=change.address,
                    wei=str(-change.wei),
                    meaning="ether has left an address, and no transaction of it explains that",
                )
        return len(changes)


async def _read(
    agreed: Agreed[EthereumNode], due: Sequence[Balance], block_hash: str
) -> list[tuple[Balance, int]]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(balance: Balance) -> tuple[Balance, int]:
        async with slots:
            wei = await agreed.answer(lambda node: node.balance(balance.address, block_hash))
            return balance, wei

    return list(await asyncio.gather(*map(one, due)))
