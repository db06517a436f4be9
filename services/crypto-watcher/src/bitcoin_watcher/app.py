"""Build the Bitcoin unit: the attempt engine around the processor, and the job that watches.

payments.commands.bitcoin -> ingest -> attempt ─┬─ dispatch ─> processor ─> address
nodes -> watcher -> blocks, outputs ────────────┴─ poll ─────> processor ─> outbox
                       └─ credits: received, reversed, reinstated ────────> outbox
outbox -> payments.results
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bitcoin_method.rail import RAIL
from bitcoin_watcher.chain_store import SCHEMA, ChainStore
from bitcoin_watcher.context import WatchState
from bitcoin_watcher.credits import Credits
from bitcoin_watcher.deposit_store import StoredDeposits
from bitcoin_watcher.processor import BitcoinProcessor, nodes_of
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.watcher import Watcher
from cift_shared.attempts import AttemptStore, compose_worker
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS
from cift_shared.observability.log import get_logger
from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.service import Base, Composition, Part, Unit

ROLE = "cift_bitcoin"
STATE_EVERY_S = 1.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class WatchReader:
    """Reads how far the chain is read, for processes that do not lead the job, too."""

    store: StoredDeposits
    chain: ChainStore
    config: BitcoinConfig
    state: WatchState
    name: str = "bitcoin:watch-state"

    async def run(self) -> None:
        """Watch the shared address, then read until cancelled."""
        if self.config.shared is not None:
            await self.chain.share(self.config.shared.address, self.config.shared.script)
        while True:
            try:
                self.state.tip = await self.store.tip()
            except INFRASTRUCTURE_ERRORS as error:
                log.warning("bitcoin.watch_state_unread", error=repr(error))
            await asyncio.sleep(STATE_EVERY_S)


def compose(base: Base, config: BitcoinConfig, *, concurrency: int) -> Composition:
    """Build the unit from its settings."""
    nodes, watch = nodes_of(config), WatchState(base.clock)
    store, chain = StoredDeposits(base.pool), ChainStore(base.pool)
    processor = BitcoinProcessor(config, nodes, store, watch=watch, clock=base.clock)
    watcher = Watcher(nodes, chain, Credits(base.pool, config, base.clock), config, base.clock)

    def beside(_: AttemptStore, wake: Callable[[], None]) -> Sequence[Part]:
        def found() -> None:
            wake()
            base.relay.wake()

        job = JobLoop(watcher.job(found), base.pool, SCHEMA, base.clock)
        return [WatchReader(store, chain, config, watch), job]

    return compose_worker(
        base, processor, schema=SCHEMA, concurrency=concurrency, extra_loops=beside
    )


def unit_of(config: BitcoinConfig, *, concurrency: int) -> Unit:
    """Bitcoin's part of the process."""

    def composition(base: Base) -> Composition:
        return compose(base, config, concurrency=concurrency)

    return Unit(name=f"{RAIL.name}-worker", schema=SCHEMA, role=ROLE, compose=composition)
