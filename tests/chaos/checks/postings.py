"""The journal against the provider's book: every success is posted once, as the provider says."""

from collections import Counter
from collections.abc import Iterator

from tests.chaos.checks.finding import (
    Finding,
    Kind,
    grouped,
    moved_by_payment,
    own_moves,
    signed,
)
from tests.chaos.evidence.facts import FINAL, Entry, Evidence, Movement, Payment

SETTLEMENT = "settlement"
REVERSALS = frozenset({"reversal", "reinstatement"})
LONG_DEEP = 90
"""Confirmations after which whoever was dead or hung has been at work again for long."""


def one_posting_a_success(evidence: Evidence) -> Iterator[Finding]:
    """Completed is posted exactly once; what is not completed never is."""
    by_payment = grouped(evidence.entries, lambda entry: entry.payment_id)
    for payment in evidence.payments:
        entries = by_payment.get(payment.payment_id, [])
        posted = len({entry.tx for entry in entries if entry.kind == SETTLEMENT})
        wanted = int(payment.status == "completed")
        if posted > 1:
            yield Finding(Kind.DOUBLE, payment.payment_id, f"settled {posted} times")
        elif posted != wanted:
            words = f"{payment.status}, with {posted} settlements in the journal"
            yield Finding(Kind.UNBALANCED, payment.payment_id, words)


def settlements_follow_the_book(evidence: Evidence) -> Iterator[Finding]:
    """Each account gains and loses what the provider's amount and our fee make of it."""
    moved = moved_by_payment(evidence)
    payments = {payment.payment_id: payment for payment in evidence.payments}
    settled = [entry for entry in evidence.entries if entry.kind == SETTLEMENT]
    for entries in grouped(settled, lambda entry: entry.tx).values():
        payment = payments.get(entries[0].payment_id or "")
        if payment is None:
            yield Finding(Kind.UNBALANCED, f"transaction {entries[0].tx}", "settles no payment")
            continue
        effects = [m for m in moved.get(payment.payment_id, []) if m.operations]
        if not effects:
            continue  # found by `completed_has_moved`
        posted = Counter[tuple[str, str]]()
        for entry in entries:
            posted[entry.tenant, entry.code] += entry.amount
        wanted = _legs(payment, effects[0])
        if posted != wanted:
            words = f"posted {_shown(posted)}, the book says {_shown(wanted)}"
            yield Finding(Kind.UNBALANCED, payment.payment_id, words)


def _legs(payment: Payment, effect: Movement) -> Counter[tuple[str, str]]:
    """What a settlement must post; debit is positive, credit is negative."""
    mode = "live" if payment.livemode else "test"
    tenant, house = f"{payment.merchant}:{mode}", f"house:{mode}"
    amount, fee, currency = effect.amount, payment.fee, effect.currency
    sign = 1 if payment.type == "deposit" else -1
    earned = -fee if payment.type == "refund" else fee
    by_customer = 0 if payment.paid_by_merchant else earned
    legs = Counter[tuple[str, str]]()
    legs[house, f"provider:{payment.rail}:{currency}"] = sign * amount
    if payment.price is not None:
        legs[house, f"liquidity:{currency}"] = -sign * amount
        amount, currency = payment.minor, payment.currency
        legs[house, f"liquidity:{currency}"] = sign * amount
    legs[tenant, f"customer:{payment.customer}:{currency}"] = by_customer - sign * amount
    legs[house, f"fees:{payment.rail}:{currency}"] = -earned
    legs[tenant, f"merchant:{currency}"] = earned - by_customer
    return legs


def _shown(legs: Counter[tuple[str, str]]) -> str:
    return ", ".join(f"{code} {amount:+d}" for (_, code), amount in sorted(legs.items()) if amount)


def providers_hold_what_the_books_say(evidence: Evidence) -> Iterator[Finding]:
    """Payment by payment, what we say a provider holds for us is what its book says.

    A payment that is under way may be ahead there, and one in review is for people to match.
    """
    ours, theirs = _by_our_ledger(evidence), _by_their_book(evidence)
    for payment in evidence.payments:
        about = payment.payment_id
        if payment.status not in FINAL and about not in ours:
            continue
        held, expected = ours.get(about, Counter()), theirs.get(about, Counter())
        if held != expected:
            words = f"our ledger holds {dict(held)}, the provider's book {dict(expected)}"
            yield Finding(Kind.UNBALANCED, about, words)


def _by_our_ledger(evidence: Evidence) -> dict[str, Counter[str]]:
    """What every payment added to its provider's accounts."""
    held: dict[str, Counter[str]] = {}
    for entry in evidence.entries:
        if entry.payment_id and _rail_of(entry):
            held.setdefault(entry.payment_id, Counter())[entry.currency] += entry.amount
    return held


def _rail_of(entry: Entry) -> str | None:
    kind, _, rest = entry.code.partition(":")
    return rest.partition(":")[0] if kind == "provider" else None


def _by_their_book(evidence: Evidence) -> dict[str, Counter[str]]:
    """The same by the provider's book: what moved, less its fees."""
    held: dict[str, Counter[str]] = {}
    for payment_id, movements in moved_by_payment(evidence).items():
        figures = held.setdefault(payment_id, Counter())
        for moved in movements:
            figures[moved.currency] += signed(moved)
            figures[moved.fee_currency] -= moved.fee
    return held


def reversed_is_what_was_posted(evidence: Evidence) -> Iterator[Finding]:
    """The amount that we show as reversed is what reversals and reinstatements moved."""
    by_payment = grouped(evidence.entries, lambda entry: entry.payment_id)
    for payment in evidence.payments:
        entries = by_payment.get(payment.payment_id, [])
        moved = sum(e.amount for e in entries if e.kind in REVERSALS and _is_source(e, payment))
        if abs(moved) != payment.reversed:
            words = f"shows {payment.reversed} as reversed, {moved} was posted"
            yield Finding(Kind.UNBALANCED, payment.payment_id, words)


def _is_source(entry: Entry, payment: Payment) -> bool:
    """Whether the payment's amount comes from this account."""
    if payment.price is None:
        return _rail_of(entry) is not None
    return entry.code == f"liquidity:{payment.currency}"


def own_moves_are_charged(evidence: Evidence) -> Iterator[Finding]:
    """What a move of our own money has cost is posted, once its block is long deep.

    To no payment; or to one whose transaction has failed, which moves nothing either.
    """
    posted = Counter(
        (entry.code.rpartition(":")[2], -entry.amount)
        for entry in evidence.entries
        if _rail_of(entry) is not None
    )
    for moved in own_moves(evidence):
        cost = moved.fee_currency, moved.fee
        if posted[cost]:
            posted[cost] -= 1
        elif moved.fee and (moved.confirmations or 0) >= LONG_DEEP:
            words = f"a move of our own money has cost {moved.fee} {moved.fee_currency}, not posted"
            yield Finding(Kind.UNBALANCED, moved.receipt, words)


def providers_hold_nothing_else(evidence: Evidence) -> Iterator[Finding]:
    """A provider's account has no entry that no payment explains, and no move of our own money.

    Each move explains one entry, with its fee.
    """
    charged = Counter((moved.fee_currency, moved.fee) for moved in own_moves(evidence))
    for entry in evidence.entries:
        if _rail_of(entry) is None or entry.payment_id is not None:
            continue
        explained = entry.code.rpartition(":")[2], -entry.amount
        if charged[explained]:
            charged[explained] -= 1
            continue
        words = f"transaction {entry.tx} changes it by {entry.amount} for no payment"
        yield Finding(Kind.UNBALANCED, entry.code, words)
