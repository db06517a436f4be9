"""Build the Bitcoin unit: the attempt engine around the processor, and the job that watches.

payments.commands.bitcoin -> ingest -> attempt ─┬─ dispatch ─> processor ─> address
nodes -> watcher -> blocks, outputs ────────────┴─ poll ─────> processor ─> outbox
                       └─ credits: received, reversed, reinstated ────────> outbox
outbox -> payments.results
"""

from collections.abc import Callable, Sequence
from functools import partial

from bitcoin_method.rail import RAIL
from bitcoin_watcher.chain_store import SCHEMA, TABLES, ChainStore
from bitcoin_watcher.processor import BitcoinProcessor, nodes_of
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.terms import terms_of
from bitcoin_watcher.watcher import Watcher
from chain_watch.context import WatchState
from chain_watch.credits import Credits
from chain_watch.deposit_store import StoredDeposits
from chain_watch.watch_reader import WatchReader
from cift_shared.attempts import AttemptStore, compose_worker
from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.service import Base, Composition, Part, Unit
from cift_shared.settings import load_if_set

ROLE = "cift_bitcoin"


def compose(base: Base, config: BitcoinConfig, *, concurrency: int) -> Composition:
    """Build the unit from its settings."""
    nodes, watch = nodes_of(config), WatchState(base.clock)
    store, chain = StoredDeposits(base.pool, TABLES), ChainStore(base.pool)
    processor = BitcoinProcessor(config, nodes, store, watch=watch, clock=base.clock)
    reports = Credits(base.pool, TABLES, terms_of(config), base.clock)
    watcher = Watcher(nodes, chain, reports, config, base.clock)

    def beside(_: AttemptStore, wake: Callable[[], None]) -> Sequence[Part]:
        def found() -> None:
            wake()
            base.relay.wake()

        job = JobLoop(watcher.job(found), base.pool, SCHEMA, base.clock)
        return [WatchReader(store, watch, config.shared, "bitcoin:watch-state"), job]

    return compose_worker(
        base, processor, schema=SCHEMA, concurrency=concurrency, extra_loops=beside
    )


def unit(*, concurrency: int) -> Unit | None:
    """The chain as a unit of the process; None if nothing of it is set up.

    Raises:
        SettingsInvalid: a setting is missing or wrong.
    """
    config = load_if_set(BitcoinConfig)
    if config is None:
        return None
    composition = partial(compose, config=config, concurrency=concurrency)
    return Unit(name=f"{RAIL.name}-worker", schema=SCHEMA, role=ROLE, compose=composition)
