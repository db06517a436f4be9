"""Translate disputes and reversals to our terms. Pure functions, no I/O.

PayPal may report the same debit twice: as a money movement of a dispute, and as a reversal, which
has the form of a refund that nobody asked for. Each debit is booked once: as a dispute if PayPal
shows it there, else as a reversal.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from cift_shared.messaging.outcomes import Dispute
from cift_shared.money.amount import Money
from paypal_worker import mapping, wire

STATUSES = frozenset(
    {
        "OPEN",
        "WAITING_FOR_BUYER_RESPONSE",
        "WAITING_FOR_SELLER_RESPONSE",
        "UNDER_REVIEW",
        "RESOLVED",
        "OTHER",
    }
)
"""Source: Disputes v1, `status`."""
_SETTLEMENT = "DISPUTE_SETTLEMENT"
_FEES = frozenset({"DISPUTE_SETTLEMENT_FEE", "DISPUTE_FEE", "CHARGEBACK_FEE"})
REASONS = _FEES | {_SETTLEMENT}
"""Source: Disputes v1, `money_movement_reason`."""
Closed = Literal["won", "lost", "canceled"]
_CLOSED: Mapping[str, Closed] = {
    "RESOLVED_SELLER_FAVOUR": "won",
    "DENIED": "won",
    "RESOLVED_BUYER_FAVOUR": "lost",
    "ACCEPTED": "lost",
    "CANCELED_BY_BUYER": "canceled",
    "NONE": "canceled",
}
_PAYOUT = "RESOLVED_WITH_PAYOUT"
"""PayPal pays from its own money: lost only if it did not give ours back."""
OUTCOMES = frozenset({*_CLOSED, _PAYOUT})
"""Source: Disputes v1, `outcome_code`."""

COVERED = "covered"
"""Memory: a reversal that a dispute already accounts for."""
REPORTED = "reported"
"""Memory: a reversal that was reported as one."""
UNDONE = "undone"
"""Memory: a reported reversal that failed since, so its money is ours again."""


def unknown_words(dispute: wire.Dispute) -> list[tuple[str, str | None]]:
    """Words of a dispute that no table lists, each with its kind."""
    found: list[tuple[str, str | None]] = []
    if dispute.status not in STATUSES:
        found.append(("dispute", dispute.status))
    code = dispute.dispute_outcome.outcome_code if dispute.dispute_outcome else None
    if code is not None and code not in OUTCOMES:
        found.append(("dispute outcome", code))
    moved = (movement for movement in dispute.money_movements if _is_ours(movement))
    found += [("movement", part.reason) for part in moved if part.reason not in REASONS]
    return found


def dispute_of(dispute: wire.Dispute) -> Dispute:
    """The state of a dispute: only its money movements say what PayPal took or gave back.

    Raises:
        ValueError: an amount is missing or can't be read, or a movement is in another currency.
    """
    if dispute.dispute_amount is None:
        raise ValueError("a dispute without an amount")
    amount = mapping.money_of(dispute.dispute_amount)

    def total(direction: str, reasons: Iterable[str]) -> Money | None:
        return _total(dispute, amount.currency, direction, frozenset(reasons))

    told = Dispute(
        reference=dispute.dispute_id,
        status=dispute.status or "UNKNOWN",
        reason=dispute.reason or "UNKNOWN",
        amount=amount,
        withdrawn=total("DEBIT", [_SETTLEMENT]),
        fee=total("DEBIT", _FEES),
        reinstated=total("CREDIT", [_SETTLEMENT]),
        fee_reinstated=total("CREDIT", _FEES),
        evidence_due_by=_time(dispute.seller_response_due_date),
    )
    return replace(told, closed=_closed(dispute, told))


def _closed(dispute: wire.Dispute, told: Dispute) -> Closed | None:
    code = dispute.dispute_outcome.outcome_code if dispute.dispute_outcome else None
    if dispute.status != "RESOLVED" or code is None:
        return None
    if code == _PAYOUT:
        return "lost" if _minor(told.withdrawn) > _minor(told.reinstated) else "won"
    return _CLOSED.get(code)


@dataclass(frozen=True, slots=True)
class Debits:
    """What the disputes of a capture took, compared with its reversals."""

    disputes: Sequence[Dispute]
    """Without what was reported as a reversal before the dispute showed it."""
    covered: frozenset[str]
    """Ids of the new reversals that a dispute accounts for."""


def compared(
    disputes: Sequence[Dispute], reversals: Mapping[str, Money], memory: Mapping[str, str]
) -> Debits:
    """Match the debits of disputes with reversals of the same amount, one to one.

    Args:
        disputes: every dispute of the capture.
        reversals: the amounts of its reversals, by id.
        memory: what was decided earlier about these, by id.
    """
    left = list(disputes)
    for name, amount in reversals.items():  # reported before: the dispute must not repeat it
        if memory.get(name) == REPORTED:
            left = _without(left, amount)
    free = Counter(_key(found.withdrawn) for found in left if found.withdrawn)
    free.subtract(_key(reversals[name]) for name in reversals if memory.get(name) == COVERED)
    covered = set()
    for name, amount in reversals.items():
        if name not in memory and free[_key(amount)] > 0:
            free[_key(amount)] -= 1
            covered.add(name)
    return Debits(left, frozenset(covered))


def _without(disputes: Sequence[Dispute], amount: Money) -> list[Dispute]:
    """The disputes without the first withdrawal of exactly this amount."""
    for place, found in enumerate(disputes):
        if found.withdrawn == amount:
            changed = replace(found, withdrawn=None)
            return [*disputes[:place], changed, *disputes[place + 1 :]]
    return list(disputes)


def foreign_refunds(
    refunds: Sequence[wire.Refund], own_attempt: str
) -> Mapping[str, tuple[Money, str]]:
    """Amount and status of the refunds that we did not ask for, by id.

    A refund of ours has the id of its own attempt. One that was made at PayPal, and a reversal,
    has none, or PayPal copies the one of the capture.

    Raises:
        ValueError: an amount is missing or can't be read.
    """
    found = {}
    for refund in refunds:
        if refund.custom_id not in (None, "", own_attempt):
            continue
        if refund.amount is None:
            raise ValueError("a refund without an amount")
        found[refund.id] = (mapping.money_of(refund.amount), refund.status or "")
    return found


def _total(
    dispute: wire.Dispute, currency: str, direction: str, reasons: frozenset[str]
) -> Money | None:
    minor = 0
    for movement in dispute.money_movements:
        if not _is_ours(movement) or movement.type != direction or movement.reason not in reasons:
            continue
        if movement.amount is None:
            raise ValueError("a movement without an amount")
        moved = mapping.money_of(movement.amount)
        if moved.currency != currency:
            raise ValueError("a movement in another currency")
        minor += abs(moved.minor)
    return Money(minor, currency) if minor else None


def _is_ours(movement: wire.MoneyMovement) -> bool:
    return movement.affected_party == "SELLER"


def _minor(amount: Money | None) -> int:
    return amount.minor if amount else 0


def _key(amount: Money | None) -> tuple[str, int]:
    return (amount.currency, amount.minor) if amount else ("", 0)


def _time(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None
