"""Confirm a push by a receipt that is only a hint: from the provider's records, or a C2B notice,
or brought by the caller.

A row of the records (Pull Transactions) comes from the provider itself and links a receipt to a
reference. A confirmation (C2B) can be posted by anyone, and a caller can bring any text. All are
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
from mpesa_worker.flow import Flow, moment_from, money_to

ASK_GAPS_S = (15, 30, 60, 120, 300, 900)
"""Waits between two queries for one receipt; the last one repeats."""
ASKS_AFTER_THE_END_MAX = 12
"""The maximum of queries for an attempt that has ended: about two hours."""

_PURPOSES = frozenset(
    {Purpose.RECORD, Purpose.CONFIRMATION, Purpose.STATUS, Purpose.STATUS_TIMEOUT}
)
Source = Literal["records", "confirmation", "caller"]
_PARTY = re.compile(r"\s*([0-9]{5,12})\b")
"""A party in a status answer: "174379 - CIFT", "254708374149 - JANE"."""


@dataclass(frozen=True, slots=True)
class Clue:
    """The receipt that a hint names, and what the provider answered about it."""

    receipt: str | None = None
    recorded: bool = False
    """True when the provider's records, not a confirmation, link the receipt to the push."""
    brought: bool = False
    """True when only the caller has named the receipt: any other hint replaces it."""
    refused: str | None = None
    """The last receipt that was proven not to belong to this push."""
    verdict: Settled | Conflicting | None = None
    steps: tuple[Step, ...] = ()
    rest: tuple[Notice, ...] = ()
    """Notices that are neither hints nor status answers."""

    def as_memory(self) -> dict[str, str]:
        """The fields for the attempt's memory; empty when there never was a hint."""
        if self.receipt is None and self.refused is None:
            return {}
        told = {
            "hint_receipt": self.receipt or "",
            "hint_recorded": "yes" if self.recorded else "brought" if self.brought else "no",
            "hint_refused": self.refused or "",
        }
        return {**told, **_told_memory(self.verdict)} if self.verdict else told


def hear(flow: Flow, attempt: Attempt, notices: Sequence[Notice]) -> Clue:
    """Read hints and status answers in order; `rest` keeps the push's callbacks, unread.

    What the caller brought comes last: it must not replace a receipt that is just confirmed.
    """
    memory = attempt.memory
    clue = Clue(
        receipt=memory.get("hint_receipt") or None,
        recorded=memory.get("hint_recorded") == "yes",
        brought=memory.get("hint_recorded") == "brought",
        refused=memory.get("hint_refused") or None,
    )
    for notice in notices:
        clue = _hear_one(flow, attempt, clue, notice)
    for reference in attempt.references if clue.verdict is None else ():
        clue = _hint(flow, attempt, clue, reference.upper(), source="caller")
    return clue


def is_wanted(attempt: Attempt, clue: Clue, *, receipt_told: str | None) -> bool:
    """True when an attempt has ended without a known receipt and a hint names one."""
    return clue.receipt is not None and attempt.ended and receipt_told is None


async def confirm(flow: Flow, attempt: Attempt, clue: Clue, answer: Answer) -> Answer:
    """Query Transaction Status by the receipt, or wait for the answer to an earlier query.

    A query that can't be sent is sent later. Without an API operator no query is possible, so an
    operator of ours must decide, as for every push that can't be decided. After a day only a
    receipt that the caller has just brought is queried, once.
    """
    is_new = attempt.memory.get("hint_receipt") != clue.receipt
    asks = 0 if is_new else int(attempt.memory.get("hint_asks") or 0)
    left = timedelta(0) if is_new else _left(flow, attempt, asks)
    if left > timedelta(0):
        return replace(answer, check_after=left)
    is_late = flow.is_old(attempt) and not (is_new and clue.brought)
    if is_late or (attempt.ended and asks >= ASKS_AFTER_THE_END_MAX):
        return answer
    again = flow.delay(ASK_GAPS_S[min(asks, len(ASK_GAPS_S) - 1)])
    asked = {"hint_asked_at": flow.clock.now().isoformat(), "hint_asks": str(asks + 1)}
    try:
        taken = await flow.client.ask_status(_question(flow, attempt, clue.receipt or ""))
    except ProviderRejectedRequest as error:
        return _not_asked(flow, answer, error)
    except PaymentProcessorError as error:
        if isinstance(error, ProviderThrottled):
            again = max(again, flow.delay(error.retry_after_s))
        answer = replace(answer, memory={**answer.memory, **asked}, check_after=again)
        return _not_asked(flow, answer, error)
    step = flow.step("status.asked", receipt=clue.receipt, conversation_id=taken.conversation_id)
    memory = {**answer.memory, **asked, "status_conversation_id": taken.conversation_id or ""}
    return replace(answer, memory=memory, evidence=[*answer.evidence, step], check_after=again)


