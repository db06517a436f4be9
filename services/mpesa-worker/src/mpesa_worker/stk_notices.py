"""Read the callbacks of a push and decide how far each can be trusted.

Anyone who knows the path can post a callback, and Daraja posts each one only once. So a callback is
a hint: it must carry the attempt's ids, it gives the receipt, and the STK query decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cift_shared.attempts.processor import Attempt, Notice
from cift_shared.messaging.messages import Step
from cift_shared.money.amount import Money
from mpesa_method.purposes import Purpose
from mpesa_worker import codes, domain, mapping, wire
from mpesa_worker.context import Context, money_from, money_to


@dataclass(frozen=True, slots=True)
class ReportedResult:
    """The content of the most relevant callback so far (see `weight`)."""

    code: str | None = None
    amount: Money | None = None
    """The amount in the callback; None when it has none or it can't be read."""
    receipt: str | None = None
    matches: bool = False
    """True when neither the amount nor the payer differs from what we requested."""

    @classmethod
    def from_memory(cls, memory: Mapping[str, str]) -> "ReportedResult":
        """Read it from the attempt's memory, where its fields begin with `told_`."""
        return cls(
            code=memory.get("told_code") or None,
            amount=money_from(memory, "told_minor"),
            receipt=memory.get("told_receipt") or None,
            matches=memory.get("told_fits") == "yes",
        )

    def as_memory(self) -> dict[str, str]:
        """The fields for the attempt's memory, without personal data; all, to replace old ones."""
        return {
            "told_code": self.code or "",
            "told_receipt": self.receipt or "",
            "told_fits": "yes" if self.matches else "no",
            **money_to("told_minor", self.amount),
        }

    @property
    def paid(self) -> bool:
        """True when the callback reports success."""
        return self.code == codes.SUCCESS

    @property
    def weight(self) -> int:
        """2 for a success that matches amount and payer, 1 for another success, 0 for a failure."""
        return 1 + self.matches if self.paid else 0


@dataclass(frozen=True, slots=True)
class PushSummary:
    """The known ids of a push, and what its callbacks reported."""

    reported: ReportedResult
    checkout_id: str | None
    merchant_request_id: str | None
    adopted: bool = False
    """True when the ids come from a callback, because the push's own answer was lost, and Daraja
    has not confirmed them yet."""
    steps: tuple[Step, ...] = ()


def read_callbacks(context: Context, attempt: Attempt, notices: Sequence[Notice]) -> PushSummary:
    """Read callbacks in order; one that does not match the attempt's ids is only recorded."""
    sealed = attempt.memory.get("checkout")
    summary = PushSummary(
        reported=ReportedResult.from_memory(attempt.memory),
        checkout_id=context.open(sealed, context="checkout") if sealed else None,
        merchant_request_id=attempt.memory.get("merchant_request_id"),
        adopted=attempt.memory.get("adopted") == "yes",
    )
    for notice in notices:
        summary = _read_callback(context, attempt, summary, notice)
    return summary


def ids_memory(context: Context, summary: PushSummary) -> dict[str, str]:
    """The ids for the attempt's memory.

    The checkout id ends in the payer's phone number, so it is encrypted.
    """
    if summary.checkout_id is None:
        return {}
    sealed = context.vault.seal(summary.checkout_id.encode(), context="checkout")
    memory = {"checkout": sealed, "adopted": "yes" if summary.adopted else "no"}
    if summary.merchant_request_id is not None:
        memory["merchant_request_id"] = summary.merchant_request_id
    return memory


def _read_callback(
    context: Context, attempt: Attempt, summary: PushSummary, notice: Notice
) -> PushSummary:
    callback = wire.read_stk_callback(notice.body)
    if callback is None:
        return _set_aside(context, summary, notice, "unreadable")
    if notice.purpose != Purpose.STK_PUSH:
        # Anyone may post to the general address, and ids can be guessed: this only causes a query.
        return _set_aside(context, summary, notice, "not_on_its_own_path")
    if summary.checkout_id is None or (summary.adopted and not _same_ids(summary, callback)):
        if not _may_adopt(context, attempt, callback):
            return _set_aside(context, summary, notice, "no_proof_of_ids")
        summary = replace(
            summary,
            reported=ReportedResult(),
            checkout_id=callback.checkout_id,
            merchant_request_id=callback.merchant_request_id,
            adopted=True,
        )
    elif not _same_ids(summary, callback):
        return _set_aside(context, summary, notice, "other_ids")
    reported = _reported_by(context, attempt, callback)
    step = context.step(
        "notice.read",
        code=callback.code,
        receipt=reported.receipt,
        amount=reported.amount.text if reported.amount else None,
        fits=str(reported.matches).lower() if reported.paid else None,
        source_listed=str(notice.source_listed).lower(),
        paid_at=mapping.time_of(callback.item("TransactionDate")),
    )
    best = reported if reported.weight >= summary.reported.weight else summary.reported
    return replace(summary, reported=best, steps=(*summary.steps, step))


def _may_adopt(context: Context, attempt: Attempt, callback: wire.StkCallback) -> bool:
    """True when the ids of a callback may be used for an attempt whose own answer was lost.

    A callback that reports success must match payer and amount exactly.
    """
    if not callback.checkout_id or callback.code != codes.SUCCESS:
        return bool(callback.checkout_id)
    reported = _reported_by(context, attempt, callback)
    return reported.matches and reported.amount == attempt.request.amount


def _reported_by(context: Context, attempt: Attempt, callback: wire.StkCallback) -> ReportedResult:
    if callback.code != codes.SUCCESS:
        return ReportedResult(code=callback.code)
    stated_amount, payer = callback.item("Amount"), callback.item("PhoneNumber")
    receipt = str(callback.item("MpesaReceiptNumber") or "")
    amount = mapping.money_of(stated_amount)
    same_amount = stated_amount is None or amount == attempt.request.amount
    same_payer = payer is None or str(payer) == context.phone(attempt)
    return ReportedResult(
        code=callback.code,
        amount=amount,
        receipt=receipt if domain.is_receipt(receipt) else None,
        matches=same_amount and same_payer,
    )


def _same_ids(summary: PushSummary, callback: wire.StkCallback) -> bool:
    if callback.checkout_id != summary.checkout_id:
        return False
    ours, theirs = summary.merchant_request_id, callback.merchant_request_id
    return ours is None or theirs is None or ours == theirs


def _set_aside(context: Context, summary: PushSummary, notice: Notice, reason: str) -> PushSummary:
    step = context.step(
        "notice.set_aside", reason=reason, source_listed=str(notice.source_listed).lower()
    )
    return replace(summary, steps=(*summary.steps, step))
