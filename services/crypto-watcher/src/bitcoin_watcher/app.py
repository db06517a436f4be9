"""Build the Bitcoin unit: the attempt engine around the processor, and the job that watches.

payments.commands.bitcoin -> ingest -> attempt ─┬─ dispatch ─> processor ─> address
nodes -> watcher -> blocks, outputs ────────────┴─ poll ─────> processor ─> outbox
                                                                  └> transactions -> signer -> nodes
                       └─ credits: received, reversed, reinstated ────────> outbox
outbox -> payments.results
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bitcoin_method.rail import RAIL
from bitcoin_watcher.chain_store import SCHEMA, ChainStore
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.context import WatchState
from bitcoin_watcher.credits import Credits
from bitcoin_watcher.deny_list import denied_scripts
from bitcoin_watcher.deposit_store import StoredDeposits
from bitcoin_watcher.payout_context import PayoutContext
from bitcoin_watcher.payout_store import StoredPayouts
from bitcoin_watcher.processor import BitcoinProcessor, nodes_of
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.undone_payouts import UndonePayouts
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
    payouts = payouts_of(base, config, nodes)
    processor = BitcoinProcessor(
        config, nodes, store, watch=watch, clock=base.clock, payouts=payouts
    )
    watcher = Watcher(nodes, chain, Credits(base.pool, config, base.clock), config, base.clock)

    def beside(_: AttemptStore, wake: Callable[[], None]) -> Sequence[Part]:
        def found() -> None:
            wake()
            base.relay.wake()

        jobs = [watcher.job(found)]
        if payouts is not None:
            jobs.append(UndonePayouts(StoredPayouts(base.pool), payouts).job())
        loops = [JobLoop(job, base.pool, SCHEMA, base.clock) for job in jobs]
        return [WatchReader(store, chain, config, watch), *loops]

    return compose_worker(
        base, processor, schema=SCHEMA, concurrency=concurrency, extra_loops=beside
    )


def payouts_of(
    base: Base, config: BitcoinConfig, nodes: Sequence[BitcoinNode]
) -> PayoutContext | None:
    """What withdrawals work with; None without a key that has a branch for change.

    Raises:
        SettingsInvalid: the list of denied addresses can't be read.
    """
    key = config.key()
    if key is None or not key.has_change:
        return None
    return PayoutContext(
        config=config,
        store=StoredPayouts(base.pool),
        deposits=StoredDeposits(base.pool),
        nodes=nodes,
        vault=base.settings.vault(),
        clock=base.clock,
        key=key,
        denied=denied_scripts(config.deny_file, config.network),
    )


def unit_of(config: BitcoinConfig, *, concurrency: int) -> Unit:
    """Bitcoin's part of the process."""

    def composition(base: Base) -> Composition:
        return compose(base, config, concurrency=concurrency)

    return Unit(name=f"{RAIL.name}-worker", schema=SCHEMA, role=ROLE, compose=composition)
