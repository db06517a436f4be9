"""Build the Bitcoin unit: the attempt engine around the processor, and the job that watches.

payments.commands.bitcoin -> ingest -> attempt ─┬─ dispatch ─> processor ─> address
nodes -> watcher -> blocks, outputs ────────────┴─ poll ─────> processor ─> outbox
                                                                  └> transactions -> signer -> nodes
                       └─ credits: received, reversed, reinstated ────────> outbox
outbox -> payments.results
"""

from collections.abc import Callable, Sequence
from functools import partial

from bitcoin_method.rail import RAIL
from bitcoin_watcher.chain_store import SCHEMA, TABLES, ChainStore
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.consolidations import Consolidations
from bitcoin_watcher.deny_list import denied_scripts
from bitcoin_watcher.own_transfers import OwnTransfers
from bitcoin_watcher.payout_context import PayoutContext
from bitcoin_watcher.payout_groups import PayoutGroups
from bitcoin_watcher.payout_store import StoredPayouts
from bitcoin_watcher.processor import BitcoinProcessor, nodes_of
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.terms import terms_of
from bitcoin_watcher.transfer_store import StoredTransfers
from bitcoin_watcher.undone_payouts import UndonePayouts
from bitcoin_watcher.watcher import Watcher
from chain_watch.approval_gate import ApprovalGate
from chain_watch.approval_store import Approvals
from chain_watch.context import WatchState
from chain_watch.credits import Credits
from chain_watch.deposit_store import StoredDeposits
from chain_watch.rate_loop import rates_of
from chain_watch.watch_reader import WatchReader
from cift_shared.attempts import AttemptStore, compose_worker
from cift_shared.ids import SystemIds
from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.service import Base, Composition, Part, Unit
from cift_shared.settings import load_if_set

ROLE = "cift_bitcoin"
SIGNER = "bitcoin_signer"
"""The schema of its signer."""


def compose(base: Base, config: BitcoinConfig, *, concurrency: int) -> Composition:
    """Build the unit from its settings."""
    rates, rate_reader = rates_of(base)
    nodes, watch = nodes_of(config), WatchState(base.clock, rates=rates)
    store, chain = StoredDeposits(base.pool, TABLES), ChainStore(base.pool)
    payouts = payouts_of(base, config, nodes)
    processor = BitcoinProcessor(
        config, nodes, store, watch=watch, clock=base.clock, payouts=payouts
    )
    reports = Credits(base.pool, TABLES, terms_of(config), base.clock, rates)
    watcher = Watcher(nodes, chain, reports, config, base.clock)

    def beside(_: AttemptStore, wake: Callable[[], None]) -> Sequence[Part]:
        def found() -> None:
            wake()
            base.relay.wake()

        jobs = [watcher.job(found)]
        if payouts is not None:
            jobs.append(UndonePayouts(StoredPayouts(base.pool), payouts).job())
            transfers = StoredTransfers(base.pool)
            jobs.append(OwnTransfers(transfers, payouts).job())
            jobs.append(Consolidations(transfers, payouts, SystemIds()).job())
        loops = [JobLoop(job, base.pool, SCHEMA, base.clock) for job in jobs]
        watch_reader = WatchReader(store, watch, config.shared, "bitcoin:watch-state")
        return [watch_reader, rate_reader, *loops]

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
        groups=PayoutGroups(base.pool, SystemIds()),
        approvals=ApprovalGate(base.pool, Approvals(SIGNER)),
        deposits=StoredDeposits(base.pool, TABLES),
        nodes=nodes,
        vault=base.settings.vault(),
        clock=base.clock,
        key=key,
        denied=denied_scripts(config.deny_file, config.network),
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
