"""Withdrawals by Payouts v1: one item for each, in a batch of its own or in a shared one.

submit    create the batch (`payout_sender`), alone or with others that wait (`payout_queue`)
check     read the batch; the status of its item decides (`payout_items`)
unclaimed waits; canceled by the merchant at any time, by us after 29 days, by PayPal after 30
denied    for lack of money: nothing was paid, so it is sent again under a new id after a pause
later     a paid payout may be reversed or refunded: the money is back in our balance
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import (
    Canceled,
    Declined,
    Pending,
    Reversed,
    Settled,
    Unknown,
)
from cift_shared.money.amount import Money
from paypal_worker import payout_waits
from paypal_worker.context import REPORTED, Context
from paypal_worker.payout_items import (
    NO_FUNDS,
    RETURNED,
    UNCLAIMED,
    Meaning,
    Reported,
    failure_of,
    is_listed,
    meaning_of,
)
from paypal_worker.payout_keys import (
    BATCH,
    ROUND,
    SHARED,
    batch_key,
    item_key,
    own_key,
    round_of,
)
from paypal_worker.payout_pause import PayoutPause
from paypal_worker.payout_places import Places
from paypal_worker.payout_sender import PayoutSender
from paypal_worker.payout_wire import PayoutItem
from paypal_worker.transport import RequestRefused

STATUS, UNCLAIMED_AT = "status", "unclaimed_at"
"""Memory fields: the last status that was read, and when the payout was first seen unclaimed.
Stored with attempts: never rename them."""


class Payouts:
    """Pays out to PayPal accounts."""

    def __init__(self, context: Context, places: Places) -> None:
        self._context = context
        self._pause = PayoutPause(context.clock, context.config.check_speed)
        self._places = places
        self._sender = PayoutSender(context, self._pause, places)

    async def submit(self, attempt: Attempt) -> Answer:
        """Create the payout; see `PayoutSender.send`.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        return await self._sender.send(attempt)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """Read the state of a payout, and take its next step; raises as `submit`."""
        del notices  # they only cause this check
        batch_id = attempt.memory.get(BATCH)
        if not batch_id:
            return Answer(Pending()) if attempt.ended else await self._sender.send_again(attempt)
        batch = await self._context.api.read_payout(batch_id)
        if batch.is_denied(batch_key(attempt), item_key(attempt)):
            return self._denied(attempt, batch_id)
        item = batch.item_of(batch_key(attempt), item_key(attempt))
        if item is None:
            if batch.items:
                self._context.count_unknown("batch", "not ours")
            return Answer(Pending())
        return await self._decide(attempt, item)

    async def cancel(self, attempt: Attempt) -> Answer:
        """Return an unclaimed payout now, for the merchant; raises as `submit`.

        A payout that PayPal denied ends here if nobody has sent it again. `Unknown` while it is in
        another open state: PayPal can't cancel it then, and the engine tries again after the next
        query.
        """
        batch_id = attempt.memory.get(BATCH)
        if not batch_id:
            return await self._cancel_unsent(attempt)
        batch = await self._context.api.read_payout(batch_id)
        if batch.is_denied(batch_key(attempt), item_key(attempt)):
            return self._canceled(self._context.step("payout.denied", batch=batch_id))
        item = batch.item_of(batch_key(attempt), item_key(attempt))
        if item is None:
            return Answer(Unknown("PayPal does not show the payout yet"))
        if item.status == UNCLAIMED:
            item = await self._return(attempt, item)
        if item.status == RETURNED:
            return self._canceled(self._read_step(item))
        answer = await self._decide(attempt, item)
        if isinstance(answer.outcome, Pending):
            return Answer(Unknown("PayPal cancels a payout only while it is unclaimed"))
        return answer

    async def _cancel_unsent(self, attempt: Attempt) -> Answer:
        """Cancel a payout that PayPal denied, unless it was sent, or is being sent, again."""
        if round_of(attempt) and await self._places.close(attempt):
            return self._canceled(self._context.step("payout.not_sent_again", reason="canceled"))
        return Answer(Unknown("it is not known whether PayPal has the payout"))

    def check_delay(self, attempt: Attempt) -> timedelta | None:
        """How long to wait before the next query; None after 45 days."""
        context = self._context
        age, speed = context.age(attempt), context.config.check_speed
        return payout_waits.check_delay(attempt.checks, age, speed=speed)

    async def get_balances(self) -> Sequence[Money]:
        """What can be paid out now, for each currency; raises as `submit`."""
        balances = (await self._context.api.read_balances()).available()
        self._pause.balances_read(balances)
        return balances

    async def _decide(self, attempt: Attempt, item: PayoutItem) -> Answer:
        """The answer for an item as PayPal has just returned it."""
        reported = Reported(attempt.memory.get(REPORTED) or Reported.OPEN)
        if not is_listed(item.status):
            self._context.count_unknown("payout", item.status)
        match meaning_of(item.status, reported):
            case Meaning.WAIT:
                return await self._wait(attempt, item)
            case Meaning.PAID:
                return self._paid(attempt, item)
            case Meaning.NOT_PAID:
                return self._not_paid(attempt, item)
            case Meaning.GIVEN_BACK:
                return self._given_back(item)
        watch = self._watch(attempt) if reported is Reported.PAID else None
        return Answer(Pending(), check_after=watch)

    async def _wait(self, attempt: Attempt, item: PayoutItem) -> Answer:
        """The answer while nothing is final; cancels a payout that nobody claims in time."""
        memory = {STATUS: item.status}
        if item.status == UNCLAIMED and not attempt.ended:
            now, speed = self._context.clock.now(), self._context.config.check_speed
            since = _moment(attempt.memory.get(UNCLAIMED_AT)) or now
            if payout_waits.is_unclaimed_too_long(now - since, speed=speed):
                after = await self._return(attempt, item)
                if after.status != UNCLAIMED:
                    return await self._decide(attempt, after)
            memory[UNCLAIMED_AT] = since.isoformat()
        is_new = attempt.memory.get(STATUS) != item.status
        return Answer(Pending(), memory, evidence=[self._read_step(item)] if is_new else [])

    async def _return(self, attempt: Attempt, item: PayoutItem) -> PayoutItem:
        """Have an unclaimed payout returned; the item as it is afterwards."""
        api = self._context.api
        try:
            return await api.cancel_payout(item.payout_item_id, f"{own_key(attempt)}:return")
        except RequestRefused:  # returned, or claimed, meanwhile
            return await api.read_payout_item(item.payout_item_id)

    def _paid(self, attempt: Attempt, item: PayoutItem) -> Answer:
        fee = item.payout_item_fee.money() if item.payout_item_fee else None
        steps = [self._read_step(item)]
        if fee is not None:
            steps.append(self._context.step("fee.known", fee=fee.text, currency=fee.currency))
        outcome = Settled(item.payout_item.amount.money(), item.reference, fee)
        memory = {REPORTED: Reported.PAID, STATUS: item.status}
        return Answer(outcome, memory, None, steps, self._watch(attempt))

    def _not_paid(self, attempt: Attempt, item: PayoutItem) -> Answer:
        failure = failure_of(item.status, item.error)
        if failure is NO_FUNDS:
            self._pause.begin(attempt.request.amount)
        memory = {REPORTED: Reported.NOT_PAID, STATUS: item.status}
        return Answer(Declined(failure), memory, None, [self._read_step(item)])

    def _given_back(self, item: PayoutItem) -> Answer:
        name = f"{item.payout_item_id}:{item.status.lower()}"
        outcome = Reversed(item.payout_item.amount.money(), name, item.error or item.status)
        memory = {REPORTED: Reported.GIVEN_BACK, STATUS: item.status}
        return Answer(outcome, memory, None, [self._read_step(item)])

    def _denied(self, attempt: Attempt, batch_id: str) -> Answer:
        """The answer to a denied batch: PayPal paid nothing of it, so it may be sent again."""
        context, number = self._context, round_of(attempt)
        if attempt.ended:
            return Answer(Pending())
        step = context.step("payout.denied", batch=batch_id)
        left = self._pause.begin(attempt.request.amount, round_number=number)
        if context.age(attempt) >= payout_waits.RESEND_ROUNDS_FOR:
            return Answer(Declined(NO_FUNDS), {REPORTED: Reported.NOT_PAID}, None, [step])
        memory = {BATCH: "", SHARED: "", ROUND: str(number + 1)}
        return Answer(Pending(), memory, None, [step], left)

    def _canceled(self, step: Step) -> Answer:
        return Answer(Canceled(), {REPORTED: Reported.NOT_PAID}, None, [step])

    def _watch(self, attempt: Attempt) -> timedelta | None:
        """The wait before a paid payout is read again; None: never again."""
        context = self._context
        return payout_waits.watch_delay(context.age(attempt), speed=context.config.check_speed)

    def _read_step(self, item: PayoutItem) -> Step:
        return self._context.step(
            "payout.read", item=item.payout_item_id, status=item.status, error=item.error
        )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
