"""What a payment costs each process in CPU time: the figure that other programs disturb least."""

from collections.abc import Mapping

from cift_shared.rails.local import local_twins
from tests.bench.cluster import Cluster

_MARKETS = "markets"
"""Stands where the sources of exchange rates would be."""


async def per_payment(cluster: Cluster, rate: float, seconds: float) -> dict[str, float]:
    """CPU milliseconds per payment of each process, settlement included."""
    await cluster.load(rate, min(seconds, 3.0))
    await cluster.settled()
    before = await cluster.costs()
    result = await cluster.load(rate, seconds)
    await cluster.settled()
    after = await cluster.costs()
    count = len(result.accepted)
    costs = {name: (used - before.get(name, 0.0)) / count for name, used in after.items()}
    return {**costs, "load generator": result.cpu_s * 1_000 / count}


def total(costs: Mapping[str, float]) -> float:
    """Of the whole stack, without the share of what stands where others' servers would be.

    That is: the twins, the markets and the generator. PostgreSQL is counted once.
    """
    apart = {"load generator", _MARKETS, *(twin.name for twin in local_twins())}
    return sum(
        ms
        for name, ms in costs.items()
        if name not in apart and not name.startswith(("postgres for", "postgres,"))
    )
