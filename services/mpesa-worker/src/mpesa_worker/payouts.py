"""Payouts by B2C: withdrawals, and the refunds that can't be made by reversal.

submit    send b2c under our own idempotency key; Daraja refuses a second request with this key
notice    the result of the payout: only a hint, because anyone who knows the path can post one
status    query Transaction Status by our key; its answer, on a path of its own, decides

A queue time-out notice says nothing about the money. A failure in the payout's notice counts only
when a status answer confirms it, with a status other than "Completed".
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
from mpesa_method.purposes import Purpose, shown
from mpesa_method.rail import RAIL
from mpesa_worker import codes, domain, mapping, wire
from mpesa_worker.flow import Flow, moment_from, money_from, money_to, settled_from, settled_to

ASK_GAP_S = 10
"""Minimum time between two status queries of one payout."""

_TIMEOUTS = frozenset({Purpose.PAYOUT_TIMEOUT, Purpose.STATUS_TIMEOUT})


@dataclass(frozen=True, slots=True)
class _Told:
    """What the payout's own result notice said; a hint, not a proof."""

    code: str | None = None
    amount: Money | None = None
    receipt: str | None = None


@dataclass(slots=True)
class _Heard:
    """What the notices of one check said."""

    told: _Told
    news: bool = False
    """The payout's own result arrived in this check, on its own path or at the general address."""
    statuses: list[wire.Result] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


