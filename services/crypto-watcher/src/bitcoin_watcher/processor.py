"""Implement the processor port for Bitcoin.

    deposit      address -> ActionRequired -> seen -> Settled | Expired
    withdrawal, refund: not offered; the watcher has no key

The processor never waits for a node: it judges what the watcher has stored. Only the fee estimate
calls one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bitcoin_method.rail import RAIL
from bitcoin_watcher.addresses import check_library
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.context import Context, WatchState
from bitcoin_watcher.deposit_store import DepositStore, MemoryDeposits
from bitcoin_watcher.deposits import CHECK_EVERY, Deposits
from bitcoin_watcher.mapping import deposit_fee, rate_of
from bitcoin_watcher.settings import BitcoinConfig
from chain_watch.rpc import NodeFailed
from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.clock import Clock, SystemClock
from cift_shared.messaging.outcomes import Declined, Failure, FailureCategory, Pending
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation

NOT_OFFERED = Failure(
    "bitcoin_not_offered",
    FailureCategory.INVALID,
    "This can't be done with bitcoin.",
    retryable=False,
)


class BitcoinProcessor:
    """Implements `PaymentProcessor`, `EstimatesNetworkFee` and `ReportsAvailability`."""

    rail = RAIL.name

    def __init__(
        self,
        config: BitcoinConfig,
        nodes: Sequence[BitcoinNode],
        store: DepositStore,
        *,
        watch: WatchState,
        clock: Clock,
    ) -> None:
        """Create the processor; `watch` is kept up to date by a loop of the worker.

        Raises:
            SettingsInvalid: the key or the fee schedule can't be used, or the library derives wrong
                addresses.
        """
        check_library()
        self._nodes = nodes
        self._config = config
        self._watch = watch
        self._fees = load_schedule(config.fee_schedule)
        self._deposits = Deposits(Context(config, store, watch, clock, config.key(), config.shared))

    def resend_is_safe(self, operation: Operation) -> bool:  # noqa: ARG002  the port's signature
        """True: a deposit has one address, however often it is submitted."""
        return True

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Assign an address; raises as `Deposits.submit`."""
        return await self._deposits.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:  # noqa: ARG002
        """Decline: the watcher has no key."""
        return Answer(Declined(NOT_OFFERED))

    async def process_refund(self, attempt: Attempt) -> Answer:  # noqa: ARG002
        """Decline: a transaction names no address to refund to."""
        return Answer(Declined(NOT_OFFERED))

    async def get_transaction_status(
        self,
        attempt: Attempt,
        notices: Sequence[Notice] = (),  # noqa: ARG002  nobody posts any
    ) -> Answer:
        """Judge what was read from the chain; raises as `Deposits.check`."""
        if attempt.operation == "deposit":
            return await self._deposits.check(attempt)
        return Answer(Pending() if attempt.ended else Declined(NOT_OFFERED))

    async def estimate_network_fee(self, direction: Direction, currency: str) -> Money:  # noqa: ARG002
        """What it will cost to move a deposit later: one input, at the rate of now.

        Raises:
            NodeFailed: no node answers.
        """
        config, estimate = self._config, None
        for node in self._nodes:
            try:
                estimate = await node.fee_estimate()
                break
            except NodeFailed as error:
                if node is self._nodes[-1]:
                    raise
                _ = error
        rate = rate_of(
            estimate.feerate if estimate is not None else None,
            lowest=config.fee_floor,
            highest=config.fee_ceiling,
            instead=config.fee_fallback,
        )
        return deposit_fee(rate)

    def unavailable_reason(self) -> str | None:
        """Why no deposit can be taken now; None: it can."""
        return self._watch.unavailable_reason()

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the schedule, without the network's."""
        return self._fees.fee(amount, method=RAIL.priced_as, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:  # noqa: ARG002
        """A deposit is watched until it ends; it never needs an operator only because of time."""
        return CHECK_EVERY

    async def close(self) -> None:
        """Close the connections to the nodes."""
        for node in self._nodes:
            await node.close()


def nodes_of(config: BitcoinConfig) -> list[BitcoinNode]:
    """A client for each configured node."""
    return [BitcoinNode(one, config.network, timeout_s=config.timeout_s) for one in config.nodes]


def build_processor(config: BitcoinConfig) -> BitcoinProcessor:
    """A processor without a database: it knows no chain, so it takes no deposit.

    Raises:
        SettingsInvalid: a setting can't be used.
    """
    clock = SystemClock()
    watch = WatchState(clock)
    return BitcoinProcessor(config, nodes_of(config), MemoryDeposits(), watch=watch, clock=clock)
