"""Deposits by card: create and store an intent, then confirm it, then read it until it is final.

submit    create, unconfirmed ........ its id is stored: only this intent is ever confirmed
check     confirm .................... succeeded | requires_action | declined
          read it again .............. after every notice, unknown outcome and crash
          cancel ..................... before a decline or an expiry is reported

An intent is charged at most once, and no other intent of the attempt is ever confirmed. So no
repeated request can charge twice.
"""

from collections.abc import Sequence
from typing import Any

from card_worker import declines, domain, mapping, wire
from card_worker.amounts import to_stripe
from card_worker.context import NO_WAIT, REPORTED, Context, next_action
from card_worker.post_settlement import PostSettlement
from card_worker.stripe_call import CardRefused, RequestRefused, ServerFailed
from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.failpoints import failpoint
from cift_shared.messaging.messages import RequestDeposit, Step
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Declined,
    Expired,
    Failure,
    Pending,
    Settled,
    Submitted,
    Unknown,
)

CAPTURE = "automatic"
"""With `automatic`, Stripe reports its fee together with the success; with Stripe's default,
`automatic_async`, it reports it later."""
CLOCK_SKEW_S = 300
"""Maximum difference between Stripe's clock and ours, for the search of a lost intent."""


class Deposits:
    """Collects money from cards."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._post_settlement = PostSettlement(context)

    async def submit(self, attempt: Attempt) -> Answer:
        """Create the intent, unconfirmed.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        return await self._create(attempt)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """Take the next step, or read the result of the last one; raises as `submit`."""
        if attempt.ended:
            return await self._post_settlement.check(attempt, notices)
        intent_id = attempt.memory.get("intent")
        if intent_id is None:
            return await self._find_or_create(attempt)
        if attempt.checks == 0:  # the intent was only created so far: no need to read it first
            return await self._confirm(attempt, intent_id)
        return await self._decide(attempt, await self._context.api.retrieve_intent(intent_id))

    async def _find_or_create(self, attempt: Attempt) -> Answer:
        """Search the intent that an earlier request may have created; create one if there is none.

        No intent is created after the payer's time limit, so the search covers a short period. An
        intent that the search misses among many does no harm: it is unconfirmed, and only a stored
        intent is ever confirmed.
        """
        context, now = self._context, self._context.clock.now()
        created_at, left = attempt.created_at or now, context.time_left(attempt)
        found = await context.api.find_intent(
            str(attempt.attempt_id),
            since=int(created_at.timestamp()) - CLOCK_SKEW_S,
            until=int((now + min(left, NO_WAIT)).timestamp()) + CLOCK_SKEW_S,
        )
        if found is not None:
            return self._stored(found, "intent.found")
        if left <= NO_WAIT:
            step = context.step("intent.not_made", reason="time is over")
            return Answer(Expired(declines.ACTION_EXPIRED), evidence=[step])
        return await self._create(attempt)

    async def _create(self, attempt: Attempt) -> Answer:
        context, number = self._context, int(attempt.memory.get("creates", "0"))
        params = self._params(attempt)
        if isinstance(params, Failure):
            return self._not_created(params)
        key = domain.idempotency_key(attempt.attempt_id, "create", number)
        failpoint("card.before_create")
        try:
            intent = await context.api.create_intent(params, key)
        except RequestRefused as error:
            return self._not_created(mapping.refusal_of(error.error))
        except CardRefused as error:
            return self._not_created(mapping.failure_of(error.error))
        except ServerFailed:
            # Stripe repeats this error for this key. The next check searches the intent first, then
            # creates it with a new key.
            step = context.step("intent.failed", number=number)
            memory = {"creates": str(number + 1)}
            return Answer(Unknown("Stripe failed"), memory, None, [step], context.retry_delay())
        failpoint("card.after_create")
        return self._stored(intent, "intent.created")

    def _not_created(self, failure: Failure) -> Answer:
        step = self._context.step("intent.refused", reason=failure.code)
        return Answer(Declined(failure), evidence=[step])

    def _stored(self, intent: wire.PaymentIntent, name: str) -> Answer:
        """The answer that stores the intent's id; an intent is confirmed only after that."""
        return Answer(
            Submitted(),
            memory={"intent": intent.id},
            fingerprint=self._context.fingerprint(intent.id),
            evidence=[self._context.step(name, intent=intent.id, status=intent.status)],
            check_after=NO_WAIT,
        )

    def _params(self, attempt: Attempt) -> dict[str, Any] | Failure:
        request, context = attempt.request, self._context
        card = context.open(request.instrument.sealed)
        sealed = request.instrument.customer_sealed
        owner = context.open(sealed) if sealed else None
        if card is None or (sealed and owner is None):
            return declines.INSTRUMENT_UNREADABLE
        try:
            amount = to_stripe(request.amount)
        except ValueError:
            return declines.AMOUNT_REFUSED
        description = request.description if isinstance(request, RequestDeposit) else None
        return {
            "amount": amount,
            "currency": request.amount.currency.lower(),
            "payment_method": card,
            "payment_method_types": ["card"],
            "capture_method": CAPTURE,
            "metadata": {
                domain.ATTEMPT_NAME: str(attempt.attempt_id),
                "cift_payment": str(request.payment_id),
                "cift_merchant": request.merchant_id,
            },
            **({"customer": owner} if owner else {}),
            **({"description": description} if description else {}),
        }

    async def _confirm(self, attempt: Attempt, intent_id: str) -> Answer:
        context = self._context
        if context.time_left(attempt) <= NO_WAIT:
            return await self._cancel(attempt, intent_id)
        failpoint("card.before_confirm")
        key = domain.idempotency_key(attempt.attempt_id, "confirm", attempt.checks)
        refusal: Failure | None = None
        try:
            intent = await context.api.confirm_intent(intent_id, _confirm_params(attempt), key)
        except CardRefused as error:
            refusal = mapping.failure_of(error.error)
            intent = await context.api.retrieve_intent(intent_id)
        except RequestRefused as error:
            refusal = mapping.refusal_of(error.error)
            intent = await context.api.retrieve_intent(intent_id)
        failpoint("card.after_confirm")
        return await self._decide(attempt, intent, confirmed=True, refusal=refusal)

    async def _decide(
        self,
        attempt: Attempt,
        intent: wire.PaymentIntent,
        *,
        confirmed: bool = False,
        refusal: Failure | None = None,
    ) -> Answer:
        """The answer, or the next step, for the intent's status.

        Args:
            attempt: the attempt of the intent.
            intent: the intent as Stripe has just returned it.
            confirmed: True right after a request to confirm it.
            refusal: why Stripe refused that request, if it did.
        """
        context = self._context
        step = context.step("intent.read", intent=intent.id, status=intent.status)
        match intent.status:
            case "succeeded":
                return self._paid(attempt, intent)
            case "canceled":
                return Answer(mapping.ended(intent), evidence=[step])
            case "requires_confirmation" if not confirmed:
                return await self._confirm(attempt, intent.id)
            case "requires_confirmation" if refusal is None:
                return Answer(Pending(), evidence=[step], check_after=context.retry_delay())
            case "requires_confirmation" | "requires_payment_method":
                return await self._cancel(attempt, intent.id, refusal=refusal)
            case "requires_action":
                return await self._require_action(attempt, intent)
        if intent.status not in mapping.INTENT_STATUSES:
            context.count_unknown("intent", intent.status)
        return Answer(Pending())

    def _paid(self, attempt: Attempt, intent: wire.PaymentIntent) -> Answer:
        outcome = mapping.paid(intent)
        fee = outcome.provider_fee if isinstance(outcome, Settled) else None
        step = self._context.step(
            "intent.succeeded",
            intent=intent.id,
            amount=outcome.amount.text if isinstance(outcome, Settled) else None,
            currency=outcome.amount.currency if isinstance(outcome, Settled) else None,
            fee=fee.text if fee else None,
        )
        answer = Answer(outcome, {REPORTED: "settled"}, None, [step])
        return self._post_settlement.with_next_read(attempt, intent, answer)

    async def _require_action(self, attempt: Attempt, intent: wire.PaymentIntent) -> Answer:
        """The answer while the payer must act; after the time limit the intent is canceled."""
        context, action = self._context, intent.next_action
        kind = action.type if action else "use_stripe_sdk"
        if context.time_left(attempt) <= NO_WAIT:
            return await self._cancel(attempt, intent.id)
        if attempt.memory.get("action") == kind:
            return Answer(Pending())
        browser_action = next_action(context, "use_stripe_sdk", action, intent.client_secret)
        step = context.step("intent.requires_action", intent=intent.id, action=kind)
        return Answer(ActionRequired(browser_action, intent.id), {"action": kind}, None, [step])

    async def _cancel(
        self, attempt: Attempt, intent_id: str, *, refusal: Failure | None = None
    ) -> Answer:
        """Cancel the intent: no late confirmation may charge a payment reported as failed."""
        context = self._context
        key = domain.idempotency_key(attempt.attempt_id, "cancel", attempt.checks)
        failpoint("card.before_cancel")
        try:
            intent = await context.api.cancel_intent(intent_id, key)
        except RequestRefused:
            # It may have succeeded meanwhile, so read its current state.
            intent = await context.api.retrieve_intent(intent_id)
        failpoint("card.after_cancel")
        step = context.step("intent.ended", intent=intent.id, status=intent.status)
        if intent.status == "succeeded":
            return self._paid(attempt, intent)
        if intent.status != "canceled":
            return Answer(Pending(), evidence=[step], check_after=context.retry_delay())
        outcome = Declined(refusal) if refusal else mapping.ended(intent)
        if not mapping.is_listed(intent.last_payment_error):
            error = intent.last_payment_error
            context.count_unknown("decline", (error.decline_code or error.code) if error else None)
        return Answer(outcome, {REPORTED: "failed"}, None, [_with_bank_codes(step, intent)])


def _with_bank_codes(step: Step, intent: wire.PaymentIntent) -> Step:
    """The step with the bank's own codes; the timeline is not shown to cardholders."""
    error = intent.last_payment_error
    if error is None:
        return step
    codes = {"code": error.code, "decline_code": error.decline_code, "advice": error.advice_code}
    detail = {**step.detail, **{name: code for name, code in codes.items() if code}}
    return step.model_copy(update={"detail": detail})


def _confirm_params(attempt: Attempt) -> dict[str, Any]:
    """Parameters of the confirmation: whether the payer is present, and the return address."""
    request = attempt.request
    if not isinstance(request, RequestDeposit):
        return {}
    if request.off_session:
        return {"off_session": True}
    return {"return_url": request.return_url} if request.return_url else {}
