"""Deposits by STK Push.

submit    stk_push -> the payer sees a prompt -> the CheckoutRequestID, sealed in the memory
notice    told once, by anyone who knows the path: gives receipt and amount, proves nothing
query     decides: 0 settled, a listed code declined or expired, anything else still pending
later     a push that nobody answered may be paid after all, and the notice of it get lost

When the answer to the push is lost, the notice on the attempt's own path brings the id to ask by.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from cift_shared.callback_token import Purpose
from cift_shared.errors import PaymentProcessorError, ProviderThrottled
from cift_shared.messages import Step
from cift_shared.methods import MPESA
from cift_shared.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Expired,
    Failure,
    Outcome,
    Pending,
    Settled,
)
from cift_shared.processor import Answer, Attempt, Notice
from mpesa_worker import codes, domain, mapping, stk_notices, wire
from mpesa_worker.flow import Flow, moment_from
from mpesa_worker.stk_notices import Heard, Told

TRUE_NOTICE_WAIT_S = 60
"""How long a paid push whose notice names another amount waits for a notice that fits."""
AFTER_DOUBT_S = 15
"""Next question after a notice of success that the query does not bear out yet."""
LOOK_AGAIN_S = (2 * 60, 13 * 60, 45 * 60)
"""Gaps between looks at a push that nobody answered: 2 min, 15 min and an hour after the verdict.
Whatever is paid still later is found by the reconciliation."""

_NEXT_ACTION_TEXT = "Enter your M-Pesa PIN on your phone to pay."


class Deposits:
    """Collects money from phones."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    async def submit(self, attempt: Attempt) -> Answer:
        """Ask for a prompt on the payer's phone.

        Raises:
            PaymentProcessorError: see `DarajaClient.stk_push`.
        """
        flow = self._flow
        phone = flow.phone(attempt)
        least = MPESA.limits[mapping.CURRENCY]["deposit"].min_minor
        refusal = flow.refusal(attempt, phone, least_minor=least)
        if refusal is not None:
            step = flow.step("stk_push.not_sent", reason=refusal.code)
            return Answer(Declined(refusal), evidence=[step])
        request = self._push(attempt, phone)
        taken = await flow.client.stk_push(request)
        if isinstance(taken, Failure):
            step = flow.step("stk_push.refused", reason=taken.code)
            return Answer(Declined(taken), evidence=[step])
        return self._accepted(request, taken)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """What became of a push: hear the notices, then ask.

        Raises:
            PaymentProcessorError: there was nothing to hear and the question could not be asked.
        """
        flow = self._flow
        heard = stk_notices.hear(flow, attempt, notices)
        if heard.checkout_id is None:
            step = flow.step("stk_query.impossible", reason="no id to ask by")
            return Answer(Pending(), evidence=[*heard.steps, step])
        try:
            state = await self._ask(heard.checkout_id)
        except PaymentProcessorError as error:
            if not notices:
                raise
            return self._keep(heard, error)
        if state is not None:
            heard = replace(heard, adopted=False)
        answer = self._judge(attempt, heard, state)
        return self._look_again(attempt, answer, state, noticed=bool(notices))

    def _push(self, attempt: Attempt, phone: str) -> wire.StkPush:
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
            account_reference=domain.account_reference(attempt.request.payment_id),
            description="Deposit",
        )

    def _accepted(self, request: wire.StkPush, taken: wire.StkAccepted) -> Answer:
        flow = self._flow
        action = {
            "type": "confirm_on_phone",
            "message": _NEXT_ACTION_TEXT,
            "reference": request.account_reference,
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
            return None  # an answer about another payment is no answer
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
        """Nothing decided yet, everything remembered; unconfirmed ids make no fingerprint."""
        confirmed = heard.checkout_id if not heard.adopted else None
        return Answer(
            Pending(),
            memory={**stk_notices.ids_memory(self._flow, heard), **heard.told.as_memory()},
            fingerprint=self._flow.fingerprint(confirmed) if confirmed else None,
            evidence=[*heard.steps, step],
        )

    def _paid(self, attempt: Attempt, told: Told, answer: Answer) -> Answer:
        """The query says paid, and that is all of what the push was for."""
        asked = attempt.request.amount
        if not told.paid:
            return replace(answer, outcome=Settled(asked))
        if told.fits:
            return replace(answer, outcome=Settled(told.amount or asked, told.receipt))
        # A push can't be paid in part or by another phone, so this smells of forgery: the true
        # notice may still come. Nothing is booked by a figure that only a notice names: without a
        # true one people compare it with the statement. What had ended goes to people with the
        # asked amount: of that much the query says that it is here.
        now = self._flow.clock.now()
        since = moment_from(attempt.memory, "doubt_since") or now
        left = since + self._flow.delay(TRUE_NOTICE_WAIT_S) - now
        if left > timedelta(0):
            memory = {**answer.memory, "doubt_since": since.isoformat()}
            return replace(answer, memory=memory, check_after=left)
        if attempt.ended:
            return replace(answer, outcome=Settled(asked))
        what = "payer" if told.amount in (None, asked) else "amount"
        return replace(answer, outcome=Conflicting(f"paid, but a notice names another {what}"))

    def _look_again(
        self, attempt: Attempt, answer: Answer, state: wire.StkState | None, *, noticed: bool
    ) -> Answer:
        """Plan the next look at a push that nobody answered; what is told already is no news."""
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
        if noticed:  # a look besides: repeated notices must not use the planned ones up
            return self._watched(answer, looks=int(attempt.memory["looks"]))
        answer = replace(answer, evidence=())
        return self._watched(answer, looks=int(attempt.memory["looks"]) + 1)

    def _watched(self, answer: Answer, *, looks: int) -> Answer:
        """The answer with the look that follows after so many."""
        left = LOOK_AGAIN_S[looks:]
        wait = self._flow.delay(left[0]) if left else None
        memory = {**answer.memory, "looks": str(looks)}
        return replace(answer, memory=memory, check_after=answer.check_after or wait)

    def _keep(self, heard: Heard, error: PaymentProcessorError) -> Answer:
        """The question failed, but what the notices said must not get lost."""
        flow = self._flow
        wait = flow.delay(AFTER_DOUBT_S)
        if isinstance(error, ProviderThrottled):
            wait = max(wait, flow.delay(error.retry_after_s))
        step = flow.step("stk_query.failed", code=error.code)
        return replace(self._learned(heard, step), check_after=wait)


def _not_paid(told: Told, code: str) -> Outcome:
    outcome = mapping.stk_outcome(code)
    if told.paid and told.fits and not isinstance(outcome, Pending):
        return Conflicting(f"a notice says paid, the query says {code}")
    return outcome
