"""The watcher's part of transfers between our own addresses, and the gauges of the hot wallet.

    a sweep's time is over, its coins are unspent -> its coins are given back
    a transfer is deep enough in the chain        -> the ledger is told its fee, once
    each run                                      -> what the hot wallet holds, with its limits

Nothing is posted for the money itself: all of our addresses are one account of the ledger.
"""

from prometheus_client import Counter, Gauge

from bitcoin_method.rail import RAIL
from bitcoin_watcher.chain_store import SCHEMA
from bitcoin_watcher.payout_context import WalletContext
from bitcoin_watcher.transfer_store import (
    Charge,
    StoredTransfers,
    Sweep,
    mark_charged,
    release,
)
from chain_watch.fence import fenced
from cift_shared.attempts.charged import charged_result
from cift_shared.database.lease import Lease
from cift_shared.failpoints import failpoint
from cift_shared.messaging import outbox
from cift_shared.messaging.charged import ProviderCharge
from cift_shared.messaging.envelope import outgoing
from cift_shared.messaging.topics import RESULTS
from cift_shared.money.amount import Money
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job

HOT = Gauge(
    "cift_bitcoin_hot_satoshi",
    "What the hot wallet holds: free (confirmed, not reserved), reserved, unconfirmed.",
    ["state"],
)
LIMIT = Gauge(
    "cift_bitcoin_hot_limit_satoshi",
    "Limits of what the hot wallet should hold: floor, ceiling; without one there is no series.",
    ["limit"],
)
CHARGED = Counter(
    "cift_bitcoin_transfers_total",
    "Transfers between our own addresses whose fee was reported to the ledger.",
    ["purpose"],
)

log = get_logger()


class OwnTransfers:
    """Looks after transfers that no payment asked for."""

    def __init__(self, store: StoredTransfers, context: WalletContext) -> None:
        self._store = store
        self._context = context
        self._told: set[str] = set()
        limits = context.config.hot_limits
        for name, satoshi in (("floor", limits.floor), ("ceiling", limits.ceiling)):
            if satoshi:
                LIMIT.labels(name).set(satoshi)

    def job(self) -> Job:
        """The job; one process at a time runs it."""
        return Job(name="own_transfers", every=self._context.resend_every, work=self.run)

    async def run(self, lease: Lease) -> None:
        """Do all of it once.

        Raises:
            LeaseLost: another process leads; nothing was changed.
            NodeFailed: no node says whether the coins of an expired sweep are unspent.
            ProviderUnavailable: the chain was never read.
        """
        tip = await self._context.tip()
        if not tip.is_settled:
            return
        for charge in await self._store.uncharged(
            tip.height - self._context.config.confirmations + 1
        ):
            await self._report(lease, charge)
        for sweep in await self._store.expired(self._context.clock.now()):
            await self._expire(lease, sweep)
        held = await self._store.held()
        HOT.labels("free").set(held.free)
        HOT.labels("reserved").set(held.reserved)
        HOT.labels("unconfirmed").set(held.unconfirmed)

    async def _report(self, lease: Lease, charge: Charge) -> None:
        """Tell the ledger the fee, in the transaction that notes it as told."""
        now, livemode = self._context.clock.now(), self._context.config.mode == "live"
        result = charged_result(
            RAIL,
            charge.txid,
            Money(charge.fee, "BTC"),
            ProviderCharge(livemode=livemode, cause=charge.purpose),
            occurred_at=now,
        )
        message = outgoing(RESULTS, result, source=f"{RAIL.name}-worker", at=now)
        async with fenced(self._store.pool, SCHEMA, lease) as connection:
            if not await mark_charged(connection, charge, now):
                return
            await outbox.store(connection, SCHEMA, [message])
            failpoint("bitcoin.before_charge_commit")
        failpoint("bitcoin.after_charge_commit")
        CHARGED.labels(charge.purpose).inc()
        log.info("bitcoin.transfer_confirmed", transaction=charge.txid, purpose=charge.purpose)

    async def _expire(self, lease: Lease, sweep: Sweep) -> None:
        """Give its coins back, unless something has spent one of them."""
        if not await self._context.are_unspent(await self._store.inputs(sweep.txid)):
            if sweep.txid not in self._told:
                self._told.add(sweep.txid)
                log.error(
                    "bitcoin.sweep_coins_spent",
                    transaction=sweep.txid,
                    meaning="another transaction spends coins of this sweep; they stay reserved",
                )
            return
        async with fenced(self._store.pool, SCHEMA, lease) as connection:
            released = await release(connection, sweep.txid, self._context.clock.now())
        if released:
            log.warning("bitcoin.sweep_expired", transaction=sweep.txid)
