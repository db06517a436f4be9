"""Which unconfirmed transactions a miner puts into the next block."""

from collections.abc import Set as AbstractSet

from provider_sandbox.bitcoin import policy
from provider_sandbox.bitcoin.mempool import Mempool, Pooled

_RESERVED = 4_000
"""Weight that is kept free for the header and the coinbase."""


def choose(pool: Mempool, only: AbstractSet[str] | None = None) -> list[Pooled]:
    """The transactions of the next block, parents before children.

    They are taken by the fee rate of each together with its unconfirmed ancestors, so a child can
    pay for its parent. Those below the lowest rate of miners are left out.

    Args:
        pool: the unconfirmed transactions.
        only: only these and their ancestors, whatever they pay; None: all.
    """
    wanted = list(pool.pooled) if only is None else [one for one in pool.pooled if one in only]
    ranked = sorted(wanted, key=lambda txid: -_package_rate(pool, txid))
    chosen: set[str] = set()
    weight = _RESERVED
    for txid in ranked:
        if only is None and _package_rate(pool, txid) < pool.fees.block_min:
            break
        package = (pool.ancestors(pool.pooled[txid].transaction) | {txid}) - chosen
        added = sum(pool.pooled[one].transaction.weight for one in package)
        if weight + added <= policy.MAX_BLOCK_WEIGHT:
            weight += added
            chosen |= package
    return _parents_first(pool, chosen)


def _package_rate(pool: Mempool, txid: str) -> int:
    pooled = pool.pooled[txid]
    package = [pool.pooled[one] for one in pool.ancestors(pooled.transaction)] + [pooled]
    fee, size = sum(one.fee for one in package), sum(one.size for one in package)
    return policy.rate_of(fee, size)


def _parents_first(pool: Mempool, chosen: set[str]) -> list[Pooled]:
    """Fewer ancestors come first: a child has all of its parent's, and the parent."""
    count = {txid: len(pool.ancestors(pool.pooled[txid].transaction)) for txid in chosen}
    return [
        pool.pooled[txid] for txid in sorted(pool.pooled.keys() & chosen, key=count.__getitem__)
    ]
