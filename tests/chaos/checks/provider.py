"""The provider's own book against our payments: every movement is ours, once, and known."""

from collections import Counter
from collections.abc import Iterator
from math import floor

from tests.chaos.checks.finding import (
    Finding,
    Kind,
    grouped,
    moved_by_payment,
    own_moves,
    owners,
    signed,
)
from tests.chaos.evidence.facts import UNMOVED, Evidence, Movement, Payment


def movements_are_ours(evidence: Evidence) -> Iterator[Finding]:
    """Every movement belongs to a payment of ours of the right type, or moves our money to us."""
    moves = own_moves(evidence)
    types = {payment.payment_id: payment.type for payment in evidence.payments}
    for moved, owner in owners(evidence).items():
        if moved in moves:
            continue
        if owner is None:
            words = f"{moved.kind} of {moved.amount} {moved.currency} that no payment asked for"
            yield Finding(Kind.LOST, moved.receipt, words)
        elif moved.operations and types[owner] not in moved.operations:
            yield Finding(Kind.LOST, owner, f"a {types[owner]} moved as {moved.kind}")


def movements_are_known(evidence: Evidence) -> Iterator[Finding]:
    """No payment that we call unmoved has moved money."""
    moved = moved_by_payment(evidence)
    for payment in evidence.payments:
        if payment.status in UNMOVED:
            total = sum(map(signed, moved.get(payment.payment_id, [])))
            if total:
                words = f"{payment.status}, and the provider has moved {total} {payment.currency}"
                yield Finding(Kind.LOST, payment.payment_id, words)


def completed_has_moved(evidence: Evidence) -> Iterator[Finding]:
    """What we call completed has moved at the provider, in that very amount.

    A chain forgets what it takes back: a payment that is reversed whole may be in no book.
    """
    moved = moved_by_payment(evidence)
    for payment in evidence.payments:
        if payment.status != "completed":
            continue
        effects = [m for m in moved.get(payment.payment_id, []) if m.operations]
        if not effects and payment.reversed < payment.minor:
            words = "completed, and the provider's book has nothing of it"
            yield Finding(Kind.UNBALANCED, payment.payment_id, words)
        for effect in effects:
            if not _explains(effect, payment):
                words = (
                    f"completed with {payment.minor} {payment.currency}, "
                    f"the provider moved {effect.amount} {effect.currency}"
                )
                yield Finding(Kind.UNBALANCED, payment.payment_id, words)


def _explains(effect: Movement, payment: Payment) -> bool:
    """Whether this movement makes the payment's amount."""
    price = payment.price
    if price is None:
        return (effect.amount, effect.currency) == (payment.minor, payment.currency)
    if effect.currency != price.currency:
        return False
    if effect.amount < price.minor:
        return payment.minor == floor(price.worth(effect.amount))
    is_exact = effect.amount == price.minor
    return payment.minor == price.quoted if is_exact else payment.minor >= price.quoted


def prices_are_fair(evidence: Evidence) -> Iterator[Finding]:
    """A payer is told the smallest amount that is worth what is quoted."""
    for payment in evidence.payments:
        price = payment.price
        if price is None:
            continue
        if not price.worth(price.minor - 1) < price.quoted <= price.worth(price.minor):
            words = f"{price.minor} {price.currency} at {price.rate} for {price.quoted}"
            yield Finding(Kind.UNBALANCED, payment.payment_id, words)


def completed_is_deep(evidence: Evidence) -> Iterator[Finding]:
    """Nothing counts before the chain has as many confirmations of it as the operator wants."""
    moved = moved_by_payment(evidence)
    for payment in evidence.payments:
        if payment.status != "completed" or payment.reversed:
            continue
        for effect in moved.get(payment.payment_id, []):
            if effect.confirmations is not None and effect.confirmations < payment.depth:
                words = f"completed with {effect.confirmations} of {payment.depth} confirmations"
                yield Finding(Kind.ILLEGAL_STATE, payment.payment_id, words)


def withdrawals_stay_within_caps(evidence: Evidence) -> Iterator[Finding]:
    """No withdrawal above what the signer may sign has left."""
    moved = moved_by_payment(evidence)
    for payment in evidence.payments:
        left = [m.amount for m in moved.get(payment.payment_id, []) if not m.is_incoming]
        if payment.cap is not None and payment.type == "withdrawal" and sum(left) > payment.cap:
            words = f"{sum(left)} {payment.currency} left, {payment.cap} may"
            yield Finding(Kind.LOST, payment.payment_id, words)


def one_effect_a_command(evidence: Evidence) -> Iterator[Finding]:
    """A payment moves money once."""
    for payment_id, movements in moved_by_payment(evidence).items():
        effects = [moved for moved in movements if moved.operations]
        if len(effects) > 1:
            words = f"moved {len(effects)} times: {', '.join(m.receipt for m in effects)}"
            yield Finding(Kind.DOUBLE, payment_id, words)


def one_request_taken(evidence: Evidence) -> Iterator[Finding]:
    """The provider took one request that moves money of a payment at most, where it counts them."""
    of_attempt = {attempt.attempt_id: attempt.payment_id for attempt in evidence.attempts}
    for name, taken in evidence.taken.items():
        by_payment: Counter[str] = Counter()
        for attempt_id, times in taken.items():
            by_payment[of_attempt.get(attempt_id, attempt_id)] += times
        for payment_id, times in by_payment.items():
            if times > 1:
                yield Finding(Kind.DOUBLE, payment_id, f"the provider took {times} {name}")


def one_attempt_a_payment(evidence: Evidence) -> Iterator[Finding]:
    """A command is one attempt in one worker."""
    for payment_id, attempts in grouped(evidence.attempts, lambda a: a.payment_id).items():
        if len(attempts) > 1:
            yield Finding(Kind.DOUBLE, payment_id, f"{len(attempts)} attempts")


def one_payment_a_reference(evidence: Evidence) -> Iterator[Finding]:
    """A receipt counts for one payment, and it is a receipt of that payment's own movement."""
    moved = moved_by_payment(evidence)
    named = [payment for payment in evidence.payments if payment.reference]
    for (_, reference), payments in grouped(named, _reference).items():
        if len(payments) > 1:
            words = f"{len(payments)} payments share the reference {reference}"
            yield Finding(Kind.DOUBLE, payments[-1].payment_id, words)
    for payment in named:
        names = {name for m in moved.get(payment.payment_id, []) for name in m.names}
        is_whole = payment.reversed < payment.minor
        if payment.status == "completed" and is_whole and payment.reference not in names:
            words = f"the provider's book does not know the reference {payment.reference}"
            yield Finding(Kind.UNBALANCED, payment.payment_id, words)


def _reference(payment: Payment) -> tuple[str, str | None]:
    return payment.rail, payment.reference
