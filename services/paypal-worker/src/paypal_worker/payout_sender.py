"""Create the batch of a withdrawal at PayPal, at most one that pays.

PayPal refuses a second batch with our id, and links to the first one; it forgets the id after 30
days. So the same request is sent again only while PayPal certainly remembers it; after that nothing
is sent, and an operator decides.
"""

from collections.abc import Mapping

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.errors import OutcomeUnknown, ProviderThrottled
from cift_shared.failpoints import failpoint
from cift_shared.messaging.outcomes import Conflicting, Declined, Failure, Pending, Submitted
from paypal_method.accounts import Account, account_of
from paypal_worker import issues, payout_refusals, payout_waits, payout_wire
from paypal_worker.context import REPORTED, Context
from paypal_worker.payout_items import NOT_POSSIBLE, Reported
from paypal_worker.payout_pause import PayoutPause, throttled
from paypal_worker.transport import RequestRefused

BATCH, ROUND = "batch", "round"
"""Memory fields: PayPal's id of the batch, and how many batches of this withdrawal PayPal denied.
Stored with attempts: never rename them."""


def batch_key(attempt: Attempt) -> str:
    """Our id of the batch: another one only after PayPal denied the batch with the one before."""
    number = round_of(attempt)
    return f"{attempt.attempt_id}.{number}" if number else str(attempt.attempt_id)


def item_key(attempt: Attempt) -> str:
    """Our id of the item; finds the attempt of a notice."""
    return str(attempt.attempt_id)


def round_of(attempt: Attempt) -> int:
    """How many batches of this withdrawal PayPal has denied."""
    return int(attempt.memory.get(ROUND) or 0)


class PayoutSender:
    """Sends payouts, and pauses them while PayPal has no money of ours."""

    def __init__(self, context: Context, pause: PayoutPause) -> None:
        self._context = context
        self._pause = pause

    async def send(self, attempt: Attempt) -> Answer:
        """Create the batch of an attempt that was never sent.

        Raises:
            ProviderThrottled: payouts are paused; PayPal has nothing.
            PaymentProcessorError: see `cift_shared.errors`.
        """
        body = self._body(attempt)
        if isinstance(body, Failure):
            return self._declined("payout.not_sent", body)
        self._pause.check(attempt.request.amount.currency)
        try:
            return await self._create(attempt, body)
        except RequestRefused as error:
            paused = self._paused_by(attempt, error)
            if paused is not None:
                raise paused from error
            return self._refused(error)

    async def send_again(self, attempt: Attempt) -> Answer:
        """Send a request again that may have arrived; raises as `send`.

        A refusal is no proof that the first request did not arrive, so it ends nothing.
        """
        context = self._context
        if not payout_waits.may_resend(context.age(attempt)):
            step = context.step("payout.not_sent_again", reason="PayPal may have forgotten its id")
            why = "it is not known whether PayPal has the payout, and its id may be forgotten"
            return Answer(Conflicting(why), evidence=[step])
        body = self._body(attempt)
        if isinstance(body, Failure):
            return Answer(Conflicting(f"the payout can't be sent again: {body.code}"))
        left = self._pause.left(attempt.request.amount.currency)
        if left is not None:
            return Answer(Pending(), check_after=left)
        try:
            return await self._create(attempt, body)
        except RequestRefused as error:
            self._paused_by(attempt, error)
            step = context.step("payout.refused_again", issue=error.issue)
            left = self._pause.left(attempt.request.amount.currency)
            return Answer(Pending(), evidence=[step], check_after=left)

    async def _create(self, attempt: Attempt, body: Mapping[str, object]) -> Answer:
        """Create the batch, or adopt the one that has our id.

        Raises:
            RequestRefused: PayPal refused it for another reason.
        """
        failpoint("paypal.before_payout")
        try:
            batch = await self._context.api.create_payout(body, f"{batch_key(attempt)}:payout")
        except RequestRefused as error:
            if not payout_refusals.is_duplicate(error.error):
                raise
            return await self._adopt(attempt, payout_wire.first_batch(error.error))
        failpoint("paypal.after_payout")
        self._pause.end(attempt.request.amount.currency)
        return self._accepted(batch.batch_header.payout_batch_id, "payout.accepted")

    async def _adopt(self, attempt: Attempt, batch_id: str | None) -> Answer:
        """Adopt the batch that PayPal says has our id, if it really has."""
        if batch_id is None:
            raise OutcomeUnknown("provider_answer_unreadable", "a used batch id without its batch")
        batch = await self._context.api.read_payout(batch_id)
        if not batch.is_ours(batch_key(attempt), item_key(attempt)):
            return Answer(Conflicting("PayPal links our batch id to another payout"))
        return self._accepted(batch_id, "payout.duplicate")

    def _accepted(self, batch_id: str, name: str) -> Answer:
        step = self._context.step(name, batch=batch_id)
        fingerprint = self._context.fingerprint(batch_id)
        return Answer(Submitted(), {BATCH: batch_id}, fingerprint, [step])

    def _body(self, attempt: Attempt) -> Mapping[str, object] | Failure:
        """The request; always the same for one attempt and round."""
        account = self._account(attempt)
        if account is None:
            return payout_refusals.RECIPIENT_INVALID
        try:
            return payout_wire.payout_request(
                account,
                attempt.request.amount,
                batch_key=batch_key(attempt),
                item_key=item_key(attempt),
            )
        except ValueError:
            return issues.AMOUNT_REFUSED

    def _account(self, attempt: Attempt) -> Account | None:
        """The recipient; None when it can't be decrypted, or names no account."""
        text = self._context.open(attempt.request.instrument.sealed)
        account = account_of(text) if text else None
        return account if account and (account.payer_id or account.email) else None

    def _paused_by(self, attempt: Attempt, error: RequestRefused) -> ProviderThrottled | None:
        """Pause payouts if a refusal is about our balance or our account, not about this payout."""
        if payout_refusals.lacks_funds(error.error):
            return throttled(self._pause.begin(attempt.request.amount))
        if payout_refusals.is_about_our_account(error.error, error.status):
            return throttled(self._pause.begin_all(error.issue))
        return None

    def _refused(self, error: RequestRefused) -> Answer:
        failure = payout_refusals.refusal_of(error.error)
        if failure is None:
            self._context.count_unknown("issue", error.issue)
        return self._declined("payout.refused", failure or NOT_POSSIBLE, error.issue)

    def _declined(self, name: str, failure: Failure, issue: str | None = None) -> Answer:
        step = self._context.step(name, reason=failure.code, issue=issue)
        return Answer(Declined(failure), {REPORTED: Reported.NOT_PAID}, None, [step])
