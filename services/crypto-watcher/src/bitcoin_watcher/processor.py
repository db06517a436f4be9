"""Implement the processor port for Bitcoin.

    deposit      address -> ActionRequired -> seen -> Settled | Expired
    withdrawal   stored transaction -> signed by another process -> sent -> Settled
    refund       not offered: a transaction names no address to refund to

What the chain has, the processor reads from what the watcher has stored. It calls nodes for fee
estimates and to send transactions. It holds no key.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from bitcoin_method.rail import RAIL
from bitcoin_watcher.addresses import check_library
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.domain import Output
from bitcoin_watcher.mapping import deposit_fee, rate_of, withdrawal_fee
from bitcoin_watcher.payout_codes import NOT_OFFERED
from bitcoin_watcher.payout_context import PayoutContext
from bitcoin_watcher.payouts import Payouts
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.terms import terms_of
from bitcoin_watcher.wire import FeeEstimate
from chain_watch.context import Context, WatchState
from chain_watch.deposit_store import DepositStore, MemoryDeposits
from chain_watch.deposits import CHECK_EVERY, Deposits
from chain_watch.domain import Derived
from chain_watch.rpc import NodeFailed
from cift_shared.attempts.processor import Answer, Attempt, FloatRules, Notice
from cift_shared.clock import Clock, SystemClock
from cift_shared.messaging.outcomes import Declined, Pending
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation

FLOAT_EVERY_S = 30.0


class BitcoinProcessor:
    """Implements the port, with `EstimatesNetworkFee`, `ReportsFloat`, `ReportsAvailability`."""

    rail = RAIL.name

    def __init__(
        self,
        config: BitcoinConfig,
        nodes: Sequence[BitcoinNode],
        store: DepositStore[Output],
        *,
        watch: WatchState,
        clock: Clock,
        payouts: PayoutContext | None = None,
    ) -> None:
        """Create the processor; `watch` is kept up to date by a loop of the worker.

        Without `payouts` it pays nothing out.

        Raises:
            SettingsInvalid: the key or the fee schedule can't be used, or the library derives wrong
                addresses.
        """
        check_library()
        self._nodes = nodes
        self._config = config
        self._watch = watch
        self._fees = load_schedule(config.fee_schedule)
        self._key = config.key()
        context = Context(terms_of(config), watch, clock, self._derive, config.shared)
        self._deposits = Deposits(context, store)
        self._payout_context = payouts
        self._payouts = None if payouts is None else Payouts(payouts)

    def resend_is_safe(self, operation: Operation) -> bool:  # noqa: ARG002  the port's signature
        """True: a deposit has one address, a withdrawal one plan, however often it is submitted."""
        return True

    def forgets_sending(self, operation: Operation) -> bool:
        """True for withdrawals: the chain takes a second plan of the same payment, too."""
        return operation == "withdrawal"

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Assign an address; raises as `Deposits.submit`."""
        return await self._deposits.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:
        """Store a transaction for the signer; raises as `Payouts.submit`."""
        if self._payouts is None:
            return Answer(Declined(NOT_OFFERED))
        return await self._payouts.submit(attempt)

    async def process_refund(self, attempt: Attempt) -> Answer:  # noqa: ARG002
        """Decline: a transaction names no address to refund to."""
        return Answer(Declined(NOT_OFFERED))

    async def get_transaction_status(
        self,
        attempt: Attempt,
        notices: Sequence[Notice] = (),  # noqa: ARG002  nobody posts any
    ) -> Answer:
        """Judge what was read from the chain; raises as `Deposits.check` or `Payouts.submit`."""
        if attempt.operation == "deposit":
            return await self._deposits.check(attempt)
        if attempt.operation == "withdrawal" and self._payouts is not None:
            return await self._payouts.check(attempt)
        return Answer(Pending() if attempt.ended else Declined(NOT_OFFERED))

    async def estimate_network_fee(self, direction: Direction, currency: str) -> Money:  # noqa: ARG002
        """What a withdrawal costs now, or to move a deposit later: one input, at the rate of now.

        Raises:
            NodeFailed: no node answers.
        """
        price = withdrawal_fee if direction == "withdrawal" else deposit_fee
        failed = NodeFailed("no node is configured")
        for node in self._nodes:
            try:
                return price(self._rate(await node.fee_estimate()))
            except NodeFailed as error:
                failed = error
        raise failed

    def _derive(self, index: int) -> Derived:
        if self._key is None:
            raise AssertionError("deposits share one address")
        return self._key.derive(index)

    def _rate(self, estimate: FeeEstimate) -> Decimal:
        config = self._config
        return rate_of(
            estimate.feerate,
            lowest=config.fee_floor,
            highest=config.fee_ceiling,
            instead=config.fee_fallback,
        )

    def float_rules(self) -> FloatRules:
        """The balance below which withdrawals are refused."""
        every = min(FLOAT_EVERY_S, self._config.poll_s * 5)
        minimum = {"BTC": Money(self._config.float_min, "BTC")}
        return FloatRules(minimum, timedelta(seconds=every))

    async def get_float(self) -> Sequence[Money]:
        """What can be spent now; nothing while no signer is at work."""
        context, tip = self._payout_context, self._watch.tip
        if context is None or tip is None or not await context.store.has_signer():
            return [Money(0, "BTC")]
        depth = self._config.confirmations
        coins = await context.store.spendable(tip=tip.height, depth=depth)
        return [Money(sum(one.satoshi for one in context.signable(coins)), "BTC")]

    def unavailable_reason(self) -> str | None:
        """Why no deposit can be taken now; None: it can."""
        return self._watch.unavailable_reason()

    def calculate_fee(self, amount: Money, direction: Direction, *, at: datetime) -> Money:
        """Our fee for moving `amount`, from the schedule, without the network's."""
        return self._fees.fee(amount, method=RAIL.priced_as, direction=direction, at=at)

    def check_delay(self, attempt: Attempt) -> timedelta | None:  # noqa: ARG002
        """A payment is watched until it ends; none needs an operator only because of time."""
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
