"""Deposits by STK Push.

submit    store the reference -> send stk_push -> the payer sees a prompt -> store the
          CheckoutRequestID, encrypted
notice    Daraja sends it once, and anyone who knows the path can post one: it gives receipt and
          amount, and proves nothing
query     decides: 0 is settled, a listed code is declined or expired, any other is still pending
later     a push that the payer did not answer may still be paid, and its notice may get lost: it
          is queried again after it expired

When the answer to the push is lost, the notice on the attempt's own path gives the
CheckoutRequestID for the query. Without a notice the push is unresolved: `unresolved_pushes`
searches the provider's records for its reference, and Transaction Status confirms a receipt found
there (`receipt_hints`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.errors import PaymentProcessorError, ProviderThrottled
from cift_shared.messaging.messages import DELIVERED_BY, Step
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Expired,
    Failure,
    Outcome,
    Pending,
    Settled,
)
from mpesa_method.purposes import Purpose
from mpesa_method.rail import RAIL
from mpesa_worker import codes, domain, mapping, receipt_hints, stk_notices, wire
from mpesa_worker.context import Context, moment_from
from mpesa_worker.receipt_hints import Hint
from mpesa_worker.stk_notices import PushSummary, ReportedResult
from mpesa_worker.unresolved_pushes import PushStores, UnresolvedPushes

MATCHING_NOTICE_WAIT_S = 60
"""How long a paid push waits for a matching notice when a notice names another amount or payer."""
QUERY_RETRY_S = 15
"""Wait before the next query when a notice reports success and the query does not confirm it yet.
Also the wait after a query that failed."""
LATE_QUERY_WAITS_S = (2 * 60, 13 * 60, 45 * 60)
"""Waits between the late queries of a push that the payer did not answer: the queries are 2 min,
15 min and an hour after the push expired. Reconciliation finds a payment that comes later."""

_NEXT_ACTION_TEXT = "Enter your M-Pesa PIN on your phone to pay."


class Deposits:
    """Collects money from phones."""

    def __init__(self, context: Context, stores: PushStores) -> None:
        self._context = context
        self._pushes = stores.pushes
        self._unresolved = UnresolvedPushes(context, stores.records)

    async def submit(self, attempt: Attempt) -> Answer:
        """Send the STK push, so that the payer's phone shows a prompt.

        Raises:
            PaymentProcessorError: see `PushReferences.reserve` and `DarajaClient.stk_push`.
        """
        context = self._context
        phone = context.phone(attempt)
        least = RAIL.limits[mapping.CURRENCY]["deposit"].min_minor
        refusal = context.refusal(attempt, phone, least_minor=least)
        if refusal is not None:
            step = context.step("stk_push.not_sent", reason=refusal.code)
            return Answer(Declined(refusal), evidence=[step])
        reference = await self._pushes.reserve(attempt.attempt_id)
        request = self._push(attempt, phone, reference)
        accepted = await context.client.stk_push(request)
        if isinstance(accepted, Failure):
            step = context.step("stk_push.refused", reason=accepted.code)
            return Answer(Declined(accepted), evidence=[step])
        return self._accepted(request, accepted)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """The current state of a push: read the notices, then query Daraja.

        Raises:
            PaymentProcessorError: the query could not be sent, and there were no notices.
        """
        hint = receipt_hints.read_hints(self._context, attempt, notices)
        summary = stk_notices.read_callbacks(self._context, attempt, hint.other_notices)
        summary = replace(summary, steps=(*hint.steps, *summary.steps))
        answer = await self._decide(attempt, summary, hint, noticed=bool(notices))
        return replace(answer, memory={**answer.memory, **hint.as_memory()})

    async def _decide(
        self, attempt: Attempt, summary: PushSummary, hint: Hint, *, noticed: bool
    ) -> Answer:
        context = self._context
        if hint.outcome is not None:
            memory = stk_notices.ids_memory(context, summary)
            return Answer(hint.outcome, memory, evidence=summary.steps)
        if receipt_hints.needs_confirmation(attempt, hint, known_receipt=summary.reported.receipt):
            open_answer = Answer(Pending(), evidence=summary.steps)
            return await receipt_hints.confirm(context, attempt, hint, open_answer)
        if attempt.ended and summary.reported.receipt and noticed and not hint.other_notices:
            return Answer(Pending(), evidence=summary.steps)  # the receipt is known: no query
        if summary.checkout_id is None or (summary.adopted and hint.receipt):
            return await self._unresolved.check(attempt, summary, hint, noticed=noticed)
        answer = await self._query(attempt, summary, summary.checkout_id, noticed=noticed)
        outcome = answer.outcome
        if hint.receipt and isinstance(outcome, Settled) and outcome.provider_reference is None:
            # Paid, but the receipt is not confirmed yet: confirm it in the next check, now.
            return replace(answer, check_after=timedelta(0))
        return answer

    async def _query(
        self, attempt: Attempt, summary: PushSummary, checkout_id: str, *, noticed: bool
    ) -> Answer:
        try:
            state = await self._query_daraja(checkout_id)
        except PaymentProcessorError as error:
            if not noticed:
                raise
            return self._query_failed(summary, error)
        if state is not None:
            summary = replace(summary, adopted=False)
        answer = self._decide_by_query(attempt, summary, state)
        return self._schedule_late_query(attempt, answer, state, noticed=noticed)

    def _push(self, attempt: Attempt, phone: str, reference: str) -> wire.StkPush:
        config, stamp = self._context.config, domain.timestamp(self._context.clock.now())
        return wire.StkPush(
            short_code=config.business_short_code,
            password=self._password(stamp),
            timestamp=stamp,
            transaction_type=config.transaction_type,
            amount=domain.whole_shillings(attempt.request.amount),
            party_a=phone,
            party_b=config.receiver,
            phone=phone,
            callback_url=self._context.callback(attempt, Purpose.STK_PUSH),
            account_reference=reference,
            description="Deposit",
        )

    def _accepted(self, request: wire.StkPush, accepted: wire.StkAccepted) -> Answer:
        context = self._context
        action = {
            "type": "confirm_on_phone",
            "message": _NEXT_ACTION_TEXT,
            "reference": request.account_reference,
            DELIVERED_BY: "provider",
        }
        step = context.step(
            "stk_push.accepted",
            merchant_request_id=accepted.merchant_request_id,
            account_reference=request.account_reference,
        )
        return Answer(
            ActionRequired(action, provider_reference=accepted.merchant_request_id),
            memory=stk_notices.ids_memory(
                context,
                PushSummary(ReportedResult(), accepted.checkout_id, accepted.merchant_request_id),
            ),
            fingerprint=context.fingerprint(accepted.checkout_id),
            evidence=[step],
        )

    async def _query_daraja(self, checkout_id: str) -> wire.StkState | None:
        stamp = domain.timestamp(self._context.clock.now())
        state = await self._context.client.stk_query(
            wire.StkQuery(
                short_code=self._context.config.business_short_code,
                password=self._password(stamp),
                timestamp=stamp,
                checkout_id=checkout_id,
            )
        )
        if state is not None and state.checkout_id not in (None, checkout_id):
            return None  # the answer is about another payment
        return state

    def _password(self, stamp: str) -> str:
        config = self._context.config
        passkey = config.passkey.get_secret_value()
        return domain.stk_password(config.business_short_code, passkey, stamp)

    def _decide_by_query(
        self, attempt: Attempt, summary: PushSummary, state: wire.StkState | None
    ) -> Answer:
        context = self._context
        code = state.code if state else None
        answer = self._pending(summary, context.step("stk_query.answered", code=code or "no_news"))
        if code is None or code in codes.STK_OPEN:
            retry = context.delay(QUERY_RETRY_S) if summary.reported.paid else None
            return replace(answer, check_after=retry)
        if code == codes.SUCCESS:
            return self._paid(attempt, summary.reported, answer)
        if not mapping.stk_code_is_listed(code):
            context.count_unknown(code)
        return replace(answer, outcome=_not_paid(summary.reported, code))

    def _pending(self, summary: PushSummary, step: Step) -> Answer:
        """A pending answer that stores what the notices reported.

        Ids that Daraja has not confirmed make no fingerprint.
        """
        confirmed = summary.checkout_id if not summary.adopted else None
        return Answer(
            Pending(),
            memory={
                **stk_notices.ids_memory(self._context, summary),
                **summary.reported.as_memory(),
            },
            fingerprint=self._context.fingerprint(confirmed) if confirmed else None,
            evidence=[*summary.steps, step],
        )

    def _paid(self, attempt: Attempt, reported: ReportedResult, answer: Answer) -> Answer:
        """The outcome when the query reports paid. A push is always paid in full."""
        requested = attempt.request.amount
        if not reported.paid:
            return replace(answer, outcome=Settled(requested))
        if reported.matches:
            return replace(answer, outcome=Settled(reported.amount or requested, reported.receipt))
        # A push can't be paid in part or by another phone, so this notice may be forged, and the
        # genuine one may still come. An amount that only a notice names is never booked: without a
        # genuine notice, an operator compares the payment with the statement. An attempt that had
        # already ended goes to an operator with the requested amount, which the query confirms.
        now = self._context.clock.now()
        since = moment_from(attempt.memory, "doubt_since") or now
        left = since + self._context.delay(MATCHING_NOTICE_WAIT_S) - now
        if left > timedelta(0):
            memory = {**answer.memory, "doubt_since": since.isoformat()}
            return replace(answer, memory=memory, check_after=left)
        if attempt.ended:
            return replace(answer, outcome=Settled(requested))
        what = "payer" if reported.amount in (None, requested) else "amount"
        return replace(answer, outcome=Conflicting(f"paid, but a notice has another {what}"))

    def _schedule_late_query(
        self, attempt: Attempt, answer: Answer, state: wire.StkState | None, *, noticed: bool
    ) -> Answer:
        """Schedule the late queries of a push that the payer did not answer.

        A late query that repeats the known decline or expiry returns pending, so it changes
        nothing.
        """
        code = state.code if state else None
        if not attempt.ended:
            unanswered = isinstance(answer.outcome, Expired) and code in codes.STK_UNANSWERED
            return self._with_late_query(answer, late_queries=0) if unanswered else answer
        if not attempt.memory.get("looks"):
            return answer
        if code == codes.SUCCESS:
            return replace(answer, memory={**answer.memory, "looks": ""})
        if isinstance(answer.outcome, Declined | Expired):
            answer = replace(answer, outcome=Pending())
        if noticed:  # an extra query: repeated notices must not use up the scheduled ones
            return self._with_late_query(answer, late_queries=int(attempt.memory["looks"]))
        answer = replace(answer, evidence=())
        return self._with_late_query(answer, late_queries=int(attempt.memory["looks"]) + 1)

    def _with_late_query(self, answer: Answer, *, late_queries: int) -> Answer:
        """The answer with the wait before the next late query; `late_queries` counts those done."""
        left = LATE_QUERY_WAITS_S[late_queries:]
        wait = self._context.delay(left[0]) if left else None
        memory = {**answer.memory, "looks": str(late_queries)}
        return replace(answer, memory=memory, check_after=answer.check_after or wait)

    def _query_failed(self, summary: PushSummary, error: PaymentProcessorError) -> Answer:
        """The answer when the query failed: what the notices reported is still stored."""
        context = self._context
        wait = context.delay(QUERY_RETRY_S)
        if isinstance(error, ProviderThrottled):
            wait = max(wait, context.delay(error.retry_after_s))
        step = context.step("stk_query.failed", code=error.code)
        return replace(self._pending(summary, step), check_after=wait)


def _not_paid(reported: ReportedResult, code: str) -> Outcome:
    outcome = mapping.stk_outcome(code)
    if reported.paid and reported.matches and not isinstance(outcome, Pending):
        return Conflicting(f"a notice reports paid, the query reports {code}")
    return outcome
