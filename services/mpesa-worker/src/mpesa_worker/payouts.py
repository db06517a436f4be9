"""Payouts by B2C: withdrawals, and the refunds that can't be made by reversal.

submit    send b2c under our own idempotency key; Daraja refuses a second request with this key
notice    the result of the payout: only a hint, because anyone who knows the path can post one
status    query Transaction Status by our key; its answer, on a path of its own, decides

A queue time-out notice contains nothing about the money. A failure in the payout's notice counts
only when a status answer confirms it, with a status other than "Completed".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.errors import PaymentProcessorError
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Failure,
    Outcome,
    Pending,
    Settled,
    Submitted,
)
from cift_shared.money.amount import Money
from mpesa_method.purposes import Purpose, purpose_name
from mpesa_method.rail import RAIL
from mpesa_worker import codes, domain, mapping, wire
from mpesa_worker.context import (
    Context,
    moment_from,
    money_from,
    money_to,
    settled_from,
    settled_to,
)

QUERY_GAP_S = 10
"""Minimum time between two status queries of one payout."""

_TIMEOUTS = frozenset({Purpose.PAYOUT_TIMEOUT, Purpose.STATUS_TIMEOUT})


@dataclass(frozen=True, slots=True)
class _ReportedResult:
    """The content of the payout's own result notice; only a hint."""

    code: str | None = None
    amount: Money | None = None
    receipt: str | None = None


@dataclass(slots=True)
class _NoticeSummary:
    """What the notices of one check reported."""

    reported: _ReportedResult
    has_result: bool = False
    """The payout's own result arrived in this check, on its own path or at the general address."""
    statuses: list[wire.Result] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


