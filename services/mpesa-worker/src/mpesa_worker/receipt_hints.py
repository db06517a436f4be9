"""Confirm a push by a receipt that is only a hint: from the provider's records, from a C2B notice,
or from the caller.

A row of the records (Pull Transactions) comes from the provider itself and links a receipt to a
reference. A confirmation (C2B) can be posted by anyone, and a caller can send any text. All are
only hints: Transaction Status is queried by the receipt, and its answer must show "Completed", our
short code and our amount. For a hint that is not from the records it must also show the payer's own
phone. That answer settles the push, whatever else is known about it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from cift_shared.attempts.processor import Answer, Attempt, Notice
from cift_shared.errors import PaymentProcessorError, ProviderRejectedRequest, ProviderThrottled
from cift_shared.http.untrusted_json import read_object
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import Conflicting, Settled
from mpesa_method.purposes import Purpose
from mpesa_worker import codes, domain, mapping, pull_wire, wire
from mpesa_worker.context import Context, moment_from, money_to

QUERY_GAPS_S = (15, 30, 60, 120, 300, 900)
"""Waits between two queries for one receipt; the last one repeats."""
QUERIES_AFTER_END_MAX = 12
"""The maximum of queries for an attempt that has ended: about two hours."""

Source = Literal["records", "confirmation", "caller"]
_PARTY = re.compile(r"\s*([0-9]{5,12})\b")
"""A party in a status answer: "174379 - CIFT", "254708374149 - JANE"."""


@dataclass(frozen=True, slots=True)
class Hint:
    """The receipt that a hint names, and the provider's answer about it."""

    receipt: str | None = None
    from_records: bool = False
    """True when the provider's records, not a confirmation, link the receipt to the push."""
    from_caller: bool = False
    """True when only the caller has named the receipt: a hint from elsewhere replaces it."""
    refused: str | None = None
    """The last receipt that does not belong to this push, as an answer of the provider shows."""
    outcome: Settled | Conflicting | None = None
    """The outcome that a status answer has confirmed."""
    steps: tuple[Step, ...] = ()
    other_notices: tuple[Notice, ...] = ()
    """Notices that are neither hints nor status answers."""

    def as_memory(self) -> dict[str, str]:
        """The fields for the attempt's memory; empty when no hint was received."""
        if self.receipt is None and self.refused is None:
            return {}
        other_source = "brought" if self.from_caller else "no"
        fields = {
            "hint_receipt": self.receipt or "",
            "hint_recorded": "yes" if self.from_records else other_source,
            "hint_refused": self.refused or "",
        }
        return {**fields, **_confirmed_memory(self.outcome)} if self.outcome else fields


def read_hints(context: Context, attempt: Attempt, notices: Sequence[Notice]) -> Hint:
    """Read hints and status answers in order; `other_notices` keeps the push's callbacks, unread.

    References from the caller come last: they must not replace a receipt that is just confirmed.
    """
    memory = attempt.memory
    hint = Hint(
        receipt=memory.get("hint_receipt") or None,
        from_records=memory.get("hint_recorded") == "yes",
        from_caller=memory.get("hint_recorded") == "brought",
        refused=memory.get("hint_refused") or None,
    )
    for notice in notices:
        hint = _read_notice(context, attempt, hint, notice)
    for reference in attempt.references if hint.outcome is None else ():
        hint = _with_receipt(context, attempt, hint, reference.upper(), source="caller")
    return hint


def needs_confirmation(attempt: Attempt, hint: Hint, *, known_receipt: str | None) -> bool:
    """True when an attempt has ended without a known receipt and a hint names one."""
    return hint.receipt is not None and attempt.ended and known_receipt is None


