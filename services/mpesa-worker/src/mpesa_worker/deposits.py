"""Deposits by STK Push.

submit    store the reference -> send stk_push -> the payer sees a prompt -> store the
          CheckoutRequestID, encrypted
notice    Daraja sends it once, and anyone who knows the path can post one: it gives receipt and
          amount, and proves nothing
query     decides: 0 is settled, a listed code is declined or expired, any other is still pending
later     a push that the payer did not answer may still be paid, and its notice may get lost: it
          is queried again after it expired

When the answer to the push is lost, the notice on the attempt's own path gives the
CheckoutRequestID for the query. Without a notice the push is in limbo: `limbo` searches the
provider's records for its reference, and Transaction Status confirms a receipt found there
(`clues`).
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
from mpesa_worker import clues, codes, domain, mapping, stk_notices, wire
from mpesa_worker.clues import Clue
from mpesa_worker.flow import Flow, moment_from
from mpesa_worker.limbo import Books, Limbo
from mpesa_worker.stk_notices import Heard, Told

TRUE_NOTICE_WAIT_S = 60
"""How long a paid push waits for a correct notice when a notice names another amount or payer."""
AFTER_DOUBT_S = 15
"""Wait before the next query when a notice says success and the query does not confirm it yet.
Also the wait after a query that failed."""
LOOK_AGAIN_S = (2 * 60, 13 * 60, 45 * 60)
"""Waits between the late queries of a push that the payer did not answer: the queries are 2 min,
15 min and an hour after the push expired. Reconciliation finds a payment that comes later."""

_NEXT_ACTION_TEXT = "Enter your M-Pesa PIN on your phone to pay."


class Deposits:
    """Collects money from phones."""

    def __init__(self, flow: Flow, books: Books) -> None:
        self._flow = flow
        self._pushes = books.pushes
        self._limbo = Limbo(flow, books.records)

    async def submit(self, attempt: Attempt) -> Answer:
        """Send the STK push, so that the payer's phone shows a prompt.

        Raises:
            PaymentProcessorError: see `PushBook.reserve` and `DarajaClient.stk_push`.
        """
        flow = self._flow
        phone = flow.phone(attempt)
        least = RAIL.limits[mapping.CURRENCY]["deposit"].min_minor
        refusal = flow.refusal(attempt, phone, least_minor=least)
        if refusal is not None:
            step = flow.step("stk_push.not_sent", reason=refusal.code)
            return Answer(Declined(refusal), evidence=[step])
        reference = await self._pushes.reserve(attempt.attempt_id)
        request = self._push(attempt, phone, reference)
        taken = await flow.client.stk_push(request)
        if isinstance(taken, Failure):
            step = flow.step("stk_push.refused", reason=taken.code)
            return Answer(Declined(taken), evidence=[step])
        return self._accepted(request, taken)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """The current state of a push: read the notices, then query Daraja.

        Raises:
            PaymentProcessorError: the query could not be sent, and there were no notices.
        """
        clue = clues.hear(self._flow, attempt, notices)
        heard = stk_notices.hear(self._flow, attempt, clue.rest)
        heard = replace(heard, steps=(*clue.steps, *heard.steps))
        answer = await self._decide(attempt, heard, clue, noticed=bool(notices))
        return replace(answer, memory={**answer.memory, **clue.as_memory()})

    async def _decide(self, attempt: Attempt, heard: Heard, clue: Clue, *, noticed: bool) -> Answer:
        flow = self._flow
        if clue.verdict is not None:
            memory = stk_notices.ids_memory(flow, heard)
            return Answer(clue.verdict, memory, evidence=heard.steps)
        if clues.is_wanted(attempt, clue, receipt_told=heard.told.receipt):
            open_answer = Answer(Pending(), evidence=heard.steps)
            return await clues.confirm(flow, attempt, clue, open_answer)
        if attempt.ended and heard.told.receipt and noticed and not clue.rest:
            return Answer(Pending(), evidence=heard.steps)  # the receipt is known: no query
        if heard.checkout_id is None or (heard.adopted and clue.receipt):
            return await self._limbo.check(attempt, heard, clue, noticed=noticed)
        answer = await self._query(attempt, heard, heard.checkout_id, noticed=noticed)
        outcome = answer.outcome
        if clue.receipt and isinstance(outcome, Settled) and outcome.provider_reference is None:
            # Paid, but the receipt is not confirmed yet: confirm it in the next check, now.
            return replace(answer, check_after=timedelta(0))
        return answer

    async def _query(
        self, attempt: Attempt, heard: Heard, checkout_id: str, *, noticed: bool
    ) -> Answer:
        try:
            state = await self._ask(checkout_id)
        except PaymentProcessorError as error:
            if not noticed:
                raise
            return self._keep(heard, error)
        if state is not None:
            heard = replace(heard, adopted=False)
        answer = self._judge(attempt, heard, state)
        return self._look_again(attempt, answer, state, noticed=noticed)

    def _push(self, attempt: Attempt, phone: str, reference: str) -> wire.StkPush:
        config, stamp = self._flow.config, domain.timestamp(self._flow.clock.now())
        return wire.StkPush(
            short_code=config.business_short_code,
            password=self._password(stamp),
            timestamp=stamp,
            transaction_type=config.transaction_type,
            amount=domain.whole_shillings(attempt.request.amount),
            party_a=phone,
            party_b=config.receiver,
            phone=phone,
            callback_url=self._flow.callback(attempt, Purpose.STK_PUSH),
            account_reference=reference,
            description="Deposit",
        )

    def _accepted(self, request: wire.StkPush, taken: wire.StkAccepted) -> Answer:
        flow = self._flow
        action = {
            "type": "confirm_on_phone",
            "message": _NEXT_ACTION_TEXT,
            "reference": request.account_reference,
            DELIVERED_BY: "provider",
        }
        step = flow.step(
            "stk_push.accepted",
            merchant_request_id=taken.merchant_request_id,
            account_reference=request.account_reference,
        )
        return Answer(
            ActionRequired(action, provider_reference=taken.merchant_request_id),
            memory=stk_notices.ids_memory(
                flow, Heard(Told(), taken.checkout_id, taken.merchant_request_id)
            ),
            fingerprint=flow.fingerprint(taken.checkout_id),
            evidence=[step],
        )

    async def _ask(self, checkout_id: str) -> wire.StkState | None:
        stamp = domain.timestamp(self._flow.clock.now())
        state = await self._flow.client.stk_query(
            wire.StkQuery(
                short_code=self._flow.config.business_short_code,
                password=self._password(stamp),
                timestamp=stamp,
                checkout_id=checkout_id,
            )
        )
        if state is not None and state.checkout_id not in (None, checkout_id):
            return None  # the answer is about another payment
        return state

    def _password(self, stamp: str) -> str:
        config = self._flow.config
        passkey = config.passkey.get_secret_value()
        return domain.stk_password(config.business_short_code, passkey, stamp)

    def _judge(self, attempt: Attempt, heard: Heard, state: wire.StkState | None) -> Answer:
        flow = self._flow
        code = state.code if state else None
        answer = self._learned(heard, flow.step("stk_query.answered", code=code or "no_news"))
        if code is None or code in codes.STK_OPEN:
            doubt = flow.delay(AFTER_DOUBT_S) if heard.told.paid else None
            return replace(answer, check_after=doubt)
        if code == codes.SUCCESS:
            return self._paid(attempt, heard.told, answer)
        if not mapping.stk_code_is_listed(code):
            flow.count_unknown(code)
        return replace(answer, outcome=_not_paid(heard.told, code))

    def _learned(self, heard: Heard, step: Step) -> Answer:
        """A pending answer that stores what the notices gave.

        Ids that Daraja has not confirmed make no fingerprint.
        """
        confirmed = heard.checkout_id if not heard.adopted else None
        return Answer(
            Pending(),
            memory={**stk_notices.ids_memory(self._flow, heard), **heard.told.as_memory()},
            fingerprint=self._flow.fingerprint(confirmed) if confirmed else None,
            evidence=[*heard.steps, step],
        )

    def _paid(self, attempt: Attempt, told: Told, answer: Answer) -> Answer:
        """The outcome when the query says paid. A push is always paid in full."""
        asked = attempt.request.amount
        if not told.paid:
            return replace(answer, outcome=Settled(asked))
        if told.fits:
            return replace(answer, outcome=Settled(told.amount or asked, told.receipt))
        # A push can't be paid in part or by another phone, so this notice may be forged, and the
        # true one may still come. An amount that only a notice names is never booked: without a
        # true notice, an operator compares the payment with the statement. An attempt that had
        # already ended goes to an operator with the requested amount, which the query confirms.
        now = self._flow.clock.now()
        since = moment_from(attempt.memory, "doubt_since") or now
        left = since + self._flow.delay(TRUE_NOTICE_WAIT_S) - now
        if left > timedelta(0):
            memory = {**answer.memory, "doubt_since": since.isoformat()}
            return replace(answer, memory=memory, check_after=left)
        if attempt.ended:
            return replace(answer, outcome=Settled(asked))
        what = "payer" if told.amount in (None, asked) else "amount"
        return replace(answer, outcome=Conflicting(f"paid, but a notice has another {what}"))

    def _look_again(
        self, attempt: Attempt, answer: Answer, state: wire.StkState | None, *, noticed: bool
    ) -> Answer:
        """Schedule the late queries of a push that the payer did not answer.

        A late query that repeats the known decline or expiry returns pending, so it changes
        nothing.
        """
        code = state.code if state else None
        if not attempt.ended:
            unanswered = isinstance(answer.outcome, Expired) and code in codes.STK_UNANSWERED
            return self._watched(answer, looks=0) if unanswered else answer
        if not attempt.memory.get("looks"):
            return answer
        if code == codes.SUCCESS:
            return replace(answer, memory={**answer.memory, "looks": ""})
        if isinstance(answer.outcome, Declined | Expired):
            answer = replace(answer, outcome=Pending())
        if noticed:  # an extra query: repeated notices must not use up the scheduled ones
            return self._watched(answer, looks=int(attempt.memory["looks"]))
        answer = replace(answer, evidence=())
        return self._watched(answer, looks=int(attempt.memory["looks"]) + 1)

    def _watched(self, answer: Answer, *, looks: int) -> Answer:
        """The answer with the wait before the next late query; `looks` counts those done."""
        left = LOOK_AGAIN_S[looks:]
        wait = self._flow.delay(left[0]) if left else None
        memory = {**answer.memory, "looks": str(looks)}
        return replace(answer, memory=memory, check_after=answer.check_after or wait)

    def _keep(self, heard: Heard, error: PaymentProcessorError) -> Answer:
        """The answer when the query failed: what the notices said is still stored."""
        flow = self._flow
        wait = flow.delay(AFTER_DOUBT_S)
        if isinstance(error, ProviderThrottled):
            wait = max(wait, flow.delay(error.retry_after_s))
        step = flow.step("stk_query.failed", code=error.code)
        return replace(self._learned(heard, step), check_after=wait)


def _not_paid(told: Told, code: str) -> Outcome:
    outcome = mapping.stk_outcome(code)
    if told.paid and told.fits and not isinstance(outcome, Pending):
        return Conflicting(f"a notice reports paid, the query reports {code}")
    return outcome