class Payouts:
    """Sends money to phones."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def submit(self, attempt: Attempt, *, remarks: str) -> Answer:
        """Send the payout under a key that Daraja accepts only once.

        Raises:
            PaymentProcessorError: see `DarajaClient.pay_out` and `OperatorGuard.operator`.
        """
        context = self._context
        phone = context.phone(attempt)
        refusal = self._refusal(attempt, phone)
        if refusal is not None:
            step = context.step("payout.not_sent", reason=refusal.code)
            return Answer(Declined(refusal), evidence=[step])
        reply = await context.client.pay_out(self._request(attempt, phone, remarks))
        if isinstance(reply, Failure):
            step = context.step("payout.refused", reason=reply.code)
            return Answer(Declined(reply), evidence=[step])
        fingerprint = context.fingerprint(str(attempt.attempt_id))
        if reply is None:
            step = context.step("payout.duplicate", meaning="the first request had arrived")
            return Answer(Submitted(), fingerprint=fingerprint, evidence=[step])
        memory = {"conversation_id": reply.conversation_id} if reply.conversation_id else {}
        step = context.step("payout.accepted", conversation_id=reply.conversation_id)
        return Answer(Submitted(), memory, fingerprint, [step])

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """The current state of a payout: read the notices, then query its status.

        Raises:
            PaymentProcessorError: the query could not be sent, and there were no notices.
        """
        summary = self._read_notices(attempt, notices)
        remembered = settled_from(attempt.memory)
        if remembered is not None:
            return Answer(remembered, evidence=summary.steps)
        answer = Answer(
            Pending(), memory=_reported_memory(summary.reported), evidence=summary.steps
        )
        for status in summary.statuses:
            outcome = self._outcome_of(attempt, summary.reported, status)
            if not isinstance(outcome, Pending):
                memory = settled_to(outcome) if isinstance(outcome, Settled) else {}
                return replace(answer, outcome=outcome, memory={**answer.memory, **memory})
        if summary.statuses:
            return answer  # a status answer has just arrived: the schedule decides the next query
        return await self._query_status(attempt, summary, answer)

    def _refusal(self, attempt: Attempt, phone: str) -> Failure | None:
        least = RAIL.limits[mapping.CURRENCY]["withdrawal"].min_minor
        if attempt.operation == "refund" and attempt.request.amount.minor < least:
            return codes.REFUND_TOO_SMALL
        return self._context.refusal(attempt, phone, least_minor=least)

    def _request(self, attempt: Attempt, phone: str, remarks: str) -> wire.Payout:
        context, operator = self._context, self._context.operator_guard.operator()
        return wire.Payout(
            originator_id=str(attempt.attempt_id),
            initiator=operator.name,
            credential=operator.credential,
            amount=domain.whole_shillings(attempt.request.amount),
            short_code=context.config.payout_short_code,
            phone=phone,
            remarks=remarks,
            timeout_url=context.callback(attempt, Purpose.PAYOUT_TIMEOUT),
            result_url=context.callback(attempt, Purpose.PAYOUT),
        )

    def _read_notices(self, attempt: Attempt, notices: Sequence[Notice]) -> _NoticeSummary:
        memory = attempt.memory
        summary = _NoticeSummary(
            _ReportedResult(
                memory.get("told_code") or None,
                money_from(memory, "told_minor"),
                memory.get("told_receipt") or None,
            )
        )
        for notice in notices:
            self._read_notice(attempt, summary, notice)
        return summary

    def _read_notice(self, attempt: Attempt, summary: _NoticeSummary, notice: Notice) -> None:
        result = wire.read_result(notice.body)
        listed = str(notice.source_listed).lower()
        purpose = purpose_name(notice.purpose)
        if result is None:
            step = self._context.step("notice.set_aside", reason="unreadable", source_listed=listed)
        elif notice.purpose in _TIMEOUTS:
            step = self._context.step("notice.read", purpose=purpose, meaning="no verdict")
        elif not _is_about(attempt, result, notice.purpose):
            step = self._context.step("notice.set_aside", reason="other_ids", source_listed=listed)
        else:
            self._record_result(summary, result, notice.purpose)
            step = self._context.step(
                "notice.read",
                purpose=purpose,
                code=result.code,
                status=result.parameter("TransactionStatus"),
                source_listed=listed,
                completed_at=mapping.time_of(result.parameter("TransactionCompletedDateTime")),
            )
        summary.steps.append(step)

    def _record_result(
        self, summary: _NoticeSummary, result: wire.Result, purpose: int | None
    ) -> None:
        if purpose is None:
            # Anyone may post to the general address: this only causes a query.
            summary.has_result = True
            return
        self._context.operator_guard.record_result(result.code)
        if purpose == Purpose.STATUS:
            summary.statuses.append(result)
            return
        summary.has_result = True
        receipt = str(result.parameter("TransactionReceipt") or result.transaction_id or "")
        paid = result.code == codes.SUCCESS
        summary.reported = _ReportedResult(
            result.code,
            mapping.money_of(result.parameter("TransactionAmount")) if paid else None,
            receipt if paid and domain.is_receipt(receipt) else None,
        )

    def _outcome_of(
        self, attempt: Attempt, reported: _ReportedResult, status: wire.Result
    ) -> Outcome:
        """The outcome that a status answer proves; `Pending` when it proves none."""
        failure = codes.RESULT_ENDS.get(reported.code or "")
        if status.code == codes.NO_SUCH_TRANSACTION and failure is not None:
            return Declined(failure)
        if status.code != codes.SUCCESS:
            return Pending()
        status_word = str(status.parameter("TransactionStatus") or "")
        if status_word == codes.COMPLETED:
            return self._settled(attempt, reported, status)
        if status_word in codes.STATUS_FAILED:
            if reported.code == codes.SUCCESS:
                return Conflicting(f"a notice reports paid, the status reports {status_word}")
            return Declined(failure or codes.PAYOUT_FAILED)
        if status_word not in codes.STATUS_OPEN:
            self._context.count_unknown(status_word)
        return Pending()

    @staticmethod
    def _settled(attempt: Attempt, reported: _ReportedResult, status: wire.Result) -> Settled:
        receipt = str(status.parameter("ReceiptNo") or "")
        return Settled(
            mapping.money_of(status.parameter("Amount"))
            or reported.amount
            or attempt.request.amount,
            receipt if domain.is_receipt(receipt) else reported.receipt,
            mapping.fee_of(status.parameter("DebitPartyCharges")),
        )

    async def _query_status(
        self, attempt: Attempt, summary: _NoticeSummary, answer: Answer
    ) -> Answer:
        context = self._context
        now = context.clock.now()
        queried_at = moment_from(attempt.memory, "asked_at")
        left = queried_at + context.delay(QUERY_GAP_S) - now if queried_at else timedelta(0)
        if left > timedelta(0):
            return replace(answer, check_after=left if summary.has_result else None)
        try:
            reply = await context.client.query_status(self._status_request(attempt))
        except PaymentProcessorError as error:
            if not summary.steps:
                raise
            step = context.step("status.not_asked", code=error.code)
            return replace(answer, evidence=[*summary.steps, step])
        memory = {**answer.memory, "asked_at": now.isoformat()}
        if reply.conversation_id:
            memory["status_conversation_id"] = reply.conversation_id
        step = context.step("status.asked", conversation_id=reply.conversation_id)
        return replace(answer, memory=memory, evidence=[*summary.steps, step])

    def _status_request(self, attempt: Attempt) -> wire.StatusQuery:
        context, operator = self._context, self._context.operator_guard.operator()
        return wire.StatusQuery(
            initiator=operator.name,
            credential=operator.credential,
            original_id=str(attempt.attempt_id),
            short_code=context.config.payout_short_code,
            remarks="Payment status",
            timeout_url=context.callback(attempt, Purpose.STATUS_TIMEOUT),
            result_url=context.callback(attempt, Purpose.STATUS),
        )


def _is_about(attempt: Attempt, result: wire.Result, purpose: int | None) -> bool:
    """True when a result carries the ids of this attempt, as far as it carries any."""
    key, memory = str(attempt.attempt_id), attempt.memory
    if purpose == Purpose.STATUS:
        about = result.parameter("OriginatorConversationID")
        if about is not None:
            return str(about) == key
        return result.conversation_id == memory.get("status_conversation_id")
    if purpose not in (Purpose.PAYOUT, None) or result.originator_id != key:
        return False
    known = memory.get("conversation_id")
    return known is None or result.conversation_id in (None, known)


def _reported_memory(reported: _ReportedResult) -> dict[str, str]:
    if reported.code is None:
        return {}
    return {
        "told_code": reported.code,
        "told_receipt": reported.receipt or "",
        **money_to("told_minor", reported.amount),
    }