async def confirm(context: Context, attempt: Attempt, hint: Hint, answer: Answer) -> Answer:
    """Query Transaction Status by the receipt, or wait for the answer to an earlier query.

    A query that can't be sent is sent later. Without an API operator no query is possible, so an
    operator of ours must decide, as for every push that can't be decided. After a day only a
    receipt that the caller has just sent is queried, once.
    """
    is_new = attempt.memory.get("hint_receipt") != hint.receipt
    queries = 0 if is_new else int(attempt.memory.get("hint_asks") or 0)
    left = timedelta(0) if is_new else _wait_left(context, attempt, queries)
    if left > timedelta(0):
        return replace(answer, check_after=left)
    is_too_old = context.is_old(attempt) and not (is_new and hint.from_caller)
    if is_too_old or (attempt.ended and queries >= QUERIES_AFTER_END_MAX):
        return answer
    next_query = context.delay(QUERY_GAPS_S[min(queries, len(QUERY_GAPS_S) - 1)])
    query_memory = {"hint_asked_at": context.clock.now().isoformat(), "hint_asks": str(queries + 1)}
    try:
        reply = await context.client.query_status(
            _status_query(context, attempt, hint.receipt or "")
        )
    except ProviderRejectedRequest as error:
        return _query_not_sent(context, answer, error)
    except PaymentProcessorError as error:
        if isinstance(error, ProviderThrottled):
            next_query = max(next_query, context.delay(error.retry_after_s))
        answer = replace(answer, memory={**answer.memory, **query_memory}, check_after=next_query)
        return _query_not_sent(context, answer, error)
    step = context.step("status.asked", receipt=hint.receipt, conversation_id=reply.conversation_id)
    memory = {
        **answer.memory,
        **query_memory,
        "status_conversation_id": reply.conversation_id or "",
    }
    return replace(answer, memory=memory, evidence=[*answer.evidence, step], check_after=next_query)


def _wait_left(context: Context, attempt: Attempt, queries: int) -> timedelta:
    """How long to wait before the next query for the same receipt."""
    asked_at = moment_from(attempt.memory, "hint_asked_at")
    if asked_at is None or not queries:
        return timedelta(0)
    gap = QUERY_GAPS_S[min(queries, len(QUERY_GAPS_S)) - 1]
    return asked_at + context.delay(gap) - context.clock.now()


def _query_not_sent(context: Context, answer: Answer, error: PaymentProcessorError) -> Answer:
    step = context.step("status.not_asked", code=error.code)
    return replace(answer, evidence=[*answer.evidence, step])


def _status_query(context: Context, attempt: Attempt, receipt: str) -> wire.StatusQuery:
    operator = context.operator_guard.operator()
    return wire.StatusQuery(
        initiator=operator.name,
        credential=operator.credential,
        receipt=receipt,
        short_code=context.config.business_short_code,
        remarks="Payment status",
        timeout_url=context.callback(attempt, Purpose.STATUS_TIMEOUT),
        result_url=context.callback(attempt, Purpose.STATUS),
    )


def _read_notice(context: Context, attempt: Attempt, hint: Hint, notice: Notice) -> Hint:
    if notice.purpose == Purpose.STATUS:
        return _read_status(context, attempt, hint, notice)
    if notice.purpose == Purpose.STATUS_TIMEOUT:
        step = context.step("notice.read", purpose="status_timeout", meaning="no verdict")
        return replace(hint, steps=(*hint.steps, step))
    if notice.purpose == Purpose.RECORD:
        row = pull_wire.read_row(read_object(notice.body))
        return _with_receipt(context, attempt, hint, row.receipt, source="records")
    confirmation = wire.read_confirmation(notice.body)
    if confirmation is not None and notice.purpose in (None, Purpose.CONFIRMATION):
        return _with_receipt(context, attempt, hint, confirmation.receipt, source="confirmation")
    if notice.purpose == Purpose.CONFIRMATION:
        return _set_aside(context, hint, "unreadable")
    return replace(hint, other_notices=(*hint.other_notices, notice))


def _with_receipt(
    context: Context, attempt: Attempt, hint: Hint, receipt: str | None, *, source: Source
) -> Hint:
    known_receipt, from_records = attempt.memory.get("told_receipt"), source == "records"
    # A caller may send any text, also a phone number, which must not appear in the timeline.
    is_phone = source == "caller" and str(receipt).isdigit()
    if is_phone or not domain.is_receipt(receipt):
        return _set_aside(context, hint, "no_receipt")
    if attempt.ended and known_receipt:
        # The payer may also pay to the reference by hand: reconciliation handles that money.
        if receipt == known_receipt:
            return hint
        return _set_aside(context, hint, "another_receipt", receipt=receipt)
    if receipt == hint.refused and source == "confirmation":
        return _set_aside(context, hint, "refused_before", receipt=receipt)
    is_known = hint.receipt is not None and hint.receipt == receipt
    if not is_known and hint.receipt and not _replaces(hint, source):
        return _set_aside(context, hint, "another_receipt", receipt=receipt)
    step = context.step("hint.read", receipt=receipt, source=source)
    return replace(
        hint,
        receipt=receipt,
        from_records=from_records or (is_known and hint.from_records),
        from_caller=source == "caller" and (hint.from_caller or not is_known),
        steps=(*hint.steps, step),
    )


