"""The hash chain over the journal: how to recompute it, and how a break is reported.

    link 0 = SHA-256("cift.ledger.chain.v1")
    link n = SHA-256(link n-1 || digest n)          one link a transaction, in tx_id order

A block stores the digests of its transactions, so a difference between block and journal identifies
the transaction. The SQL functions in `functions/chain` define the digest and seal the blocks. This
module recomputes the digests with its own query (`sql/digests.sql`), not with those functions.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from hashlib import sha256
from importlib.resources import files
from itertools import accumulate
from typing import Any
from uuid import UUID

GENESIS = sha256(b"cift.ledger.chain.v1").digest()
DIGEST_BYTES = 32
TRANSACTIONS_A_READ = 5_000
BLOCKS_A_READ = 500
BREAKS_MAX = 20
LAST_ID = 2**63 - 1

_DIGESTS = (files("ledger.chain") / "sql" / "digests.sql").read_text("utf-8")
_BLOCKS = """
select block_id, from_tx, to_tx, transactions, height, tx_ids, digests, prev_hash, hash
from ledger.block where block_id > $1 and block_id <= $2 order by block_id limit $3
"""
# The payment of a transaction that the journal no longer has: the payment's event still has the
# position (transaction id / 8).
_PAYMENT_OF = "select payment_id from ledger.payment_event where event_seq = $1::bigint / 8"

Connection = Any  # asyncpg's connection, or a pool's


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block of transactions."""

    block_id: int
    from_tx: int
    to_tx: int
    transactions: int
    height: int
    """Number of transactions in the chain up to and including this block."""
    tx_ids: Sequence[int]
    digests: bytes
    prev_hash: bytes
    hash: bytes

    @property
    def all_digests(self) -> list[bytes]:
        """The digests of the block's transactions, as sealed."""
        starts = range(0, len(self.digests), DIGEST_BYTES)
        return [self.digests[start : start + DIGEST_BYTES] for start in starts]

    @property
    def is_whole(self) -> bool:
        """True when the fields of the block are consistent with each other."""
        count = self.transactions
        return (
            count > 0
            and count == len(self.tx_ids)
            and count * DIGEST_BYTES == len(self.digests)
            and list(self.tx_ids) == sorted(set(self.tx_ids))
            and (self.from_tx, self.to_tx) == (self.tx_ids[0], self.tx_ids[-1])
        )


START = Block(0, 0, 0, 0, 0, (), b"", GENESIS, GENESIS)
"""The predecessor of the first block: no transactions, the genesis as hash."""


@dataclass(frozen=True, slots=True)
class Sealable:
    """A transaction as it is in the journal now."""

    digest: bytes
    payment_id: UUID | None


@dataclass(frozen=True, slots=True)
class Break:
    """A difference between the journal and the chain."""

    block_id: int
    what: str
    """`changed`, `missing`, `added` or `block edited`."""
    detail: str
    tx_id: int | None = None
    payment_id: UUID | None = None

    def __str__(self) -> str:
        """One line of text: the block, the transaction, its payment, and what differs."""
        place = [f"block {self.block_id}"]
        if self.tx_id is not None:
            place.append(f"transaction {self.tx_id}")
            place.append(f"payment {self.payment_id or 'none'}")
        return f"{', '.join(place)}: {self.what} ({self.detail})"


@dataclass(slots=True)
class ChainReport:
    """The result of a walk along the chain."""

    blocks: int = 0
    transactions: int = 0
    head: bytes = GENESIS
    breaks: list[Break] = field(default_factory=list)
    anchor_found: bool = False


def next_link(link: bytes, digest: bytes) -> bytes:
    """The link of a transaction: `link` is the one before it, `digest` the transaction's digest."""
    return sha256(link + digest).digest()


def last_link(link: bytes, digests: Iterable[bytes]) -> bytes:
    """The link after the last of these transactions."""
    return reduce(next_link, digests, link)


def check_block(before: Block, block: Block, journal: Mapping[int, Sealable]) -> list[Break]:
    """The differences between a block and the journal; empty when there are none.

    Args:
        before: the block that must precede it.
        block: the block to check.
        journal: every transaction after `before` and up to the end of `block`, in order.
    """
    expected = before.block_id + 1
    if block.block_id != expected:
        return [Break(expected, "block edited", "the block is missing")]
    edits = _block_edits(before, block)
    if edits and last_link(before.hash, (here.digest for here in journal.values())) == block.hash:
        return [*edits, Break(block.block_id, "block edited", "the journal is as it was sealed")]
    return edits + _differences(block, journal)


