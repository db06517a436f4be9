"""Read the chain: every few seconds, in the process that leads (a lease with an epoch).

    nodes agree on a head -> undo blocks that are not in its chain -> apply the blocks up to it
    -> read the mempool -> note that the tip was reached -> report credits that changed

Each block is one transaction. Polling alone finds everything: a node posts nothing to us.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from prometheus_client import Counter, Gauge

from bitcoin_watcher.blocks import BlockInvalid, Header, merkle_root, work_of
from bitcoin_watcher.chain_store import TABLES, ChainStore, StoredBlock
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.domain import Output
from bitcoin_watcher.mempool import Mempool
from bitcoin_watcher.scanner import Hit, scan_block, txids_of
from bitcoin_watcher.scripts import PayoutScripts
from bitcoin_watcher.settings import BitcoinConfig
from chain_watch.credits import Credits
from chain_watch.deposit_store import StoredDeposits
from chain_watch.fork import common_height
from chain_watch.heads import Agreed, Head, agree
from chain_watch.rpc import NodeFailed
from chain_watch.watched import Watched
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.errors import InvariantViolated
from cift_shared.failpoints import failpoint
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job

RETARGET_BLOCKS = 2016
"""On the main network only the first of so many blocks may change the target (consensus rule)."""

HEIGHT = Gauge("cift_bitcoin_height", "Height of the last block that was read.")
BEHIND = Gauge("cift_bitcoin_blocks_behind", "Blocks between the nodes' tip and the last one read.")
UNDONE = Counter("cift_bitcoin_blocks_undone_total", "Blocks undone by reorganisations.")

log = get_logger()


class Watcher:
    """Keeps our copy of the chain equal to what the nodes agree on."""

    def __init__(
        self,
        nodes: list[BitcoinNode],
        store: ChainStore,
        reports: Credits[Output],
        config: BitcoinConfig,
        clock: Clock,
    ) -> None:
        self._nodes = nodes
        self._store = store
        self._credits = reports
        self._config = config
        self._clock = clock
        self._deposits = StoredDeposits(store.pool, TABLES)
        self._scripts = Watched(self._deposits, PayoutScripts(store))
        self._mempool = Mempool(store, self._scripts, clock)

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
            LeaseLost: another process leads.
        """
        since = self._clock.now()
        agreed = await agree(self._nodes)
        await self._follow(lease, agreed)
        cursor = await self._store.cursor(self._config.network)
        if cursor != agreed.head:
            log.warning("bitcoin.tip_not_reached", ours=str(cursor), nodes=str(agreed.head))
            return
        present = await self._read_mempool(lease, agreed)
        if present is not None:
            await self._store.followed(lease, agreed.head, present, since=since)
            failpoint("bitcoin.after_followed")
        tip = await self._deposits.tip()
        if tip is not None:
            await self._credits.run(lease, tip)

    async def _read_mempool(
        self, lease: Lease, agreed: Agreed[BitcoinNode]
    ) -> Sequence[str] | None:
        """Our unconfirmed transactions; None: every node has a block more than agreed by now."""
        for node in agreed.nodes:
            present = await self._mempool.read(lease, node, agreed.head)
            if present is not None:
                return present
        return None

    async def _follow(self, lease: Lease, agreed: Agreed[BitcoinNode]) -> None:
        head = agreed.head
        cursor = await self._store.cursor(self._config.network)
        if cursor is None:
            header = await agreed.nodes[0].header(head.hash)
            await self._store.begin(lease, self._config.network, head, header)
            return
        BEHIND.set(max(head.height - cursor.height, 0))
        if head.height < cursor.height:
            return  # the nodes are behind us, or on a shorter branch: nothing follows from that
        if await agreed.hash_at(cursor.height) != cursor.hash:
            reached = await self._undo(lease, agreed, cursor)
            if reached is None:
                return
            cursor = reached
        for height in range(cursor.height + 1, head.height + 1):
            await self._apply(lease, agreed, height)

    async def _apply(self, lease: Lease, agreed: Agreed[BitcoinNode], height: int) -> None:
        """Read the next block, and store what it pays us."""
        node, name = agreed.nodes[0], await agreed.hash_at(height)
        header, raw = await node.block(name)
        cursor = await self._store.cursor(self._config.network)
        if cursor is None or header.prev_hash != cursor.hash:
            raise NodeFailed(f"{node.name}: block {height} does not follow ours")
        await self._check_target(header, cursor)
        # Only now: an address that this block pays was stored before its transaction was made.
        scripts = await self._scripts.read()
        try:
            hits = checked_hits(header, raw, scripts)
        except BlockInvalid as error:
            raise NodeFailed(f"{node.name}: block {height}: {error}") from None
        failpoint("bitcoin.before_block")
        await self._store.apply_block(lease, header, height, hits, at=self._clock.now())
        HEIGHT.set(height)

    async def _check_target(self, header: Header, cursor: Head) -> None:
        """Refuse a block that is easier than the main network allows at its height."""
        before = await self._store.block(cursor.hash)
        is_fixed = (cursor.height + 1) % RETARGET_BLOCKS != 0 and self._config.network == "main"
        if is_fixed and before is not None and header.bits != before.bits:
            raise NodeFailed("a block with another target than the network's")

    async def _undo(self, lease: Lease, agreed: Agreed[BitcoinNode], cursor: Head) -> Head | None:
        """Undo our blocks that are not in the nodes' chain; None: their branch has no more work.

        Nothing is undone before the headers of the other branch are checked.
        """
        common = await common_height(
            self._store.hash_at, agreed.hash_at, top=cursor.height, depth_max=self._config.reorg_max
        )
        ours = await self._blocks_down_to(cursor, common)
        if not await self._has_more_work(agreed, common, ours):
            return None
        deep = len(ours) >= self._config.confirmations
        (log.error if deep else log.warning)(
            "bitcoin.reorganised", depth=len(ours), common_height=common
        )
        for block in ours:
            failpoint("bitcoin.before_undo")
            await self._store.undo_block(lease, block.hash, block.prev_hash)
            UNDONE.inc()
        return await self._store.cursor(self._config.network)

    async def _blocks_down_to(self, cursor: Head, common: int) -> list[StoredBlock]:
        """Our blocks above a height, from the cursor down."""
        found, name = [], cursor.hash
        for _ in range(cursor.height - common):
            block = await self._store.block(name)
            if block is None:
                raise InvariantViolated("a block of our chain is missing")
            found.append(block)
            name = block.prev_hash
        return found

    async def _has_more_work(
        self, agreed: Agreed[BitcoinNode], common: int, ours: list[StoredBlock]
    ) -> bool:
        """True once the headers above a height, which must be linked, have more work than ours."""
        needed = sum(work_of(block.bits) for block in ours)
        name = ours[-1].prev_hash
        node = agreed.nodes[0]
        for height in range(common + 1, agreed.head.height + 1):
            header = await node.header(await agreed.hash_at(height))
            if header.prev_hash != name:
                raise NodeFailed(f"{node.name}: header {height} does not follow the one before")
            name, needed = header.hash, needed - work_of(header.bits)
            if needed < 0:
                return True
        return False


def checked_hits(header: Header, raw: bytes, scripts: set[bytes]) -> list[Hit]:
    """The outputs of a block that pay us; they are proven to be in the block.

    The ids of all transactions are computed only for a block with a hit: it takes longer than the
    search itself.

    Raises:
        BlockInvalid: the bytes are no block, or their transactions are not those of the header.
    """
    hits = scan_block(raw, scripts)
    if hits and merkle_root(txids_of(raw)) != header.merkle_root:
        raise BlockInvalid("its transactions are not those of its header")
    return hits