def _replaces(hint: Hint, source: Source) -> bool:
    """True when a new hint replaces the known one; a caller may correct their own reference."""
    return hint.from_caller or (source == "records" and not hint.from_records)


def _read_status(context: Context, attempt: Attempt, hint: Hint, notice: Notice) -> Hint:
    result = wire.read_result(notice.body)
    listed = str(notice.source_listed).lower()
    if result is None:
        return _set_aside(
            context, hint, "unreadable", name="notice.set_aside", source_listed=listed
        )
    if not _is_about(attempt, hint, result):
        return _set_aside(context, hint, "other_ids", name="notice.set_aside", source_listed=listed)
    context.operator_guard.record_result(result.code)
    status = str(result.parameter("TransactionStatus") or "")
    step = context.step(
        "notice.read", purpose="status", code=result.code, status=status or None,
        receipt=hint.receipt, source_listed=listed,
    )  # fmt: skip
    hint = replace(hint, steps=(*hint.steps, step))
    if result.code == codes.SUCCESS and status == codes.COMPLETED:
        return _completed(context, attempt, hint, result)
    if status in codes.STATUS_FAILED and result.code == codes.SUCCESS:
        return _refused(context, hint, "it did not complete")
    if result.code == codes.NO_SUCH_TRANSACTION and not hint.from_records:
        return _refused(context, hint, "there is no such receipt")
    if status and status not in codes.STATUS_OPEN:
        context.count_unknown(status)
    return hint


def _completed(context: Context, attempt: Attempt, hint: Hint, result: wire.Result) -> Hint:
    """Check the receiver, the payer and the amount of a receipt whose payment is completed."""
    requested, amount = attempt.request.amount, mapping.money_of(result.parameter("Amount"))
    receiver = _party(result.parameter("CreditPartyName"))
    if receiver not in (context.config.business_short_code, context.config.receiver):
        return _refused(context, hint, "it was paid to another short code")
    payer = _party(result.parameter("DebitPartyName"))
    if not hint.from_records and payer != context.phone(attempt):
        return _refused(context, hint, "the answer does not confirm our payer")
    if amount == requested:
        return replace(hint, outcome=Settled(requested, hint.receipt))
    if not hint.from_records or amount is None:
        return _refused(context, hint, "its amount is another")
    if attempt.ended:  # an operator gets the amount that was paid; it credits nothing
        return replace(hint, outcome=Settled(amount, hint.receipt))
    reason = f"the records show {amount.text} instead of {requested.text}"
    return replace(hint, outcome=Conflicting(reason))


def _is_about(attempt: Attempt, hint: Hint, result: wire.Result) -> bool:
    """True when a status answer is about this receipt.

    It must name the receipt, or be an error with the conversation id of our status query.
    """
    if hint.receipt is None:
        return False
    named = result.parameter("ReceiptNo")
    if named is not None:
        return str(named) == hint.receipt
    query_id = attempt.memory.get("status_conversation_id")
    return result.code != codes.SUCCESS and bool(query_id) and result.conversation_id == query_id


def _refused(context: Context, hint: Hint, reason: str) -> Hint:
    step = context.step("hint.refused", receipt=hint.receipt, reason=reason)
    return replace(
        hint,
        receipt=None,
        from_records=False,
        from_caller=False,
        refused=hint.receipt,
        steps=(*hint.steps, step),
    )


def _set_aside(
    context: Context, hint: Hint, reason: str, *, name: str = "hint.set_aside", **more: object
) -> Hint:
    step = context.step(name, reason=reason, **more)
    return replace(hint, steps=(*hint.steps, step))


def _party(value: object) -> str | None:
    match = _PARTY.match(str(value or ""))
    return match[1] if match else None


def _confirmed_memory(outcome: Settled | Conflicting | None) -> Mapping[str, str]:
    """A confirmed receipt in the same fields as a matching callback, so later hints find it."""
    if not isinstance(outcome, Settled):
        return {}
    fields = {"told_code": codes.SUCCESS, "told_receipt": outcome.provider_reference or ""}
    return {**fields, "told_fits": "yes", **money_to("told_minor", outcome.amount)}
