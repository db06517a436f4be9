"""Deposits, payouts and reversals: one request under our key, then its status by the same key.

submit    send the request: in asynchronous use it is accepted, in synchronous use it is decided
notice    posted once to the listener, without a signature: a hint, which gives reason and receipt
query     decides: Completed is settled, Cancelled and Failed are declined, Expired is expired

A request whose answer is lost is queried. If the query shows nothing of it, it is sent again under
the same key: Vodacom acts once for a key, and answers a repeat with INS-10.

A refusal of a repeat is final only if the wallet itself refused (`Meaning.DECLINED`): Vodacom lets
a request reach the wallet only if its key is new, so the first one never arrived. A refusal by the
checks before the wallet (`Meaning.REFUSED`) proves nothing about the first one.

A payout that M-Pesa refuses because our balance is too low is not failed: payouts pause, and the
next round sends it under another key.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.errors import (
    OutcomeUnknown,
    PaymentProcessorError,
    ProviderRejectedRequest,
    ProviderThrottled,
)
from cift_shared.messaging.messages import DELIVERED_BY, Step
from cift_shared.messaging.outcomes import (
    ActionRequired,
    Conflicting,
    Declined,
    Outcome,
    Pending,
    Settled,
    Submitted,
)
from vodacom_method.purposes import Purpose
from vodacom_worker import codes, domain, mapping, requests, wire
from vodacom_worker.codes import Meaning
from vodacom_worker.context import (
    ACCEPTED,
    CONVERSATION,
    FAILED_AT,
    ROUND,
    TOLD_CODE,
    TOLD_RECEIPT,
    Context,
    is_accepted,
    round_of,
)
from vodacom_worker.mapping import Reply, Status

_NEXT_ACTION = {
    "type": "confirm_on_phone",
    "message": "Enter your M-Pesa PIN on your phone to pay.",
    DELIVERED_BY: "provider",
}
REASON_WAIT_S = 15
"""How long a failed request waits for its notice, which alone has the code."""
QUERY_RETRY_S = 10
"""Wait before the next query when a notice reports success and the query does not yet."""


class Payments:
    """Sends requests and queries them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def submit(self, attempt: Attempt) -> Answer:
        """Send the request of an attempt that was never sent.

        Raises:
            PaymentProcessorError: see `VodacomClient.send`.
        """
        context = self._context
        refusal = context.refusal(attempt)
        if refusal is not None:
            step = context.step("request.not_sent", reason=refusal.code)
            return Answer(Declined(refusal), evidence=[step])
        left = context.pause.left() if requests.pays_out(attempt) else None
        if left is not None:
            seconds = int(left.total_seconds()) + 1
            raise ProviderThrottled(
                "payouts_paused", "payouts wait for money", retry_after_s=seconds
            )
        reply = await context.client.send(requests.request_of(context, attempt))
        if reply.meaning is Meaning.UNKNOWN:
            # The first request may have been carried out; from now on its key is queried.
            raise OutcomeUnknown("provider_outcome_unknown", reply.code)
        if reply.meaning is Meaning.SETUP_WRONG:
            raise ProviderRejectedRequest(codes.SETUP_WRONG.code, reply.code)
        return self._answer_to(attempt, reply, repeated=False)

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """The current state: read the notices, query, and send again what never arrived.

        Raises:
            PaymentProcessorError: the query could not be sent, and there were no notices.
        """
        attempt, memory, steps = self._read_notices(attempt, notices)
        try:
            found = await self._checked(attempt)
        except PaymentProcessorError as error:
            if not notices:
                raise
            step = self._context.step("query.failed", code=error.code)
            wait = self._context.delay(QUERY_RETRY_S)
            if isinstance(error, ProviderThrottled):
                wait = max(wait, timedelta(seconds=error.retry_after_s))
            return Answer(Pending(), memory, evidence=[*steps, step], check_after=wait)
        return replace(found, memory={**memory, **found.memory}, evidence=[*steps, *found.evidence])

    async def _checked(self, attempt: Attempt) -> Answer:
        if self._waits_for_money(attempt):
            return await self._next_round(attempt)
        status = await self._query(attempt)
        step = self._context.step("query.answered", status=status.word or None, code=status.code)
        outcome = self._outcome_of(attempt, status)
        if not isinstance(outcome, Pending):
            return self._decided(attempt, outcome, status, step)
        if status.is_silent and not attempt.ended and not is_accepted(attempt):
            return await self._send_again(attempt, step)
        told_paid = attempt.memory.get(TOLD_CODE) == codes.SUCCESS
        retry = self._context.delay(QUERY_RETRY_S) if told_paid and not attempt.ended else None
        return Answer(Pending(), evidence=[step], check_after=retry)

    async def _query(self, attempt: Attempt) -> Status:
        context = self._context
        status = await context.client.query(
            wire.Query(
                about=context.key(attempt),
                provider_code=context.config.service_provider_code,
                key=secrets.token_hex(16),
            )
        )
        if not status.is_listed:
            context.count_unknown(status.word)
        return status

    def _outcome_of(self, attempt: Attempt, status: Status) -> Outcome:
        told_receipt = attempt.memory.get(TOLD_RECEIPT) or None
        if status.word == codes.COMPLETED:
            # Neither the query nor a notice names an amount: M-Pesa moves the requested one.
            return Settled(attempt.request.amount, status.receipt or told_receipt)
        outcome = mapping.failed_outcome(status, told_code=attempt.memory.get(TOLD_CODE))
        if isinstance(outcome, Pending):
            return outcome
        if told_receipt:
            return Conflicting(f"a notice reports paid, the query reports {status.word}")
        return Pending() if attempt.ended else outcome  # a late notice about a known failure

    def _decided(self, attempt: Attempt, outcome: Outcome, status: Status, step: Step) -> Answer:
        if isinstance(outcome, Settled):
            self._paid(attempt)
        elif status.word in codes.STATUS_FAILED and isinstance(outcome, Declined):
            told = attempt.memory.get(TOLD_CODE)
            if not told and (left := self._reason_wait(attempt)) > timedelta(0):
                since = attempt.memory.get(FAILED_AT) or self._context.clock.now().isoformat()
                return Answer(Pending(), {FAILED_AT: since}, evidence=[step], check_after=left)
            if requests.pays_out(attempt) and told == codes.BALANCE:
                return self._short_of_money(attempt, step)
        return Answer(outcome, evidence=[step])

    def _reason_wait(self, attempt: Attempt) -> timedelta:
        """How long to wait for the notice that says why a request failed: no query says it."""
        if self._context.config.is_synchronous:
            return timedelta(0)
        wait, now = self._context.delay(REASON_WAIT_S), self._context.clock.now()
        since = attempt.memory.get(FAILED_AT)
        return wait if not since else datetime.fromisoformat(since) + wait - now

    async def _send_again(self, attempt: Attempt, step: Step) -> Answer:
        """Send a request again that may have arrived, under the same key."""
        context, age = self._context, self._context.age(attempt)
        limit = context.delay(domain.RESEND_DEPOSIT_S)
        if attempt.operation == "deposit" and (age is None or age > limit):
            return Answer(Pending(), evidence=[step])  # its payer no longer expects a prompt
        try:
            reply = await context.client.send(requests.request_of(context, attempt))
        except PaymentProcessorError as error:
            failed = context.step("request.not_repeated", code=error.code)
            return Answer(Pending(), evidence=[step, failed])
        answer = self._answer_to(attempt, reply, repeated=True)
        return replace(answer, evidence=[step, *answer.evidence])

    def _answer_to(self, attempt: Attempt, reply: Reply, *, repeated: bool) -> Answer:
        """The answer to a request; a refusal of a repeat is final only if the wallet refused."""
        context = self._context
        name = "request.repeated" if repeated else "request.answered"
        step = context.step(name, code=reply.code, conversation_id=reply.conversation_id)
        match reply.meaning:
            case Meaning.ACCEPTED:
                return self._accepted(attempt, reply, step)
            case Meaning.DUPLICATE:
                return Answer(Submitted(), {ACCEPTED: "yes"}, evidence=[step])
            case Meaning.DECLINED if requests.pays_out(attempt) and reply.code == codes.BALANCE:
                return self._short_of_money(attempt, step)
            case Meaning.DECLINED:
                return Answer(Declined(mapping.failure_of(reply.code)), evidence=[step])
            case Meaning.REFUSED if not repeated:
                return Answer(Declined(mapping.failure_of(reply.code)), evidence=[step])
        return Answer(Pending(), evidence=[step])

    def _accepted(self, attempt: Attempt, reply: Reply, step: Step) -> Answer:
        if self._context.config.is_synchronous and reply.transaction_id:
            self._paid(attempt)
            memory = {ACCEPTED: "yes"}
            settled = Settled(attempt.request.amount, reply.transaction_id)
            return Answer(settled, memory, evidence=[step])
        memory = {ACCEPTED: "yes", CONVERSATION: reply.conversation_id or ""}
        waits = attempt.operation == "deposit"
        return Answer(
            ActionRequired(_NEXT_ACTION) if waits else Submitted(), memory, evidence=[step]
        )

    def _paid(self, attempt: Attempt) -> None:
        if requests.pays_out(attempt):
            self._context.pause.end()

    def _short_of_money(self, attempt: Attempt, step: Step) -> Answer:
        """M-Pesa refused this round: nothing moved, and the next round waits for money."""
        number = round_of(attempt) + 1
        if number > domain.ROUND_MAX:
            return Answer(Conflicting("our balance was too low for too long"), evidence=[step])
        pause = self._context.pause.begin()
        told = dict.fromkeys((TOLD_CODE, TOLD_RECEIPT, FAILED_AT, CONVERSATION), "")
        memory = {ROUND: str(number), ACCEPTED: "no", **told}
        return Answer(Submitted(), memory, evidence=[step], check_after=pause)

    def _waits_for_money(self, attempt: Attempt) -> bool:
        """True when the request of the current round was not sent yet, as far as is known."""
        return attempt.memory.get(ACCEPTED) == "no" and not attempt.ended

    async def _next_round(self, attempt: Attempt) -> Answer:
        """Send the payout again under the round's key, if payouts are not paused.

        A crash may hide that this round was sent before, so its refusals count as those of a
        repeat.
        """
        context = self._context
        left = context.pause.left()
        if context.is_old(attempt):
            return Answer(Pending())  # the schedule has ended: an operator decides
        if left is not None:
            return Answer(Pending(), check_after=left)
        reply = await context.client.send(requests.request_of(context, attempt))
        answer = self._answer_to(attempt, reply, repeated=True)
        if reply.meaning is Meaning.UNKNOWN:
            return replace(answer, memory={ACCEPTED: ""})
        return answer

    def _read_notices(
        self, attempt: Attempt, notices: Sequence[Notice]
    ) -> tuple[Attempt, dict[str, str], list[Step]]:
        """What the notices say, for the memory; the attempt with it."""
        told: dict[str, str] = {}
        steps: list[Step] = []
        for notice in notices:
            found = wire.read_notice(notice.body)
            reason = self._set_aside(attempt, notice, found)
            if found is None or reason is not None:
                listed = str(notice.source_listed).lower()
                steps.append(
                    self._context.step("notice.set_aside", reason=reason, source_listed=listed)
                )
                continue
            # Without Vodacom's answer, its id of the request is not known, and proves no receipt.
            proven = attempt.memory.get(CONVERSATION) and found.code == codes.SUCCESS
            receipt = found.transaction_id if proven else None
            told = {TOLD_CODE: found.code, TOLD_RECEIPT: receipt or ""}
            steps.append(self._context.step("notice.read", code=found.code, receipt=receipt))
        return replace(attempt, memory={**attempt.memory, **told}), told, steps

    def _set_aside(self, attempt: Attempt, notice: Notice, found: wire.Notice | None) -> str | None:
        """Why a notice says nothing about the attempt's request; None when it does."""
        if found is None:
            return "unreadable"
        if notice.purpose != Purpose.RESULT:
            return "not_on_the_listeners_path"
        if found.key != self._context.key(attempt):
            return "other_request"
        known = attempt.memory.get(CONVERSATION)
        if known and found.conversation_id != known:
            return "other_ids"
        return None
