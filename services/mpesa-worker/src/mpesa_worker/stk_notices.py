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
from mpesa_worker.flow import Flow, money_from, money_to


@dataclass(frozen=True, slots=True)
class Told:
    """The content of the most relevant callback so far (see `weight`)."""

    code: str | None = None
    amount: Money | None = None
    """The amount in the callback; None when it has none or it can't be read."""
    receipt: str | None = None
    fits: bool = False
    """True when neither the amount nor the payer differs from what we requested."""

    @classmethod
    def recall(cls, memory: Mapping[str, str]) -> "Told":
        """Read it from the attempt's memory."""
        return cls(
            code=memory.get("told_code") or None,
            amount=money_from(memory, "told_minor"),
            receipt=memory.get("told_receipt") or None,
            fits=memory.get("told_fits") == "yes",
        )

    def as_memory(self) -> dict[str, str]:
        """The fields for the attempt's memory, without personal data; all, to replace old ones."""
        return {
            "told_code": self.code or "",
            "told_receipt": self.receipt or "",
            "told_fits": "yes" if self.fits else "no",
            **money_to("told_minor", self.amount),
        }

    @property
    def paid(self) -> bool:
        """True when the callback reports success."""
        return self.code == codes.SUCCESS

    @property
    def weight(self) -> int:
        """2 for a success that matches amount and payer, 1 for another success, 0 for a failure."""
        return 1 + self.fits if self.paid else 0


@dataclass(frozen=True, slots=True)
class Heard:
    """The known ids of a push, and what its callbacks said."""

    told: Told
    checkout_id: str | None
    merchant_request_id: str | None
    adopted: bool = False
    """True when the ids come from a callback, because the push's own answer was lost, and Daraja
    has not confirmed them yet."""
    steps: tuple[Step, ...] = ()


def hear(flow: Flow, attempt: Attempt, notices: Sequence[Notice]) -> Heard:
    """Read callbacks in order; one that does not match the attempt's ids is only recorded."""
    sealed = attempt.memory.get("checkout")
    heard = Heard(
        told=Told.recall(attempt.memory),
        checkout_id=flow.open(sealed, context="checkout") if sealed else None,
        merchant_request_id=attempt.memory.get("merchant_request_id"),
        adopted=attempt.memory.get("adopted") == "yes",
    )
    for notice in notices:
        heard = _hear_one(flow, attempt, heard, notice)
    return heard


def ids_memory(flow: Flow, heard: Heard) -> dict[str, str]:
    """The ids for the attempt's memory.

    The checkout id ends in the payer's phone number, so it is encrypted.
    """
    if heard.checkout_id is None:
        return {}
    sealed = flow.vault.seal(heard.checkout_id.encode(), context="checkout")
    memory = {"checkout": sealed, "adopted": "yes" if heard.adopted else "no"}
    if heard.merchant_request_id is not None:
        memory["merchant_request_id"] = heard.merchant_request_id
    return memory


def _hear_one(flow: Flow, attempt: Attempt, heard: Heard, notice: Notice) -> Heard:
    callback = wire.read_stk_callback(notice.body)
    if callback is None:
        return _set_aside(flow, heard, notice, "unreadable")
    if notice.purpose != Purpose.STK_PUSH:
        # Anyone may post to the general address, and ids can be guessed: a reason to ask, no more.
        return _set_aside(flow, heard, notice, "not_on_its_own_path")
    if heard.checkout_id is None or (heard.adopted and not _same_ids(heard, callback)):
        if not _may_adopt(flow, attempt, callback):
            return _set_aside(flow, heard, notice, "no_proof_of_ids")
        heard = replace(
            heard,
            told=Told(),
            checkout_id=callback.checkout_id,
            merchant_request_id=callback.merchant_request_id,
            adopted=True,
        )
    elif not _same_ids(heard, callback):
        return _set_aside(flow, heard, notice, "other_ids")
    told = _read(flow, attempt, callback)
    step = flow.step(
        "notice.read",
        code=callback.code,
        receipt=told.receipt,
        amount=told.amount.text if told.amount else None,
        fits=str(told.fits).lower() if told.paid else None,
        source_listed=str(notice.source_listed).lower(),
        paid_at=mapping.time_of(callback.item("TransactionDate")),
    )
    best = told if told.weight >= heard.told.weight else heard.told
    return replace(heard, told=best, steps=(*heard.steps, step))


def _may_adopt(flow: Flow, attempt: Attempt, callback: wire.StkCallback) -> bool:
    """True when the ids of a callback may be used for an attempt whose own answer was lost.

    A callback that reports success must match payer and amount exactly.
    """
    if not callback.checkout_id or callback.code != codes.SUCCESS:
        return bool(callback.checkout_id)
    told = _read(flow, attempt, callback)
    return told.fits and told.amount == attempt.request.amount


def _read(flow: Flow, attempt: Attempt, callback: wire.StkCallback) -> Told:
    if callback.code != codes.SUCCESS:
        return Told(code=callback.code)
    named, payer = callback.item("Amount"), callback.item("PhoneNumber")
    receipt = str(callback.item("MpesaReceiptNumber") or "")
    amount = mapping.money_of(named)
    same_amount = named is None or amount == attempt.request.amount
    same_payer = payer is None or str(payer) == flow.phone(attempt)
    return Told(
        code=callback.code,
        amount=amount,
        receipt=receipt if domain.is_receipt(receipt) else None,
        fits=same_amount and same_payer,
    )


def _same_ids(heard: Heard, callback: wire.StkCallback) -> bool:
    if callback.checkout_id != heard.checkout_id:
        return False
    ours, theirs = heard.merchant_request_id, callback.merchant_request_id
    return ours is None or theirs is None or ours == theirs


def _set_aside(flow: Flow, heard: Heard, notice: Notice, reason: str) -> Heard:
    step = flow.step(
        "notice.set_aside", reason=reason, source_listed=str(notice.source_listed).lower()
    )
    return replace(heard, steps=(*heard.steps, step))
