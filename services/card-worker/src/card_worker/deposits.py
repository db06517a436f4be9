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
from card_worker.aftermath import Aftermath
from card_worker.calls import CardRefused, RequestRefused, ServerFailed
from card_worker.flow import AT_ONCE, Flow, next_action
from card_worker.units import to_stripe
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

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._aftermath = Aftermath(flow)

    async def submit(self, attempt: Attempt) -> Answer:
        """Create the intent, unconfirmed.

        Raises:
            PaymentProcessorError: see `cift_shared.errors`.
        """
        return await self._create(attempt)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """Take the next step, or read the result of the last one; raises as `submit`."""
        if attempt.ended:
            return await self._aftermath.look(attempt, notices)
        intent_id = attempt.memory.get("intent")
        if intent_id is None:
            return await self._find_or_create(attempt)
        if attempt.checks == 0:  # the intent was only created so far: no need to read it first
            return await self._confirm(attempt, intent_id)
        return await self._judge(attempt, await self._flow.api.retrieve_intent(intent_id))

    async def _find_or_create(self, attempt: Attempt) -> Answer:
        """Search the intent that an earlier request may have created; create one if there is none.

        No intent is created after the payer's time is over, so the time window of the search is
        short. An intent that the search misses among many does no harm: it is unconfirmed, and
        nothing ever confirms it.
        """
        flow, now = self._flow, self._flow.clock.now()
        began, left = attempt.created_at or now, flow.time_left(attempt)
        found = await flow.api.find_intent(
            str(attempt.attempt_id),
            since=int(began.timestamp()) - CLOCK_SKEW_S,
            until=int((now + min(left, AT_ONCE)).timestamp()) + CLOCK_SKEW_S,
        )
        if found is not None:
            return self._stored(found, "intent.found")
        if left <= AT_ONCE:
            step = flow.step("intent.not_made", reason="time is over")
            return Answer(Expired(declines.ACTION_EXPIRED), evidence=[step])
        return await self._create(attempt)

    async def _create(self, attempt: Attempt) -> Answer:
        flow, number = self._flow, int(attempt.memory.get("creates", "0"))
        params = self._params(attempt)
        if isinstance(params, Failure):
            return self._not_made(params)
        key = domain.idempotency_key(attempt.attempt_id, "create", number)
        failpoint("card.before_create")
        try:
            intent = await flow.api.create_intent(params, key)
        except RequestRefused as error:
            return self._not_made(mapping.refusal_of(error.error))
        except CardRefused as error:
            return self._not_made(mapping.failure_of(error.error))
        except ServerFailed:
            # Stripe repeats this error for this key. The next check searches the intent first, then
            # creates it with a new key.
            step = flow.step("intent.failed", number=number)
            memory = {"creates": str(number + 1)}
            return Answer(Unknown("Stripe failed"), memory, None, [step], flow.again())
        failpoint("card.after_create")
        return self._stored(intent, "intent.created")

    def _not_made(self, failure: Failure) -> Answer:
        step = self._flow.step("intent.refused", reason=failure.code)
        return Answer(Declined(failure), evidence=[step])

    def _stored(self, intent: wire.PaymentIntent, name: str) -> Answer:
        """The answer that stores the intent's id; an intent is confirmed only after that."""
        return Answer(
            Submitted(),
            memory={"intent": intent.id},
            fingerprint=self._flow.fingerprint(intent.id),
            evidence=[self._flow.step(name, intent=intent.id, status=intent.status)],
            check_after=AT_ONCE,
        )

    def _params(self, attempt: Attempt) -> dict[str, Any] | Failure:
        request, flow = attempt.request, self._flow
        card = flow.open(request.instrument.sealed)
        sealed = request.instrument.customer_sealed
        owner = flow.open(sealed) if sealed else None
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
        flow = self._flow
        if flow.time_left(attempt) <= AT_ONCE:
            return await self._cancel(attempt, intent_id)
        failpoint("card.before_confirm")
        key = domain.idempotency_key(attempt.attempt_id, "confirm", attempt.checks)
        refusal: Failure | None = None
        try:
            intent = await flow.api.confirm_intent(intent_id, _consent(attempt), key)
        except CardRefused as error:
            refusal = mapping.failure_of(error.error)
            intent = await flow.api.retrieve_intent(intent_id)
        except RequestRefused as error:
            refusal = mapping.refusal_of(error.error)
            intent = await flow.api.retrieve_intent(intent_id)
        failpoint("card.after_confirm")
        return await self._judge(attempt, intent, confirmed=True, refusal=refusal)

    async def _judge(
        self,
        attempt: Attempt,
        intent: wire.PaymentIntent,
        *,
        confirmed: bool = False,
        refusal: Failure | None = None,
    ) -> Answer:
        """Take the step that the intent's state requires.

        Args:
            attempt: the attempt of the intent.
            intent: the intent as Stripe has just returned it.
            confirmed: True right after a request to confirm it.
            refusal: why Stripe refused that request, if it did.
        """
        flow = self._flow
        step = flow.step("intent.read", intent=intent.id, status=intent.status)
        match intent.status:
            case "succeeded":
                return self._paid(attempt, intent)
            case "canceled":
                return Answer(mapping.ended(intent), evidence=[step])
            case "requires_confirmation" if not confirmed:
                return await self._confirm(attempt, intent.id)
            case "requires_confirmation" if refusal is None:
                return Answer(Pending(), evidence=[step], check_after=flow.again())
            case "requires_confirmation" | "requires_payment_method":
                return await self._cancel(attempt, intent.id, refusal=refusal)
            case "requires_action":
                return await self._act(attempt, intent)
        if intent.status not in mapping.INTENT_STATUSES:
            flow.count_unknown("intent", intent.status)
        return Answer(Pending())

    def _paid(self, attempt: Attempt, intent: wire.PaymentIntent) -> Answer:
        outcome = mapping.paid(intent)
        fee = outcome.provider_fee if isinstance(outcome, Settled) else None
        step = self._flow.step(
            "intent.succeeded",
            intent=intent.id,
            amount=outcome.amount.text if isinstance(outcome, Settled) else None,
            currency=outcome.amount.currency if isinstance(outcome, Settled) else None,
            fee=fee.text if fee else None,
        )
        answer = Answer(outcome, {"told": "settled"}, None, [step])
        return self._aftermath.watched(attempt, intent, answer)

    async def _act(self, attempt: Attempt, intent: wire.PaymentIntent) -> Answer:
        """The answer while the payer must act; cancels the intent once the payer's time is over."""
        flow, action = self._flow, intent.next_action
        kind = action.type if action else "use_stripe_sdk"
        if flow.time_left(attempt) <= AT_ONCE:
            return await self._cancel(attempt, intent.id)
        if attempt.memory.get("action") == kind:
            return Answer(Pending())
        shown = next_action(flow, "use_stripe_sdk", action, intent.client_secret)
        step = flow.step("intent.requires_action", intent=intent.id, action=kind)
        return Answer(ActionRequired(shown, intent.id), {"action": kind}, None, [step])

    async def _cancel(
        self, attempt: Attempt, intent_id: str, *, refusal: Failure | None = None
    ) -> Answer:
        """Cancel the intent: no late confirmation may charge a payment reported as failed."""
        flow = self._flow
        key = domain.idempotency_key(attempt.attempt_id, "cancel", attempt.checks)
        failpoint("card.before_cancel")
        try:
            intent = await flow.api.cancel_intent(intent_id, key)
        except RequestRefused:
            # It may have succeeded at this very moment, so read its current state.
            intent = await flow.api.retrieve_intent(intent_id)
        failpoint("card.after_cancel")
        step = flow.step("intent.ended", intent=intent.id, status=intent.status)
        if intent.status == "succeeded":
            return self._paid(attempt, intent)
        if intent.status != "canceled":
            return Answer(Pending(), evidence=[step], check_after=flow.again())
        outcome = Declined(refusal) if refusal else mapping.ended(intent)
        if not mapping.is_listed(intent.last_payment_error):
            error = intent.last_payment_error
            flow.count_unknown("decline", (error.decline_code or error.code) if error else None)
        return Answer(outcome, {"told": "failed"}, None, [_explained(step, intent)])


def _explained(step: Step, intent: wire.PaymentIntent) -> Step:
    """The step with the bank's own codes; the timeline is not shown to cardholders."""
    error = intent.last_payment_error
    if error is None:
        return step
    words = {"code": error.code, "decline_code": error.decline_code, "advice": error.advice_code}
    detail = {**step.detail, **{name: word for name, word in words.items() if word}}
    return step.model_copy(update={"detail": detail})


def _consent(attempt: Attempt) -> dict[str, Any]:
    """The parameters that say whether the payer is present, and where the browser returns to."""
    request = attempt.request
    if not isinstance(request, RequestDeposit):
        return {}
    if request.off_session:
        return {"off_session": True}
    return {"return_url": request.return_url} if request.return_url else {}
