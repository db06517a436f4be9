"""Refunds of whole deposits by reversing their receipt.

submit      request the reversal of the receipt
notice      success for our receipt, or "already reversed": settled; a listed code: declined
no notice   send the request again: Daraja reverses a receipt once, then answers R000001

A queue time-out notice contains nothing about the money.
"""

from collections.abc import Sequence
from dataclasses import replace

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.errors import InvariantViolated, PaymentProcessorError
from cift_shared.messaging.messages import RequestRefund, Step
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Outcome,
    Pending,
    Settled,
    Submitted,
)
from mpesa_method.purposes import Purpose
from mpesa_worker import codes, domain, mapping, wire
from mpesa_worker.context import Context, moment_from, settled_from, settled_to

REPEAT_AFTER_S = 120
"""Time without a result after which the reversal is requested again."""


class Reversals:
    """Refunds whole deposits."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def submit(self, attempt: Attempt) -> Answer:
        """Request the reversal of the deposit's receipt.

        Raises:
            PaymentProcessorError: see `DarajaClient.reverse` and `OperatorGuard.operator`.
        """
        memory, fingerprint, step = await self._send(attempt, "reversal.accepted")
        return Answer(Submitted(), memory, fingerprint, [step])

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """The current state of a reversal: read the notices; without a result, request it again.

        Raises:
            PaymentProcessorError: the request could not be sent again, and there were no notices.
        """
        steps: list[Step] = []
        outcomes = [self._read_notice(attempt, notice, steps) for notice in notices]
        outcome = _strongest([*outcomes, _stored_outcome(attempt)])
        answer = Answer(outcome, _outcome_memory(outcome), evidence=steps)
        if not isinstance(outcome, Pending) or not self._is_overdue(attempt):
            return answer
        try:
            memory, _, step = await self._send(attempt, "reversal.repeated")
        except PaymentProcessorError as error:
            if not notices:
                raise
            step = self._context.step("reversal.not_repeated", code=error.code)
            return replace(answer, evidence=[*steps, step])
        return replace(answer, memory=memory, evidence=[*steps, step])

    async def _send(self, attempt: Attempt, name: str) -> tuple[dict[str, str], str | None, Step]:
        context = self._context
        operator = context.operator_guard.operator()
        reply = await context.client.reverse(
            wire.Reversal(
                initiator=operator.name,
                credential=operator.credential,
                receipt=_receipt(attempt),
                amount=domain.whole_shillings(attempt.request.amount),
                short_code=context.config.business_short_code,
                remarks="Refund",
                timeout_url=context.callback(attempt, Purpose.REVERSAL_TIMEOUT),
                result_url=context.callback(attempt, Purpose.REVERSAL),
            )
        )
        memory = {
            "asked_at": context.clock.now().isoformat(),
            "conversation_id": reply.conversation_id or "",
        }
        fingerprint = context.fingerprint(reply.originator_id) if reply.originator_id else None
        return memory, fingerprint, context.step(name, conversation_id=reply.conversation_id)

    def _is_overdue(self, attempt: Attempt) -> bool:
        requested_at = moment_from(attempt.memory, "asked_at")
        if requested_at is None:
            return False
        return self._context.clock.now() - requested_at >= self._context.delay(REPEAT_AFTER_S)

    def _read_notice(self, attempt: Attempt, notice: Notice, steps: list[Step]) -> Outcome:
        context, result = self._context, wire.read_result(notice.body)
        listed = str(notice.source_listed).lower()
        if result is None:
            steps.append(
                context.step("notice.set_aside", reason="unreadable", source_listed=listed)
            )
            return Pending()
        if notice.purpose != Purpose.REVERSAL:
            steps.append(context.step("notice.read", meaning="no verdict", source_listed=listed))
            return Pending()
        if not _is_about(attempt, result):
            steps.append(context.step("notice.set_aside", reason="other_ids", source_listed=listed))
            return Pending()
        context.operator_guard.record_result(result.code)
        steps.append(context.step("notice.read", code=result.code, source_listed=listed))
        return self._outcome_of(attempt, result)

    def _outcome_of(self, attempt: Attempt, result: wire.Result) -> Outcome:
        requested = attempt.request.amount
        if result.code == codes.ALREADY_REVERSED:
            return Settled(requested)
        if result.code == codes.SUCCESS:
            amount = mapping.money_of(result.parameter("Amount")) or requested
            if amount != requested:
                return Conflicting(f"reversed {amount.text} instead of {requested.text}")
            receipt = result.transaction_id if domain.is_receipt(result.transaction_id) else None
            charge = mapping.money_of(result.parameter("Charge"))
            return Settled(amount, receipt, charge if charge and charge.minor else None)
        failure = codes.RESULT_ENDS.get(result.code)
        if failure is not None:
            return Declined(failure)
        if not mapping.result_code_is_listed(result.code):
            self._context.count_unknown(result.code)
        return Pending()


def _receipt(attempt: Attempt) -> str:
    request = attempt.request
    receipt = request.original.provider_reference if isinstance(request, RequestRefund) else None
    if receipt is None:
        raise InvariantViolated("a reversal needs a refund with a receipt")
    return receipt


def _is_about(attempt: Attempt, result: wire.Result) -> bool:
    """True when a result is about this attempt.

    A result that names a receipt must name ours. Any other must carry the conversation id of our
    last request, where that id is known.
    """
    original = result.parameter("OriginalTransactionID")
    if original is not None:
        return str(original) == _receipt(attempt)
    known = attempt.memory.get("conversation_id")
    return not known or result.conversation_id == known


def _strongest(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome that counts: `Settled`, then `Conflicting`, then `Declined`, then `Pending`.

    Two requests for one receipt may give both a success and a failure.
    """
    for kind in (Settled, Conflicting, Declined):
        found = next((outcome for outcome in outcomes if isinstance(outcome, kind)), None)
        if found is not None:
            return found
    return Pending()


def _stored_outcome(attempt: Attempt) -> Outcome:
    settled = settled_from(attempt.memory)
    if settled is not None:
        return settled
    failure = codes.RESULT_ENDS.get(attempt.memory.get("failed_code", ""))
    return Declined(failure) if failure else Pending()


def _outcome_memory(outcome: Outcome) -> dict[str, str]:
    """The final outcome for the attempt's memory, so that the reversal is never sent again."""
    match outcome:
        case Settled():
            return settled_to(outcome)
        case Declined():
            found = (
                code for code, failure in codes.RESULT_ENDS.items() if failure == outcome.failure
            )
            return {"failed_code": next(found, "")}
        case _:
            return {}