def _left(flow: Flow, attempt: Attempt, asks: int) -> timedelta:
    """How long to wait before the next query for the same receipt."""
    asked_at = moment_from(attempt.memory, "hint_asked_at")
    if asked_at is None or not asks:
        return timedelta(0)
    gap = ASK_GAPS_S[min(asks, len(ASK_GAPS_S)) - 1]
    return asked_at + flow.delay(gap) - flow.clock.now()


def _not_asked(flow: Flow, answer: Answer, error: PaymentProcessorError) -> Answer:
    step = flow.step("status.not_asked", code=error.code)
    return replace(answer, evidence=[*answer.evidence, step])


def _question(flow: Flow, attempt: Attempt, receipt: str) -> wire.StatusQuery:
    operator = flow.gate.operator()
    return wire.StatusQuery(
        initiator=operator.name,
        credential=operator.credential,
        receipt=receipt,
        short_code=flow.config.business_short_code,
        remarks="Payment status",
        timeout_url=flow.callback(attempt, Purpose.STATUS_TIMEOUT),
        result_url=flow.callback(attempt, Purpose.STATUS),
    )


def _hear_one(flow: Flow, attempt: Attempt, clue: Clue, notice: Notice) -> Clue:
    if notice.purpose == Purpose.STATUS:
        return _hear_status(flow, attempt, clue, notice)
    if notice.purpose == Purpose.STATUS_TIMEOUT:
        step = flow.step("notice.read", purpose="status_timeout", meaning="no verdict")
        return replace(clue, steps=(*clue.steps, step))
    if notice.purpose == Purpose.RECORD:
        row = pull_wire.read_row(read_object(notice.body))
        return _hint(flow, attempt, clue, row.receipt, source="records")
    confirmation = wire.read_confirmation(notice.body)
    if confirmation is not None and notice.purpose in (None, Purpose.CONFIRMATION):
        return _hint(flow, attempt, clue, confirmation.receipt, source="confirmation")
    if notice.purpose in _PURPOSES:
        return _aside(flow, clue, "unreadable")
    return replace(clue, rest=(*clue.rest, notice))


def _hint(flow: Flow, attempt: Attempt, clue: Clue, receipt: str | None, *, source: Source) -> Clue:
    told, recorded = attempt.memory.get("told_receipt"), source == "records"
    # A caller may send anything, also a phone number, which must not be seen in the timeline.
    is_phone = source == "caller" and str(receipt).isdigit()
    if is_phone or not domain.is_receipt(receipt):
        return _aside(flow, clue, "no_receipt")
    if attempt.ended and told:
        # The payer may also pay to the reference by hand: reconciliation handles that money.
        return clue if receipt == told else _aside(flow, clue, "another_receipt", receipt=receipt)
    if receipt == clue.refused and source == "confirmation":
        return _aside(flow, clue, "refused_before", receipt=receipt)
    known = clue.receipt is not None and clue.receipt == receipt
    if not known and clue.receipt and not _replaces(clue, source):
        return _aside(flow, clue, "another_receipt", receipt=receipt)
    step = flow.step("hint.read", receipt=receipt, source=source)
    return replace(
        clue,
        receipt=receipt,
        recorded=recorded or (known and clue.recorded),
        brought=source == "caller" and (clue.brought or not known),
        steps=(*clue.steps, step),
    )


