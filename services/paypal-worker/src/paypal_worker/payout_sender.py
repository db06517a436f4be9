"""Create the batch of a withdrawal at PayPal, at most one that pays.

PayPal refuses a second batch with our id, and links to the first one; it forgets the id after 30
days. So the same request is sent again only while PayPal certainly remembers it; after that nothing
is sent, and an operator decides.

In which batch a withdrawal travels is stored before anything is sent (`payout_places`). One that
travels alone has a batch under its own id; `shared_payouts` sends the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import (
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderThrottled,
    ProviderUnavailable,
)
from cift_shared.failpoints import failpoint
from cift_shared.ids import AttemptId
from cift_shared.messaging.outcomes import Conflicting, Declined, Failure, Pending, Submitted
from paypal_worker import payout_refusals, payout_waits, payout_wire
from paypal_worker.context import REPORTED, Context
from paypal_worker.payout_items import NOT_POSSIBLE, Reported
from paypal_worker.payout_keys import BATCH, SHARED, item_key, own_key
from paypal_worker.payout_pause import PayoutPause, throttled
from paypal_worker.payout_places import Places
from paypal_worker.payout_queue import PayoutQueue
from paypal_worker.shared_payouts import Accepted, Sent, SharedPayouts, item_in, new_batch_key
from paypal_worker.transport import IN_PROGRESS, RequestRefused


@dataclass(frozen=True, slots=True)
class _Joined:
    """Where a payout travels."""

    place: str | None
    """Our id of the batch that it shares; None: alone."""
    sent: Sent | PaymentProcessorError | None = None
    """What became of the batch; None: nothing was sent here."""


class PayoutSender:
    """Sends payouts, and pauses them while PayPal has no money of ours."""

    def __init__(self, context: Context, pause: PayoutPause, places: Places) -> None:
        self._context = context
        self._pause = pause
        self._places = places
        self._shared = SharedPayouts(context, pause, places)
        self._queue = PayoutQueue(context.config.payout_batch_max, self._send_together)

    async def send(self, attempt: Attempt) -> Answer:
        """Create the batch of an attempt that was never sent.

        Raises:
            ProviderThrottled: payouts are paused; PayPal has nothing.
            PaymentProcessorError: see `cift_shared.errors`.
        """
        item = item_in(self._context, attempt)
        if isinstance(item, Failure):
            return self._declined("payout.not_sent", item)
        self._pause.check(attempt.request.amount.currency)
        joined = await self._join(attempt)
        if isinstance(joined.sent, PaymentProcessorError):
            raise joined.sent
        if joined.place is not None:
            sent = joined.sent or await self._shared.send(joined.place)
            return self._answer(joined.place, sent)
        return await self._send_alone(attempt, item)

    async def send_again(self, attempt: Attempt) -> Answer:
        """Send a request again that may have arrived; raises as `send`.

        A refusal is no proof that the first request did not arrive, so it ends nothing.
        """
        context = self._context
        if not payout_waits.may_resend(context.age(attempt)):
            step = context.step("payout.not_sent_again", reason="PayPal may have forgotten its id")
            why = "it is not known whether PayPal has the payout, and its id may be forgotten"
            return Answer(Conflicting(why), evidence=[step])
        item = item_in(context, attempt)
        if isinstance(item, Failure):
            return Answer(Conflicting(f"the payout can't be sent again: {item.code}"))
        left = self._pause.left(attempt.request.amount.currency)
        if left is not None:
            return Answer(Pending(), check_after=left)
        # one that never had a place travels alone: an earlier release may have sent it
        joined = await self._alone(attempt)
        if joined.place is not None:
            return self._answer(joined.place, await self._shared.send(joined.place))
        try:
            return await self._create(attempt, item)
        except RequestRefused as error:
            self._pause.refused(error, attempt.request.amount)
            step = context.step("payout.refused_again", issue=error.issue)
            left = self._pause.left(attempt.request.amount.currency)
            return Answer(Pending(), evidence=[step], check_after=left)

    async def _join(self, attempt: Attempt) -> _Joined:
        """Find a place for a payout that was never sent, with others if some wait."""
        if self._context.config.payout_batch_max == 1:
            return await self._alone(attempt)
        return await self._queue.send(attempt)

    async def _alone(self, attempt: Attempt) -> _Joined:
        """Find a place for a payout: alone, unless one is stored.

        Raises:
            OutcomeUnknown: another process has ended it.
        """
        places = await self._places.join([attempt], None)
        if attempt.attempt_id not in places:
            raise OutcomeUnknown("payout_claim_lost", "another process has ended this payout")
        return _Joined(places[attempt.attempt_id])

    async def _send_alone(self, attempt: Attempt, item: Mapping[str, object]) -> Answer:
        """Send a payout for the first time, alone; one that PayPal does not have may join others.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        try:
            return await self._create(attempt, item)
        except RequestRefused as error:
            paused = self._pause.refused(error, attempt.request.amount)
            if paused is None:
                return self._refused(error)
            await self._places.leave(attempt)
            raise throttled(paused) from error
        except (ProviderUnavailable, ProviderThrottled) as error:
            if error.code == IN_PROGRESS:  # another process has sent it
                raise OutcomeUnknown(error.code, "PayPal may have the payout") from error
            await self._places.leave(attempt)
            raise

    async def _send_together(self, attempts: Sequence[Attempt]) -> Mapping[AttemptId, _Joined]:
        """Store the places of payouts that wait, then send the batch that they share."""
        key = new_batch_key() if len(attempts) > 1 else None
        places = await self._places.join(attempts, key)
        sent = await self._send_shared(key) if key and key in places.values() else None
        return {
            name: _Joined(place, sent if place == key else None) for name, place in places.items()
        }

    async def _send_shared(self, key: str) -> Sent | PaymentProcessorError:
        try:
            return await self._shared.send(key)
        except PaymentProcessorError as error:
            return error

    async def _create(self, attempt: Attempt, item: Mapping[str, object]) -> Answer:
        """Create the batch of one payout, or adopt the one that has our id.

        Raises:
            RequestRefused: PayPal refused it for another reason.
        """
        key = own_key(attempt)
        body = payout_wire.payout_request(key, [item])
        failpoint("paypal.before_payout")
        try:
            batch = await self._context.api.create_payout(body, f"{key}:payout")
        except RequestRefused as error:
            if not payout_refusals.is_duplicate(error.error):
                raise
            first = payout_wire.first_batch(error.error)
            return self._answer(None, await self._shared.adopt(key, [item_key(attempt)], first))
        failpoint("paypal.after_payout")
        self._pause.end(attempt.request.amount.currency)
        return self._answer(None, Accepted(batch.batch_header.payout_batch_id))

    def _answer(self, place: str | None, sent: Sent) -> Answer:
        """The answer for a payout of a batch; `place` is our id of a shared one."""
        if isinstance(sent, Conflicting):
            return Answer(sent)
        name, batch_id = "duplicate" if sent.is_duplicate else "accepted", sent.batch_id
        step = self._context.step(f"payout.{name}", batch=batch_id)
        if place is not None:  # several payouts have this batch: it identifies none of them
            return Answer(Submitted(), {BATCH: batch_id, SHARED: place}, None, [step])
        fingerprint = self._context.fingerprint(batch_id)
        return Answer(Submitted(), {BATCH: batch_id}, fingerprint, [step])

    def _refused(self, error: RequestRefused) -> Answer:
        failure = payout_refusals.refusal_of(error.error)
        if failure is None:
            self._context.count_unknown("issue", error.issue)
        return self._declined("payout.refused", failure or NOT_POSSIBLE, error.issue)

    def _declined(self, name: str, failure: Failure, issue: str | None = None) -> Answer:
        step = self._context.step(name, reason=failure.code, issue=issue)
        return Answer(Declined(failure), {REPORTED: Reported.NOT_PAID}, None, [step])
