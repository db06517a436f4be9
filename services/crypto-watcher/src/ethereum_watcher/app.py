"""Build the Ethereum unit: the attempt engine around the processor, and the job that watches.

payments.commands.ethereum -> ingest -> attempt ─┬─ dispatch ─> processor ─> address
nodes -> watcher -> blocks, balances ───────────┴─ poll ─────> processor ─> outbox
                       └─ credits: received, reversed, reinstated ────────> outbox
outbox -> payments.results
"""

from collections.abc import Callable, Sequence
from functools import partial

from chain_watch.context import WatchState
from chain_watch.credits import Credits
from chain_watch.deposit_store import StoredDeposits
from chain_watch.rate_loop import rates_of
from chain_watch.watch_reader import WatchReader
from cift_shared.attempts import AttemptStore, compose_worker
from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.service import Base, Composition, Part, Unit
from cift_shared.settings import load_if_set
from ethereum_method.rail import RAIL
from ethereum_watcher.chain_store import SCHEMA, TABLES, ChainStore
from ethereum_watcher.processor import EthereumProcessor, nodes_of
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.terms import terms_of
from ethereum_watcher.watcher import Watcher

ROLE = "cift_ethereum"


def compose(base: Base, config: EthereumConfig, *, concurrency: int) -> Composition:
    """Build the unit from its settings."""
    rates, rate_reader = rates_of(base)
    nodes, watch = nodes_of(config), WatchState(base.clock, rates=rates)
    store, chain = StoredDeposits(base.pool, TABLES), ChainStore(base.pool)
    processor = EthereumProcessor(config, nodes, store, watch=watch, clock=base.clock)
    reports = Credits(base.pool, TABLES, terms_of(config), base.clock, rates)
    watcher = Watcher(nodes, chain, reports, config, base.clock)

    def beside(_: AttemptStore, wake: Callable[[], None]) -> Sequence[Part]:
        def found() -> None:
            wake()
            base.relay.wake()

        job = JobLoop(watcher.job(found), base.pool, SCHEMA, base.clock)
        return [WatchReader(store, watch, config.shared, "ethereum:watch-state"), rate_reader, job]

    return compose_worker(
        base, processor, schema=SCHEMA, concurrency=concurrency, extra_loops=beside
    )


def unit(*, concurrency: int) -> Unit | None:
    """The chain as a unit of the process; None if nothing of it is set up.

    Raises:
        SettingsInvalid: a setting is missing or wrong.
    """
    config = load_if_set(EthereumConfig)
    if config is None:
        return None
    composition = partial(compose, config=config, concurrency=concurrency)
    return Unit(name=f"{RAIL.name}-worker", schema=SCHEMA, role=ROLE, compose=composition)
