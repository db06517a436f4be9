"""Implement the processor port for Ethereum.

    deposit      address -> ActionRequired -> seen -> Settled | Expired
    withdrawal   stored transaction -> signed by another process -> sent -> Settled
    refund       not offered: the sender may be a contract or an exchange

What the chain has, the processor reads from what the watcher has stored. It calls nodes for fees
and to send transactions. It holds no key.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chain_watch.context import Context, WatchState
from chain_watch.deposit_store import DepositStore, MemoryDeposits
from chain_watch.deposits import CHECK_EVERY, Deposits, to_pay
from chain_watch.domain import Derived
from chain_watch.rpc import NodeFailed
from cift_shared.attempts.processor import Answer, Attempt, FloatRules, Notice
from cift_shared.clock import Clock, SystemClock
from cift_shared.messaging.outcomes import Declined, Pending
from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction, load_schedule
from cift_shared.rails.rail import Operation
from ethereum_method.rail import RAIL
from ethereum_watcher.addresses import check_library
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.domain import COIN, Arrival
from ethereum_watcher.mapping import gas_of, price_of, transfer_fee
from ethereum_watcher.payout_codes import NOT_OFFERED
from ethereum_watcher.payout_context import PayoutContext
from ethereum_watcher.payout_plans import Room
from ethereum_watcher.payouts import Payouts
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.terms import terms_of

FLOAT_EVERY_S = 30.0
NO_ROOM = Room(nonce=0, wei=0, count=0)


class EthereumProcessor:
    """Implements the port, with `EstimatesNetworkFee`, `ReportsFloat`, `ReportsAvailability`."""

    rail = RAIL.name

    def __init__(
        self,
        config: EthereumConfig,
        nodes: Sequence[EthereumNode],
        store: DepositStore[Arrival],
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
        self._terms = terms_of(config)
        context = Context(self._terms, watch, clock, self._derive, config.shared)
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
        if not self._receives(attempt):
            return Answer(Declined(NOT_OFFERED))
        return await self._deposits.submit(attempt)

    async def process_withdrawal(self, attempt: Attempt) -> Answer:
        """Store a transaction for the signer; raises as `Payouts.submit`."""
        if self._payouts is None:
            return Answer(Declined(NOT_OFFERED))
        return await self._payouts.submit(attempt)

    async def process_refund(self, attempt: Attempt) -> Answer:  # noqa: ARG002
        """Decline: the sender may be a contract, or an exchange, that can't be refunded to."""
        return Answer(Declined(NOT_OFFERED))

    async def get_transaction_status(
        self,
        attempt: Attempt,
        notices: Sequence[Notice] = (),  # noqa: ARG002  nobody posts any
    ) -> Answer:
        """Judge what was read from the chain; raises as `Deposits.check` or `Payouts.submit`.

        A deposit in a token that is no longer set up waits: its transfers are not read.
        """
        if attempt.operation == "deposit":
            if not self._receives(attempt):
                return Answer(Pending(), check_after=CHECK_EVERY)
            return await self._deposits.check(attempt)
        if attempt.operation == "withdrawal" and self._payouts is not None:
            return await self._payouts.check(attempt)
        return Answer(Pending() if attempt.ended else Declined(NOT_OFFERED))

    def _receives(self, attempt: Attempt) -> bool:
        return to_pay(attempt).currency in self._terms.dusts

    async def estimate_network_fee(self, direction: Direction, currency: str) -> Money:
        """What a withdrawal costs, or to move a deposit later, at the price of now, in ether.

        Raises:
            NodeFailed: no node answers.
        """
        lowest, highest = self._config.fee_limits
        gas = gas_of(direction, is_token=currency in self._terms.tokens)
        failed = NodeFailed("no node is configured")
        for node in self._nodes:
            try:
                price = price_of(await node.fees())
                return transfer_fee(price, lowest=lowest, highest=highest, gas=gas)
            except NodeFailed as error:
                failed = error
        raise failed

    def _derive(self, index: int) -> Derived:
        if self._key is None:
            raise AssertionError("deposits share one address")
        return self._key.derive(index)

    def float_rules(self) -> FloatRules:
        """The balances below which withdrawals are refused."""
        every = min(FLOAT_EVERY_S, self._config.poll_s * 5)
        return FloatRules(self._config.floats_min, timedelta(seconds=every))

    async def get_float(self) -> Sequence[Money]:
        """What can be spent now; nothing without a signer, or while others use the key.

        Of a token nothing, either, without ether for its fees.
        """
        room = await self._room()
        tokens = room.tokens if room.wei >= self._config.float_min else {}
        held = {name: tokens.get(one.script, 0) for name, one in self._config.contracts.items()}
        return [Money(max(minor, 0), name) for name, minor in {COIN: room.wei, **held}.items()]

    async def _room(self) -> Room:
        context = self._payout_context
        if context is None:
            return NO_ROOM
        room = await context.store.room()
        can_sign = await context.store.has_signer() and await context.is_ours_alone()
        return room if room and can_sign else NO_ROOM

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
