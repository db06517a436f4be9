"""The books once more, in plain Python and one result at a time: what the SQL is held against."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from cift_shared.messaging.messages import PaymentResult
from ledger.posting.domain import OPEN, Status, may_move

AIMS = {
    "submitted": Status.PROCESSING,
    "unknown": Status.PROCESSING,
    "action_required": Status.REQUIRES_ACTION,
    "declined": Status.FAILED,
    "expired": Status.EXPIRED,
    "canceled": Status.CANCELED,
    "conflicting": Status.IN_REVIEW,
}


@dataclass
class ModelPayment:
    """A payment as it should be."""

    type: str
    customer: str
    minor: int
    fee: int
    parent: "ModelPayment | None" = None
    status: Status = Status.PENDING
    reference: str | None = None
    provider_fee: int | None = None
    seq: int = 0
    version: int = 1
    suspended: bool = False
    held: bool = False
    refunded: int = 0
    pending: int = 0
    reversed: bool = False
    dispute: "ModelDispute | None" = None

    @property
    def net(self) -> int:
        """What the customer gains or loses."""
        return self.minor + self.fee if self.type == "withdrawal" else self.minor - self.fee


@dataclass
class ModelDispute:
    """A dispute as it should be: it takes the whole deposit, and costs a fee."""

    told_at: int
    closed: str | None
    held: int

    @property
    def open_minor(self) -> bool:
        """True while the provider keeps the money."""
        return self.closed != "won"


def _by_provider(result: PaymentResult) -> bool:
    return result.failure is not None and result.failure.code == "canceled_at_provider"


@dataclass
class Model:
    """All of the books."""

    payments: dict[str, ModelPayment] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    posted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """By account, debit positive."""
    held: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    receipts: dict[str, ModelPayment] = field(default_factory=dict)
    holds: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Open holds of operators, by key: whose, and how much."""

    def available(self, customer: str) -> int:
        """What a customer can still spend."""
        return -self.posted[customer] - self.held[customer]

    def accept(self, payment_id: str, payment: ModelPayment) -> bool:
        """Take a payment, or refuse it for want of money."""
        if payment.type != "deposit":
            if self.available(payment.customer) < payment.net:
                return False
            self.held[payment.customer] += payment.net
            payment.held = True
        if payment.parent is not None:
            payment.parent.pending += payment.minor
        self.payments[payment_id] = payment
        return True

    def apply(self, batch: Sequence[PaymentResult]) -> list[str]:
        """Apply a batch: its results one by one, in their order."""
        return [self._told(result) for result in batch]

    def _told(self, result: PaymentResult) -> str:
        if result.result_id in self.seen:
            return "duplicate"
        self.seen.add(result.result_id)
        return self._one(self.payments[str(result.payment_id)], result)

    def _one(self, payment: ModelPayment, result: PaymentResult) -> str:
        if result.kind in ("reversed", "disputed"):
            return self._aftermath(payment, result)
        if result.kind == "noted":
            if payment.status in OPEN:
                payment.seq = max(payment.seq, result.seq)
            return "noted"
        if result.kind in ("submitted", "unknown", "action_required"):
            return self._progress(payment, result)
        if result.kind == "settled" and result.amount is not None:
            return self._settled(payment, result)
        aim = AIMS[result.kind]
        sent = payment.status in (Status.PROCESSING, Status.REQUIRES_ACTION)
        if aim is Status.CANCELED and sent and not _by_provider(result):
            return "conflict"
        if may_move(payment.status, aim):
            self._move(payment, aim, result.seq)
            return "conflict" if aim is Status.IN_REVIEW else "applied"
        if payment.status is aim:
            return "duplicate"
        final_words = {Status.FAILED, Status.EXPIRED, Status.CANCELED}
        return "stale" if payment.status in final_words else "conflict"

    def _progress(self, payment: ModelPayment, result: PaymentResult) -> str:
        if payment.status not in OPEN or result.seq <= payment.seq:
            return "stale"
        nothing_new = (
            payment.status is not Status.PENDING
            if result.kind == "unknown"
            else result.kind == "submitted" and payment.status is Status.PROCESSING
        )
        if nothing_new:
            payment.seq = result.seq
            return "noted"
        self._move(payment, AIMS[result.kind], result.seq)
        return "applied"

    def _settled(self, payment: ModelPayment, result: PaymentResult) -> str:
        assert result.amount is not None
        matches = result.amount.minor == payment.minor
        reference = result.provider_reference
        if reference is not None and self.receipts.get(reference, payment) is not payment:
            if payment.status in OPEN:
                self._move(payment, Status.IN_REVIEW, result.seq)
            return "conflict"
        if payment.status in OPEN and matches:
            self._book(payment)
            self._learn(payment, result)
            self._move(payment, Status.COMPLETED, result.seq)
            return "applied"
        if payment.status is Status.COMPLETED:
            return self._again(payment, result, matches=matches)
        if payment.suspended:
            return "conflict"
        sign = 1 if payment.type == "deposit" else -1
        self.posted["provider"] += sign * result.amount.minor
        self.posted["suspense"] -= sign * result.amount.minor
        payment.suspended = True
        self._learn(payment, result)
        if payment.status is not Status.IN_REVIEW:
            self._move(payment, Status.IN_REVIEW, result.seq)
        return "conflict"

    def _again(self, payment: ModelPayment, result: PaymentResult, *, matches: bool) -> str:
        fee = result.provider_fee.minor if result.provider_fee else None
        told = ((result.provider_reference, payment.reference), (fee, payment.provider_fee))
        if not matches or any(new is not None and old not in (None, new) for new, old in told):
            return "conflict"
        if any(new is not None and old is None for new, old in told):
            self._learn(payment, result)
            payment.version += 1
            return "applied"
        return "duplicate"

    def _learn(self, payment: ModelPayment, result: PaymentResult) -> None:
        if payment.reference is None and result.provider_reference is not None:
            payment.reference = result.provider_reference
            self.receipts[payment.reference] = payment
        if payment.provider_fee is None and result.provider_fee is not None:
            payment.provider_fee = result.provider_fee.minor
            self.posted["provider-costs"] += payment.provider_fee
            self.posted["provider"] -= payment.provider_fee

    def _book(self, payment: ModelPayment) -> None:
        sign = 1 if payment.type == "deposit" else -1
        self.posted["provider"] += sign * payment.minor
        self.posted[payment.customer] -= sign * payment.net
        self.posted["fees"] += payment.fee if payment.type == "refund" else -payment.fee

    def _move(self, payment: ModelPayment, status: Status, seq: int) -> None:
        payment.status = status
        payment.seq = max(payment.seq, seq)
        payment.version += 1
        if payment.held and status not in OPEN and status is not Status.IN_REVIEW:
            payment.held = False
            self.held[payment.customer] -= payment.net
            if payment.parent is not None:
                payment.parent.pending -= payment.minor
                if status is Status.COMPLETED:
                    payment.parent.refunded += payment.minor

    def hold(self, key: str, customer: str, amount: int) -> bool:
        """Hold for an operator, or refuse it for want of money."""
        if self.available(customer) < amount:
            return False
        self.holds[key] = (customer, amount)
        self.held[customer] += amount
        return True

    def capture(self, key: str, taken: int) -> None:
        """End an operator's hold: some of it is taken, the rest is free again."""
        customer, amount = self.holds.pop(key)
        self.held[customer] -= amount
        self.posted[customer] += taken
        self.posted["adjustments"] -= taken

    def _aftermath(self, payment: ModelPayment, result: PaymentResult) -> str:
        if payment.status is not Status.COMPLETED:
            if payment.status in OPEN:
                payment.status = Status.IN_REVIEW
                payment.version += 1
            return "conflict"
        if result.kind == "reversed":
            return self._reversed(payment, result)
        return self._disputed(payment, result)

    def _reversed(self, payment: ModelPayment, result: PaymentResult) -> str:
        reference = result.provider_reference or ""
        assert result.amount is not None
        if (
            result.amount.minor != payment.minor
            or self.receipts.get(reference, payment) is not payment
        ):
            return "conflict"
        if payment.reversed:
            return "duplicate"
        if reference:
            self.receipts[reference] = payment
        if payment.type == "deposit":
            self._take_back(payment)
        else:
            self.posted["provider"] += payment.minor
            self.posted[payment.customer] -= payment.net
            self.posted["fees"] += -payment.fee if payment.type == "refund" else payment.fee
        payment.reversed = True
        payment.version += 1
        if payment.parent is not None:
            payment.parent.refunded -= payment.minor
        return "applied"

    def _take_back(self, payment: ModelPayment) -> None:
        refunds = [
            refund
            for refund in self.payments.values()
            if refund.parent is payment
            and not refund.reversed
            and (refund.held or refund.status is Status.COMPLETED)
        ]
        fee = payment.fee - sum(refund.fee for refund in refunds)
        left = payment.net - sum(refund.net for refund in refunds)
        own = min(left, max(0, self.available(payment.customer)))
        self.posted["provider"] -= payment.minor
        self.posted[payment.customer] += own
        self.posted["fees"] += fee
        self.posted["losses"] += payment.minor - own - fee

    def _disputed(self, payment: ModelPayment, result: PaymentResult) -> str:
        assert result.dispute is not None
        closed = result.dispute.closed
        known = payment.dispute
        if payment.type != "deposit":
            return "conflict"
        if known is None:
            held = 0 if closed == "won" else min(payment.minor, self.available(payment.customer))
            payment.dispute = known = ModelDispute(result.seq, None, max(0, held))
            self.held[payment.customer] += known.held
            self.posted["provider"] -= payment.minor
            self.posted["disputes"] += payment.minor
        elif known.closed is not None or closed is None:
            return "duplicate" if result.seq >= known.told_at else "stale"
        known.told_at = max(known.told_at, result.seq)
        payment.version += 1
        if closed is not None:
            self._close(payment, known, closed)
        return "applied"

    def _close(self, payment: ModelPayment, dispute: ModelDispute, closed: str) -> None:
        self.held[payment.customer] -= dispute.held
        self.posted["disputes"] -= payment.minor
        if closed == "won":
            self.posted["provider"] += payment.minor
        else:
            self.posted[payment.customer] += dispute.held
            self.posted["losses"] += payment.minor - dispute.held
        dispute.closed, dispute.held = closed, 0