def _replaces(clue: Clue, source: Source) -> bool:
    """True when a hint counts more than the known one; a caller may correct what they brought."""
    return clue.brought or (source == "records" and not clue.recorded)


def _hear_status(flow: Flow, attempt: Attempt, clue: Clue, notice: Notice) -> Clue:
    result = wire.read_result(notice.body)
    listed = str(notice.source_listed).lower()
    if result is None:
        return _aside(flow, clue, "unreadable", name="notice.set_aside", source_listed=listed)
    if not _is_about(attempt, clue, result):
        return _aside(flow, clue, "other_ids", name="notice.set_aside", source_listed=listed)
    flow.gate.hear(result.code)
    word = str(result.parameter("TransactionStatus") or "")
    step = flow.step(
        "notice.read", purpose="status", code=result.code, status=word or None,
        receipt=clue.receipt, source_listed=listed,
    )  # fmt: skip
    clue = replace(clue, steps=(*clue.steps, step))
    if result.code == codes.SUCCESS and word == codes.COMPLETED:
        return _completed(flow, attempt, clue, result)
    if word in codes.STATUS_FAILED and result.code == codes.SUCCESS:
        return _refused(flow, clue, "it did not complete")
    if result.code == codes.NO_SUCH_TRANSACTION and not clue.recorded:
        return _refused(flow, clue, "there is no such receipt")
    if word and word not in codes.STATUS_OPEN:
        flow.count_unknown(word)
    return clue


def _completed(flow: Flow, attempt: Attempt, clue: Clue, result: wire.Result) -> Clue:
    """Check the receiver, the payer and the amount of a receipt whose payment is completed."""
    asked, amount = attempt.request.amount, mapping.money_of(result.parameter("Amount"))
    receiver = _party(result.parameter("CreditPartyName"))
    if receiver not in (flow.config.business_short_code, flow.config.receiver):
        return _refused(flow, clue, "it was paid to another short code")
    if not clue.recorded and _party(result.parameter("DebitPartyName")) != flow.phone(attempt):
        return _refused(flow, clue, "the answer does not confirm our payer")
    if amount == asked:
        return replace(clue, verdict=Settled(asked, clue.receipt))
    if not clue.recorded or amount is None:
        return _refused(flow, clue, "its amount is another")
    if attempt.ended:  # an operator gets the amount that was paid; it credits nothing
        return replace(clue, verdict=Settled(amount, clue.receipt))
    words = f"the records show {amount.text} instead of {asked.text}"
    return replace(clue, verdict=Conflicting(words))


def _is_about(attempt: Attempt, clue: Clue, result: wire.Result) -> bool:
    """True when a status answer is about this receipt.

    It must name the receipt, or be an error with the conversation id of our status query.
    """
    if clue.receipt is None:
        return False
    named = result.parameter("ReceiptNo")
    if named is not None:
        return str(named) == clue.receipt
    asked = attempt.memory.get("status_conversation_id")
    return result.code != codes.SUCCESS and bool(asked) and result.conversation_id == asked


def _refused(flow: Flow, clue: Clue, why: str) -> Clue:
    step = flow.step("hint.refused", receipt=clue.receipt, reason=why)
    return replace(
        clue,
        receipt=None,
        recorded=False,
        brought=False,
        refused=clue.receipt,
        steps=(*clue.steps, step),
    )


def _aside(
    flow: Flow, clue: Clue, reason: str, *, name: str = "hint.set_aside", **more: object
) -> Clue:
    step = flow.step(name, reason=reason, **more)
    return replace(clue, steps=(*clue.steps, step))


def _party(value: object) -> str | None:
    match = _PARTY.match(str(value or ""))
    return match[1] if match else None


def _told_memory(verdict: Settled | Conflicting | None) -> Mapping[str, str]:
    """A confirmed receipt in the same fields as a matching callback, so later hints find it."""
    if not isinstance(verdict, Settled):
        return {}
    told = {"told_code": codes.SUCCESS, "told_receipt": verdict.provider_reference or ""}
    return {**told, "told_fits": "yes", **money_to("told_minor", verdict.amount)}
