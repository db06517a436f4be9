"""Read the chain: every few seconds, in the process that leads (a lease with an epoch).

    nodes agree on a head -> undo blocks that are not in its chain -> apply the blocks up to it
    -> note what is final -> compare balances there -> report credits that changed

Each block is one transaction. What a hash does not prove to us (contents, receipts, balances) is
asked of every node that has the head, and enough of them must say the same.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from prometheus_client import Counter, Gauge

from chain_watch.credits import Credits
from chain_watch.deposit_store import StoredDeposits
from chain_watch.fork import ReorgTooDeep, common_height
from chain_watch.heads import Agreed, Head, agree
from chain_watch.rpc import NodeFailed
from chain_watch.watched import Watched
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.failpoints import failpoint
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job
from ethereum_watcher.balance_store import BalanceStore
from ethereum_watcher.balances import Balances
from ethereum_watcher.chain_store import TABLES, ChainStore
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.domain import Arrival
from ethereum_watcher.hot_account import HotAccount, HotTransaction
from ethereum_watcher.scanner import (
    BlockInvalid,
    Payment,
    Spending,
    check_header,
    concerned,
    effects,
)
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.token_reader import TokenReader
from ethereum_watcher.wire import Block, Header, Receipt

HEIGHT = Gauge("cift_ethereum_height", "Height of the last block that was read.")
BEHIND = Gauge(
    "cift_ethereum_blocks_behind", "Blocks between the nodes' tip and the last one read."
)
UNFINAL = Gauge("cift_ethereum_blocks_not_final", "Blocks between the final block and the tip.")
UNDONE = Counter("cift_ethereum_blocks_undone_total", "Blocks undone by reorganisations.")

log = get_logger()


class Watcher:
    """Keeps our copy of the chain equal to what the nodes agree on."""

    def __init__(
        self,
        nodes: list[EthereumNode],
        store: ChainStore,
        reports: Credits[Arrival],
        config: EthereumConfig,
        clock: Clock,
    ) -> None:
        hot = config.hot()
        tokens = {one.script: one.address for one in config.contracts.values()}
        self._hot = None if hot is None else HotAccount(store.pool, hot, tokens)
        self._nodes = nodes
        self._store = store
        self._credits = reports
        self._config = config
        self._clock = clock
        self._deposits = StoredDeposits(store.pool, TABLES)
        self._accounts = Watched(self._deposits)
        self._tokens = TokenReader(config.tokens)
        self._balances = Balances(
            BalanceStore(store.pool), clock, watched_for=timedelta(days=config.balance_days)
        )

    def job(self, wake: Callable[[], None]) -> Job:
        """The job that reads; `wake` wakes the loop that queries deposits."""

        async def work(lease: Lease) -> None:
            await self.run(lease)
            wake()

        return Job(name="watch", every=timedelta(seconds=self._config.poll_s), work=work)

    async def run(self, lease: Lease) -> None:
        """Read everything up to the head that the nodes agree on now.

        Raises:
            NodeFailed: too few nodes can be used, or a node lied; what was read stays.
            ReorgTooDeep: an operator must look; nothing was undone.
            SettingsInvalid: a token can't be read.
            LeaseLost: another process leads.
        """
        since = self._clock.now()
        agreed = await agree(self._nodes)
        await self._tokens.check(agreed)
        await self._balances.begin(lease, agreed)
        await self._follow(lease, agreed)
        if await self._cursor() != agreed.head:
            log.warning("ethereum.tip_not_reached", nodes=str(agreed.head))
            return
        final = await self._final(agreed)
        await self._store.followed(lease, agreed.head, final.height if final else None, since=since)
        failpoint("ethereum.after_followed")
        if final is not None:
            UNFINAL.set(agreed.head.height - final.height)
            await self._balances.check(lease, agreed, final)
        tip = await self._deposits.tip()
        if tip is not None:
            await self._credits.run(lease, tip)
        # Last: what only withdrawals need must not keep deposits from being credited.
        if self._hot is not None:
            await self._hot.follow(lease, agreed)

    async def _cursor(self) -> Head | None:
        return await self._store.cursor(self._config.chain_id)

    async def _follow(self, lease: Lease, agreed: Agreed[EthereumNode]) -> None:
        head, cursor = agreed.head, await self._cursor()
        if cursor is None:
            header = await agreed.answer(lambda node: node.header(head.hash))
            await self._store.begin(lease, self._config.chain_id, header)
            return
        BEHIND.set(max(head.height - cursor.height, 0))
        if head.height < cursor.height and await self._store.hash_at(head.height) == head.hash:
            return  # the nodes are behind us on the same chain: nothing follows from that
        if head.height < cursor.height or await agreed.hash_at(cursor.height) != cursor.hash:
            cursor = await self._undo(lease, agreed, cursor)
        for height in range(cursor.height + 1, head.height + 1):
            cursor = await self._apply(lease, agreed, height, cursor)

    async def _apply(
        self, lease: Lease, agreed: Agreed[EthereumNode], height: int, cursor: Head
    ) -> Head:
        """Read the next block, and store what it did to our addresses."""
        name = await agreed.hash_at(height)
        block = await agreed.answer(lambda node: node.block(name))
        try:
            check_header(block, name, height=height, prev_hash=cursor.hash)
            # Only now: an address that this block pays was stored before it was made.
            accounts = await self._accounts.read()
            paid, spent = await self._effects(agreed, block, accounts)
            paid += await self._tokens.read(agreed, block, accounts)
            own = await self._own(agreed, block, accounts)
        except BlockInvalid as error:
            raise NodeFailed(f"block {height}: {error}") from None
        failpoint("ethereum.before_block")
        await self._store.apply_block(lease, block, paid, spent, at=self._clock.now(), own=own)
        HEIGHT.set(height)
        return Head(height, name)

    async def _effects(
        self, agreed: Agreed[EthereumNode], block: Block, accounts: set[bytes]
    ) -> tuple[list[Payment], list[Spending]]:
        found = concerned(block, accounts)
        receipts = [await agreed.answer(_receipt(one.hash)) for one in found]
        hot = None if self._hot is None else self._hot.derived.script
        return effects(found, receipts, accounts, hot=hot)

    async def _own(
        self, agreed: Agreed[EthereumNode], block: Block, accounts: set[bytes]
    ) -> Sequence[HotTransaction]:
        return [] if self._hot is None else await self._hot.transactions(agreed, block, accounts)

    async def _undo(self, lease: Lease, agreed: Agreed[EthereumNode], cursor: Head) -> Head:
        """Undo our blocks that are not in the nodes' chain, also for a chain with fewer blocks.

        Nothing is undone before the headers of the other branch are checked.

        Raises:
            ReorgTooDeep: too many blocks, or one that was final.
        """
        top = min(cursor.height, agreed.head.height)
        common = await common_height(
            self._store.hash_at,
            agreed.hash_at,
            top=top,
            depth_max=self._config.reorg_max - (cursor.height - top),
        )
        await self._check_final(common)
        *ours, kept = await self._store.down_to(common)
        await self._check_branch(agreed, kept, top=top)
        log.warning("ethereum.reorganised", depth=len(ours), common_height=common)
        for block, below in zip(ours, [*ours[1:], kept], strict=True):
            failpoint("ethereum.before_undo")
            await self._store.undo_block(lease, block.hash, below.hash)
            UNDONE.inc()
        return kept

    async def _check_final(self, common: int) -> None:
        final = await self._store.final_height()
        if final is None or final <= common:
            return
        log.error(
            "ethereum.final_block_gone",
            final_height=final,
            common_height=common,
            meaning="the nodes have replaced a block that they called final",
        )
        if not self._config.undo_final:
            raise ReorgTooDeep(f"block {common + 1} was final; see CRYPTO_ETH_UNDO_FINAL")

    async def _check_branch(self, agreed: Agreed[EthereumNode], below: Head, *, top: int) -> None:
        """Refuse a branch whose headers do not follow one another."""
        for height in range(below.height + 1, top + 1):
            name = await agreed.hash_at(height)
            header = await agreed.answer(_header(name))
            try:
                check_header(header, name, height=height, prev_hash=below.hash)
            except BlockInvalid as error:
                raise NodeFailed(f"header {height}: {error}") from None
            below = Head(height, name)

    async def _final(self, agreed: Agreed[EthereumNode]) -> Head | None:
        """The highest block of ours that enough nodes call final; None: not known."""
        heights = []
        for node in agreed.nodes:
            found = await node.final()
            if found is None:
                continue
            if await self._store.hash_at(found.height) in (None, found.hash):
                heights.append(found.height)
            else:
                log.error("ethereum.final_block_of_another_chain", node=node.name)
        if len(heights) < agreed.needed:
            return None
        height = min(sorted(heights, reverse=True)[agreed.needed - 1], agreed.head.height)
        name = await self._store.hash_at(height)
        return None if name is None else Head(height, name)


def _receipt(transaction: str) -> Callable[[EthereumNode], Awaitable[Receipt]]:
    return lambda node: node.receipt(transaction)


def _header(name: str) -> Callable[[EthereumNode], Awaitable[Header]]:
    return lambda node: node.header(name)
