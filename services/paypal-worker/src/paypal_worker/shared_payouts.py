"""Send a batch that several payouts share, and recognize it at PayPal.

Its list of payouts is stored before the first request and is the same in each. What follows from
an answer:

accepted, or refused with a link to the first batch   every payout has its batch
refused, and it was the only request ever sent        PayPal has no such batch: it is taken apart,
                                                      and each payout is sent alone under its own id
not sent, or throttled, and the only one              taken apart; the payouts may travel together
anything else                                         unknown: the same request is sent again
"""

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from cift_shared.attempts.processor import Attempt
from cift_shared.errors import OutcomeUnknown, PaymentProcessorError, ProviderThrottled
from cift_shared.failpoints import failpoint
from cift_shared.messaging.outcomes import Conflicting, Failure
from cift_shared.observability.log import get_logger
from paypal_method.accounts import account_of
from paypal_worker import issues, payout_refusals, payout_waits, payout_wire
from paypal_worker.context import Context
from paypal_worker.payout_keys import BATCH, SHARED, item_key
from paypal_worker.payout_pause import PayoutPause, throttled
from paypal_worker.payout_places import Places
from paypal_worker.transport import IN_PROGRESS, RequestRefused

APART = "payout_batch_refused"
"""Code of a payout whose shared batch was refused: PayPal has nothing, and it is sent alone."""
_ALONE_AFTER_S = 1

log = get_logger()


@dataclass(frozen=True, slots=True)
class Accepted:
    """PayPal has the batch."""

    batch_id: str
    is_duplicate: bool = False
    """True when an earlier request created it."""


Sent = Accepted | Conflicting
"""What became of a batch; `Conflicting`: an operator must decide."""


def new_batch_key() -> str:
    """Our id of a new shared batch; no other list of payouts ever has it."""
    return f"batch-{secrets.token_hex(16)}"


def item_in(context: Context, attempt: Attempt) -> Mapping[str, Any] | Failure:
    """A payout as an item of a batch, always the same; or why it can't be one."""
    text = context.open(attempt.request.instrument.sealed)
    account = account_of(text) if text else None
    if account is None or not (account.payer_id or account.email):
        return payout_refusals.RECIPIENT_INVALID
    try:
        return payout_wire.payout_item(account, attempt.request.amount, item_key=item_key(attempt))
    except ValueError:
        return issues.AMOUNT_REFUSED


class SharedPayouts:
    """Sends batches of several payouts."""

    def __init__(self, context: Context, pause: PayoutPause, places: Places) -> None:
        self._context = context
        self._pause = pause
        self._places = places
        self._running: dict[str, asyncio.Task[Sent]] = {}

    async def send(self, key: str) -> Sent:
        """Send a stored batch, the first time or again; one request for all that ask meanwhile.

        Raises:
            ProviderThrottled: PayPal has no such batch; its payouts are sent again later.
            PaymentProcessorError: see `cift_shared.errors`.
        """
        if key not in self._running:
            task = asyncio.create_task(self._send(key), name="paypal:batch")
            task.add_done_callback(lambda _: self._running.pop(key))
            self._running[key] = task
        return await asyncio.shield(self._running[key])

    async def _send(self, key: str) -> Sent:
        members = await self._places.members(key)
        for member in members:
            if member.memory.get(SHARED) == key and member.memory.get(BATCH):
                return await self.adopt(key, _keys(members), member.memory[BATCH])
        items = [item_in(self._context, member) for member in members]
        obstacle = self._obstacle(members, items)
        if obstacle is not None:
            return Conflicting(obstacle)
        number = await self._places.begin_send(key)
        if number == 0:
            raise OutcomeUnknown("payout_batch_gone", "another process has ended the batch")
        body = payout_wire.payout_request(key, [item for item in items if isinstance(item, dict)])
        try:
            return await self._create(key, members, body)
        except PaymentProcessorError as error:
            await self._not_created(key, error)

    async def adopt(self, key: str, item_keys: Collection[str], batch_id: str | None) -> Sent:
        """Adopt the batch that PayPal says has our id, if it really has.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        if batch_id is None:
            raise OutcomeUnknown("provider_answer_unreadable", "a used batch id without its batch")
        batch = await self._context.api.read_payout(batch_id)
        if not batch.is_ours(key, item_keys):
            return Conflicting("PayPal links our batch id to another payout")
        return Accepted(batch_id, is_duplicate=True)

    def _obstacle(
        self, members: Sequence[Attempt], items: Sequence[Mapping[str, Any] | Failure]
    ) -> str | None:
        """Why the batch can't be sent; the same for each of its payouts."""
        oldest = max((self._context.age(member) for member in members), default=None)
        if oldest is not None and not payout_waits.may_resend(oldest):
            return "it is not known whether PayPal has the batch, and its id may be forgotten"
        if any(member.ended for member in members):
            return "another payout of the batch has ended, and PayPal may have none of them"
        if any(isinstance(item, Failure) for item in items):
            return "the batch can't be sent again: a recipient can't be read"
        return None

    async def _create(self, key: str, members: Sequence[Attempt], body: Mapping[str, Any]) -> Sent:
        failpoint("paypal.before_batch")
        try:
            batch = await self._context.api.create_payout(body, f"{key}:payout")
        except RequestRefused as error:
            if not payout_refusals.is_duplicate(error.error):
                raise
            first = payout_wire.first_batch(error.error)
            return await self.adopt(key, _keys(members), first)
        failpoint("paypal.after_batch")
        self._pause.end(members[0].request.amount.currency)
        log.info("paypal.payouts.sent_together", count=len(members))
        return Accepted(batch.batch_header.payout_batch_id)

    async def _not_created(self, key: str, error: PaymentProcessorError) -> NoReturn:
        """Take the batch apart if it is proven that PayPal does not have it.

        Raises:
            ProviderThrottled: it is proven.
            OutcomeUnknown: it is not.
        """
        if isinstance(error, OutcomeUnknown) or error.code == IN_PROGRESS:
            raise OutcomeUnknown(error.code, "PayPal may have the batch") from error
        reason = self._reason(error)
        if not await self._places.take_apart(key, alone=reason.code == APART):
            log.error("paypal.payouts.batch_unsettled", batch=key, code=reason.code)
            raise OutcomeUnknown(APART, "an earlier request may have created the batch") from error
        failpoint("paypal.after_batch_apart")
        raise reason from error

    def _reason(self, error: PaymentProcessorError) -> PaymentProcessorError:
        """Why the payouts of a batch that PayPal does not have are sent later."""
        if not isinstance(error, RequestRefused):
            return error
        pause = self._pause.account_refused(error)
        if pause is not None:
            return throttled(pause)
        log.warning("paypal.payouts.batch_refused", issue=error.issue[:64])
        text = "each payout is sent alone"
        return ProviderThrottled(APART, text, retry_after_s=_ALONE_AFTER_S)


def _keys(members: Sequence[Attempt]) -> list[str]:
    return [item_key(member) for member in members]