def _block_edits(before: Block, block: Block) -> list[Break]:
    problems = []
    if block.prev_hash != before.hash:
        problems.append(f"it does not begin where block {before.block_id} ended")
    if not block.is_whole or block.height != before.height + block.transactions:
        problems.append("its numbers are inconsistent")
    if last_link(block.prev_hash, block.all_digests) != block.hash:
        problems.append("its digests do not lead to its hash")
    if block.from_tx <= before.to_tx:
        problems.append(f"it reaches into block {before.block_id}")
    return [Break(block.block_id, "block edited", problem) for problem in problems]


def _differences(block: Block, journal: Mapping[int, Sealable]) -> list[Break]:
    sealed = dict(zip(block.tx_ids, block.all_digests, strict=False))
    by_digest = {digest: tx_id for tx_id, digest in sealed.items()}
    found = []
    for tx_id in sorted(sealed.keys() | journal.keys()):
        here = journal.get(tx_id)
        if here is None:
            found.append(Break(block.block_id, "missing", "the journal no longer has it", tx_id))
        elif tx_id not in sealed:
            detail = "it was not there when its neighbours were sealed"
            found.append(Break(block.block_id, "added", detail, tx_id, here.payment_id))
        elif here.digest != sealed[tx_id]:
            other = by_digest.get(here.digest)
            detail = f"it now reads as {other} did" if other else "it is not what was sealed"
            found.append(Break(block.block_id, "changed", detail, tx_id, here.payment_id))
    return found


async def journal_between(connection: Connection, after: int, to: int) -> dict[int, Sealable]:
    """Transactions after `after` and up to `to`, with the digests of their current content."""
    rows = await connection.fetch(_DIGESTS, after, to)
    return {row["tx_id"]: Sealable(row["digest"], row["payment_id"]) for row in rows}


async def blocks_after(
    connection: Connection, block_id: int, last_block: int | None = None
) -> AsyncIterator[list[Block]]:
    """Blocks in order, in groups of a bounded number of transactions."""
    last = LAST_ID if last_block is None else last_block
    while rows := await connection.fetch(_BLOCKS, block_id, last, BLOCKS_A_READ):
        group: list[Block] = []
        for row in rows:
            group.append(Block(**row))
            if sum(block.transactions for block in group) >= TRANSACTIONS_A_READ:
                yield group
                group = []
        if group:
            yield group
        block_id = rows[-1]["block_id"]


async def walk(
    connection: Connection,
    *,
    before: Block = START,
    last_block: int | None = None,
    anchor: bytes | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> ChainReport:
    """Recompute the chain after a block, up to the first broken block.

    Args:
        connection: in a transaction with one snapshot.
        before: the block to begin after.
        last_block: the id of the last block to check; None: the head.
        anchor: a published link to search for on the chain.
        on_progress: called with the number of transactions that were just checked.
    """
    report = ChainReport(head=before.hash, anchor_found=anchor == before.hash)
    async for group in blocks_after(connection, before.block_id, last_block):
        journal = await journal_between(connection, before.to_tx, group[-1].to_tx)
        for block, part in _parts(group, journal):
            report.breaks = await _named(connection, check_block(before, block, part))
            if report.breaks:
                return report
            if anchor and anchor in accumulate(block.all_digests, next_link, initial=before.hash):
                report.anchor_found = True
            report.blocks += 1
            report.transactions += block.transactions
            report.head = block.hash
            on_progress(block.transactions)
            before = block
    return report


def _parts(
    group: Sequence[Block], journal: Mapping[int, Sealable]
) -> Iterator[tuple[Block, dict[int, Sealable]]]:
    """Each block with the part of the journal up to its end; `journal` is in order."""
    waiting = deque(journal.items())
    for block in group:
        part = {}
        while waiting and waiting[0][0] <= block.to_tx:
            tx_id, here = waiting.popleft()
            part[tx_id] = here
        yield block, part


async def _named(connection: Connection, breaks: list[Break]) -> list[Break]:
    """The first `BREAKS_MAX` breaks; those of missing transactions get their payment's id."""
    named = []
    for found in breaks[:BREAKS_MAX]:
        payment_id = found.payment_id
        if found.what == "missing":
            payment_id = await connection.fetchval(_PAYMENT_OF, found.tx_id)
        named.append(Break(found.block_id, found.what, found.detail, found.tx_id, payment_id))
    return named


async def head_of_journal(connection: Connection) -> tuple[int, bytes]:
    """Count all transactions and compute the link after the last one, sealed or not.

    Args:
        connection: in a transaction.
    """
    count, link = 0, GENESIS
    async for row in connection.cursor(_DIGESTS, 0, LAST_ID, prefetch=1_000):
        count, link = count + 1, next_link(link, row["digest"])
    return count, link