class Payouts:
    """Sends money to phones."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    async def submit(self, attempt: Attempt, *, remarks: str) -> Answer:
        """Send the payout under a key that Daraja accepts only once.

        Raises:
            PaymentProcessorError: see `DarajaClient.pay_out` and `OperatorGate.operator`.
        """
        flow = self._flow
        phone = flow.phone(attempt)
        refusal = self._refusal(attempt, phone)
        if refusal is not None:
            step = flow.step("payout.not_sent", reason=refusal.code)
            return Answer(Declined(refusal), evidence=[step])
        taken = await flow.client.pay_out(self._request(attempt, phone, remarks))
        if isinstance(taken, Failure):
            step = flow.step("payout.refused", reason=taken.code)
            return Answer(Declined(taken), evidence=[step])
        fingerprint = flow.fingerprint(str(attempt.attempt_id))
        if taken is None:
            step = flow.step("payout.duplicate", meaning="the first request had arrived")
            return Answer(Submitted(), fingerprint=fingerprint, evidence=[step])
        memory = {"conversation_id": taken.conversation_id} if taken.conversation_id else {}
        step = flow.step("payout.accepted", conversation_id=taken.conversation_id)
        return Answer(Submitted(), memory, fingerprint, [step])

    async def check(self, attempt: Attempt, notices: Sequence[Notice]) -> Answer:
        """The current state of a payout: read the notices, then query its status.

        Raises:
            PaymentProcessorError: the query could not be sent, and there were no notices.
        """
        heard = self._hear(attempt, notices)
        remembered = settled_from(attempt.memory)
        if remembered is not None:
            return Answer(remembered, evidence=heard.steps)
        answer = Answer(Pending(), memory=_told_memory(heard.told), evidence=heard.steps)
        for status in heard.statuses:
            outcome = self._judge(attempt, heard.told, status)
            if not isinstance(outcome, Pending):
                memory = settled_to(outcome) if isinstance(outcome, Settled) else {}
                return replace(answer, outcome=outcome, memory={**answer.memory, **memory})
        if heard.statuses:
            return answer  # a status answer has just arrived: the schedule decides the next query
        return await self._ask(attempt, heard, answer)

    def _refusal(self, attempt: Attempt, phone: str) -> Failure | None:
        least = RAIL.limits[mapping.CURRENCY]["withdrawal"].min_minor
        if attempt.operation == "refund" and attempt.request.amount.minor < least:
            return codes.REFUND_TOO_SMALL
        return self._flow.refusal(attempt, phone, least_minor=least)

    def _request(self, attempt: Attempt, phone: str, remarks: str) -> wire.Payout:
        flow, operator = self._flow, self._flow.gate.operator()
        return wire.Payout(
            originator_id=str(attempt.attempt_id),
            initiator=operator.name,
            credential=operator.credential,
            amount=domain.whole_shillings(attempt.request.amount),
            short_code=flow.config.payout_short_code,
            phone=phone,
            remarks=remarks,
            timeout_url=flow.callback(attempt, Purpose.PAYOUT_TIMEOUT),
            result_url=flow.callback(attempt, Purpose.PAYOUT),
        )

    def _hear(self, attempt: Attempt, notices: Sequence[Notice]) -> _Heard:
        memory = attempt.memory
        heard = _Heard(
            _Told(
                memory.get("told_code") or None,
                money_from(memory, "told_minor"),
                memory.get("told_receipt") or None,
            )
        )
        for notice in notices:
            self._hear_one(attempt, heard, notice)
        return heard

    def _hear_one(self, attempt: Attempt, heard: _Heard, notice: Notice) -> None:
        result = wire.read_result(notice.body)
        listed = str(notice.source_listed).lower()
        purpose = shown(notice.purpose)
        if result is None:
            step = self._flow.step("notice.set_aside", reason="unreadable", source_listed=listed)
        elif notice.purpose in _TIMEOUTS:
            step = self._flow.step("notice.read", purpose=purpose, meaning="no verdict")
        elif not _is_about(attempt, result, notice.purpose):
            step = self._flow.step("notice.set_aside", reason="other_ids", source_listed=listed)
        else:
            self._take_in(heard, result, notice.purpose)
            step = self._flow.step(
                "notice.read",
                purpose=purpose,
                code=result.code,
                status=result.parameter("TransactionStatus"),
                source_listed=listed,
                completed_at=mapping.time_of(result.parameter("TransactionCompletedDateTime")),
            )
        heard.steps.append(step)

    def _take_in(self, heard: _Heard, result: wire.Result, purpose: int | None) -> None:
        if purpose is None:
            # Anyone may post to the general address: this only causes a query.
            heard.news = True
            return
        self._flow.gate.hear(result.code)
        if purpose == Purpose.STATUS:
            heard.statuses.append(result)
            return
        heard.news = True
        receipt = str(result.parameter("TransactionReceipt") or result.transaction_id or "")
        paid = result.code == codes.SUCCESS
        heard.told = _Told(
            result.code,
            mapping.money_of(result.parameter("TransactionAmount")) if paid else None,
            receipt if paid and domain.is_receipt(receipt) else None,
        )

    def _judge(self, attempt: Attempt, told: _Told, status: wire.Result) -> Outcome:
        """The outcome that a status answer proves; `Pending` when it proves none."""
        failure = codes.RESULT_ENDS.get(told.code or "")
        if status.code == codes.NO_SUCH_TRANSACTION and failure is not None:
            return Declined(failure)
        if status.code != codes.SUCCESS:
            return Pending()
        word = str(status.parameter("TransactionStatus") or "")
        if word == codes.COMPLETED:
            return self._settled(attempt, told, status)
        if word in codes.STATUS_FAILED:
            if told.code == codes.SUCCESS:
                return Conflicting(f"a notice reports paid, the status reports {word}")
            return Declined(failure or codes.PAYOUT_FAILED)
        if word not in codes.STATUS_OPEN:
            self._flow.count_unknown(word)
        return Pending()

    @staticmethod
    def _settled(attempt: Attempt, told: _Told, status: wire.Result) -> Settled:
        receipt = str(status.parameter("ReceiptNo") or "")
        return Settled(
            mapping.money_of(status.parameter("Amount")) or told.amount or attempt.request.amount,
            receipt if domain.is_receipt(receipt) else told.receipt,
            mapping.fee_of(status.parameter("DebitPartyCharges")),
        )

    async def _ask(self, attempt: Attempt, heard: _Heard, answer: Answer) -> Answer:
        flow = self._flow
        now = flow.clock.now()
        asked_at = moment_from(attempt.memory, "asked_at")
        left = asked_at + flow.delay(ASK_GAP_S) - now if asked_at else timedelta(0)
        if left > timedelta(0):
            return replace(answer, check_after=left if heard.news else None)
        try:
            taken = await flow.client.ask_status(self._status_query(attempt))
        except PaymentProcessorError as error:
            if not heard.steps:
                raise
            step = flow.step("status.not_asked", code=error.code)
            return replace(answer, evidence=[*heard.steps, step])
        memory = {**answer.memory, "asked_at": now.isoformat()}
        if taken.conversation_id:
            memory["status_conversation_id"] = taken.conversation_id
        step = flow.step("status.asked", conversation_id=taken.conversation_id)
        return replace(answer, memory=memory, evidence=[*heard.steps, step])

    def _status_query(self, attempt: Attempt) -> wire.StatusQuery:
        flow, operator = self._flow, self._flow.gate.operator()
        return wire.StatusQuery(
            initiator=operator.name,
            credential=operator.credential,
            original_id=str(attempt.attempt_id),
            short_code=flow.config.payout_short_code,
            remarks="Payment status",
            timeout_url=flow.callback(attempt, Purpose.STATUS_TIMEOUT),
            result_url=flow.callback(attempt, Purpose.STATUS),
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


def _told_memory(told: _Told) -> dict[str, str]:
    if told.code is None:
        return {}
    return {
        "told_code": told.code,
        "told_receipt": told.receipt or "",
        **money_to("told_minor", told.amount),
    }
