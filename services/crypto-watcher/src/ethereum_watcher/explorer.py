"""Ask the explorer for what came to the shared address, in the process that leads.

    arrival as deep as it must be -> explorer -> the same: it counts as deep
                                              -> something else: it waits, with an alarm
                                              -> no answer: it waits

The address of all deposits is public, and whoever names a transaction gets its money. So there the
word of the nodes is not enough if a second source can be asked.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from prometheus_client import Counter, Gauge

from chain_watch.domain import Tip
from cift_shared.clock import Clock
from cift_shared.database.lease import Lease
from cift_shared.observability.log import get_logger
from cift_shared.runtime.job import Job
from ethereum_watcher.domain import Depths
from ethereum_watcher.explorer_client import Explorer, ExplorerUnavailable
from ethereum_watcher.explorer_rules import Claim, Doubt, doubt_of
from ethereum_watcher.explorer_store import ExplorerStore

ASK_AGAIN = timedelta(seconds=30)
"""After an answer that does not confirm an arrival."""
SAME = "same"

ANSWERS = Counter(
    "cift_ethereum_explorer_answers_total", "What the explorer says of arrivals.", ["answer"]
)
CONTRADICTED = Gauge(
    "cift_ethereum_explorer_contradicted",
    "Arrivals that are credited to nobody because the explorer says something else than the nodes.",
)

log = get_logger()


class ReadsTip(Protocol):
    """Where it is stored how far the chain is read."""

    async def tip(self) -> Tip | None:
        """None: nothing was read yet."""
        ...


class ExplorerCheck:
    """Asks for each arrival until the explorer has the same."""

    def __init__(
        self,
        explorer: Explorer,
        store: ExplorerStore,
        deposits: ReadsTip,
        depths: Depths,
        clock: Clock,
    ) -> None:
        self._explorer = explorer
        self._store = store
        self._deposits = deposits
        self._depths = depths
        self._clock = clock

    def job(self, wake: Callable[[], None], every: timedelta) -> Job:
        """The job that asks; `wake` wakes the loop that queries deposits."""

        async def work(lease: Lease) -> None:
            try:
                await self.run(lease)
            finally:
                wake()

        return Job(name="explorer", every=every, work=work, when_lost=lambda: CONTRADICTED.set(0))

    async def run(self, lease: Lease) -> None:
        """Ask for what is due.

        Raises:
            ExplorerUnavailable: it does not answer; what was asked for waits.
            LeaseLost: another process leads.
        """
        tip = await self._deposits.tip()
        height = None if tip is None or not tip.is_settled else self._depths.deep_height(tip)
        if height is None:
            return
        claims = await self._store.due(height, before=self._clock.now() - ASK_AGAIN)
        await self._ask(lease, claims)
        CONTRADICTED.set(await self._store.contradicted())

    async def _ask(self, lease: Lease, claims: Sequence[Claim]) -> None:
        if not claims:
            return
        done = 0
        try:
            head = await self._explorer.height()
            for claim in claims:
                await self._answered(lease, claim, await self._doubt(claim, head))
                done += 1
        except ExplorerUnavailable:
            left, doubt = claims[done:], Doubt.UNAVAILABLE
            ANSWERS.labels(doubt.value).inc(len(left))
            await self._store.save(lease, left, doubt, at=self._clock.now())
            raise

    async def _doubt(self, claim: Claim, head: int) -> Doubt | None:
        receipt = await self._explorer.receipt(claim.hash)
        found = None
        if receipt is not None and claim.contract is None:
            found = await self._explorer.transaction(claim.hash)
        return doubt_of(claim, head, receipt, found)

    async def _answered(self, lease: Lease, claim: Claim, doubt: Doubt | None) -> None:
        ANSWERS.labels(SAME if doubt is None else doubt.value).inc()
        changed = await self._store.save(lease, [claim], doubt, at=self._clock.now())
        if changed and doubt is not None and doubt.contradicts:
            log.error(
                "ethereum.explorer_disagrees",
                transaction=claim.hash,
                block=claim.block_hash,
                problem=doubt.value,
                meaning="the money is credited to nobody until nodes and explorer agree",
            )
