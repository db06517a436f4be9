"""Build the Ethereum unit: the attempt engine around the processor, and the job that watches.

payments.commands.ethereum -> ingest -> attempt ─┬─ dispatch ─> processor ─> address
nodes -> watcher -> blocks, balances ───────────┴─ poll ─────> processor ─> outbox
                                                                  └> transactions -> signer -> nodes
                       └─ credits: received, reversed, reinstated ────────> outbox
outbox -> payments.results
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import asyncpg

from chain_watch.approval_gate import ApprovalGate
from chain_watch.approval_store import Approvals
from chain_watch.context import WatchState
from chain_watch.credits import Credits
from chain_watch.deposit_store import StoredDeposits
from chain_watch.rate_loop import rates_of
from chain_watch.watch_reader import WatchReader
from cift_shared.attempts import AttemptStore, compose_worker
from cift_shared.database.pool import Pool
from cift_shared.ids import SystemIds
from cift_shared.runtime.jobs import JobLoop
from cift_shared.runtime.service import Base, Composition, Part, Unit
from cift_shared.settings import load_if_set
from ethereum_method.rail import RAIL
from ethereum_watcher.chain_store import SCHEMA, TABLES, ChainStore
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.consolidation_planner import Planner
from ethereum_watcher.consolidation_store import StoredConsolidations
from ethereum_watcher.consolidations import Consolidations
from ethereum_watcher.deny_list import denied_accounts, token_accounts
from ethereum_watcher.explorer import ExplorerCheck
from ethereum_watcher.explorer_client import Explorer
from ethereum_watcher.explorer_store import ExplorerStore
from ethereum_watcher.nonce_gaps import NonceGaps
from ethereum_watcher.own_transfers import OwnTransfers
from ethereum_watcher.payout_context import PayoutContext
from ethereum_watcher.payout_store import StoredPayouts
from ethereum_watcher.processor import EthereumProcessor, nodes_of
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.terms import terms_of
from ethereum_watcher.transfer_store import StoredTransfers
from ethereum_watcher.undone_payouts import UndonePayouts
from ethereum_watcher.watcher import Watcher

ROLE = "cift_ethereum"
SIGNER = "ethereum_signer"
"""The schema of its signer."""


def compose(base: Base, config: EthereumConfig, *, concurrency: int) -> Composition:
    """Build the unit from its settings."""
    rates, rate_reader = rates_of(base)
    nodes, watch = nodes_of(config), WatchState(base.clock, rates=rates)
    store, chain = StoredDeposits(base.pool, TABLES), ChainStore(base.pool)
    payouts = payouts_of(base, config, nodes)
    processor = EthereumProcessor(
        config, nodes, store, watch=watch, clock=base.clock, payouts=payouts
    )
    explorer = explorer_of(config)
    reports = Credits(base.pool, TABLES, terms_of(config), base.clock, rates)
    watcher = Watcher(nodes, chain, reports, config, base.clock)

    def beside(_: AttemptStore, wake: Callable[[], None]) -> Sequence[Part]:
        def found() -> None:
            wake()
            base.relay.wake()

        jobs = [watcher.job(found)]
        if explorer is not None:
            check = explorer_check(base, config, explorer)
            jobs.append(check.job(found, timedelta(seconds=config.poll_s)))
        if payouts is not None:
            transfers = StoredTransfers(base.pool, payouts.hot.script)
            jobs += [NonceGaps(payouts, SystemIds()).job(), UndonePayouts(payouts).job()]
            jobs.append(OwnTransfers(transfers, payouts).job())
            jobs.append(consolidations_of(base.pool, config, payouts).job())
        loops = [JobLoop(job, base.pool, SCHEMA, base.clock) for job in jobs]
        watch_reader = WatchReader(store, watch, config.shared, "ethereum:watch-state")
        return [watch_reader, rate_reader, *loops]

    composition = compose_worker(
        base, processor, schema=SCHEMA, concurrency=concurrency, extra_loops=beside
    )
    close = [] if explorer is None else [explorer.close]
    return replace(composition, close=[*composition.close, *close])


def explorer_of(config: EthereumConfig) -> Explorer | None:
    """The explorer; None: it is not asked."""
    if config.explorer_key is None or not config.asks_explorer:
        return None
    return Explorer(
        config.explorer_base,
        config.explorer_key,
        config.chain_id,
        timeout_s=config.explorer_timeout_s,
    )


def explorer_check(base: Base, config: EthereumConfig, explorer: Explorer) -> ExplorerCheck:
    """What asks it for what came to the shared address."""
    contracts = {currency: one.script for currency, one in config.contracts.items()}
    store = ExplorerStore(base.pool, terms_of(config).dusts, contracts)
    deposits = StoredDeposits(base.pool, TABLES)
    return ExplorerCheck(explorer, store, deposits, config.depths, base.clock)


def payouts_of(
    base: Base, config: EthereumConfig, nodes: Sequence[EthereumNode]
) -> PayoutContext | None:
    """What withdrawals work with; None without a key that their account is derived from.

    Raises:
        SettingsInvalid: the list of denied addresses can't be read.
    """
    hot = config.hot()
    if hot is None:
        return None
    return PayoutContext(
        config=config,
        store=StoredPayouts(base.pool, hot.script),
        approvals=ApprovalGate(base.pool, Approvals(SIGNER)),
        deposits=StoredDeposits(base.pool, TABLES),
        nodes=nodes,
        vault=base.settings.vault(),
        clock=base.clock,
        hot=hot,
        denied=denied_accounts(config.deny_file),
        contracts=config.contracts,
        token_accounts=token_accounts(config.tokens, config.chain_id),
    )


def consolidations_of(
    pool: "Pool[asyncpg.Record]", config: EthereumConfig, payouts: PayoutContext
) -> Consolidations:
    """What moves ether and tokens of deposits to the account that pays."""
    key = config.key()
    if key is None:
        raise AssertionError("without a key there are no payouts")
    store = StoredConsolidations(pool, payouts.store)
    return Consolidations(store, payouts, Planner(store, payouts, key, SystemIds()))


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
