"""Implement the processor port for Ethereum.

    deposit      address -> ActionRequired -> seen -> Settled | Expired
    withdrawal, refund: not offered; the watcher has no key

The processor never waits for a node: it judges what the watcher has stored. Only the fee estimate
calls one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chain_watch.context import Context, WatchState
from chain_watch.deposit_store import DepositStore, MemoryDeposits
from chain_watch.deposits import CHECK_EVERY, Deposits, to_pay
from chain_watch.domain import Derived
from chain_watch.rpc import NodeFailed
from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.clock import Clock, SystemClock
from cift_shared.messaging.outcomes import Declined, Failure, FailureCategory, Pending
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation
from ethereum_method.rail import RAIL
from ethereum_watcher.addresses import check_library
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.domain import Arrival
from ethereum_watcher.mapping import TOKEN_GAS, TRANSFER_GAS, deposit_fee, price_of
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.terms import terms_of

NOT_OFFERED = Failure(
    "ethereum_not_offered",
    FailureCategory.INVALID,
    "This can't be done by Ethereum here.",
    retryable=False,
)


class EthereumProcessor:
    """Implements `PaymentProcessor`, `EstimatesNetworkFee` and `ReportsAvailability`."""

    rail = RAIL.name

    def __init__(
        self,
        config: EthereumConfig,
        nodes: Sequence[EthereumNode],
        store: DepositStore[Arrival],
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
        self._key = config.key()
        self._terms = terms_of(config)
        context = Context(self._terms, watch, clock, self._derive, config.shared)
        self._deposits = Deposits(context, store)

    def resend_is_safe(self, operation: Operation) -> bool:  # noqa: ARG002  the port's signature
        """True: a deposit has one address, however often it is submitted."""
        return True

    async def process_deposit(self, attempt: Attempt) -> Answer:
        """Assign an address; raises as `Deposits.submit`."""
        if not self._receives(attempt):
            return Answer(Declined(NOT_OFFERED))
        return await self._deposits.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:  # noqa: ARG002
        """Decline: the watcher has no key."""
        return Answer(Declined(NOT_OFFERED))

    async def process_refund(self, attempt: Attempt) -> Answer:  # noqa: ARG002
        """Decline: the sender may be a contract, or an exchange, that can't be refunded to."""
        return Answer(Declined(NOT_OFFERED))

    async def get_transaction_status(
        self,
        attempt: Attempt,
        notices: Sequence[Notice] = (),  # noqa: ARG002  nobody posts any
    ) -> Answer:
        """Judge what was read from the chain; raises as `Deposits.check`.

        A deposit in a token that is no longer set up waits: its transfers are not read.
        """
        if attempt.operation == "deposit":
            if not self._receives(attempt):
                return Answer(Pending(), check_after=CHECK_EVERY)
            return await self._deposits.check(attempt)
        return Answer(Pending() if attempt.ended else Declined(NOT_OFFERED))

    def _receives(self, attempt: Attempt) -> bool:
        return to_pay(attempt).currency in self._terms.dusts

    async def estimate_network_fee(self, direction: Direction, currency: str) -> Money:  # noqa: ARG002
        """What it will cost to move a deposit later, at the price of now, in ether.

        Raises:
            NodeFailed: no node answers.
        """
        lowest, highest = self._config.fee_limits
        gas = TOKEN_GAS if currency in self._terms.tokens else TRANSFER_GAS
        failed = NodeFailed("no node is configured")
        for node in self._nodes:
            try:
                price = price_of(await node.fees())
                return deposit_fee(price, lowest=lowest, highest=highest, gas=gas)
            except NodeFailed as error:
                failed = error
        raise failed

    def _derive(self, index: int) -> Derived:
        if self._key is None:
            raise AssertionError("deposits share one address")
        return self._key.derive(index)

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


def nodes_of(config: EthereumConfig) -> list[EthereumNode]:
    """A client for each configured node."""
    return [EthereumNode(one, config.chain_id, timeout_s=config.timeout_s) for one in config.nodes]


def build_processor(config: EthereumConfig) -> EthereumProcessor:
    """A processor without a database: it knows no chain, so it takes no deposit.

    Raises:
        SettingsInvalid: a setting can't be used.
    """
    clock = SystemClock()
    watch = WatchState(clock)
    return EthereumProcessor(config, nodes_of(config), MemoryDeposits(), watch=watch, clock=clock)
