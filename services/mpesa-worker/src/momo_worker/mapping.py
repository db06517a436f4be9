"""Translate what MTN says about a transaction to our terms. Pure functions, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass

from cift_shared.messaging.outcomes import (
    Conflicting,
    Declined,
    Expired,
    Failure,
    Outcome,
    Pending,
    Settled,
)
from cift_shared.money.amount import Money
from momo_worker import codes, domain, wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What we asked MTN to move, to compare its answer with."""

    amount: Money
    wire_currency: str
    """The currency on the wire: the amount's own, or EUR in MTN's sandbox."""
    external_id: str
    party: str | None
    """The phone that pays or is paid; None for a refund, which names none."""


def outcome_of(asked: Asked, state: wire.Status, reasons: Mapping[str, Failure]) -> Outcome:
    """What a status means: the status decides, the reason only says why."""
    if state.status == codes.SUCCESSFUL:
        return settled(asked, state)
    if state.status in codes.ENDED:
        return ended(state, reasons)
    return Pending()


def settled(asked: Asked, state: wire.Status) -> Settled | Conflicting:
    """A success, if it is about what we asked for; else an operator decides."""
    wrong = difference(asked, state)
    if wrong is not None:
        return Conflicting(f"MTN reports a success with another {wrong}")
    return Settled(asked.amount, domain.receipt_in(state.financialTransactionId))


def difference(asked: Asked, state: wire.Status) -> str | None:
    """The first thing in which a status differs from what we asked for; None: it fits.

    The currency is compared as it was sent: in the sandbox EUR, which stands for the asked currency
    there and nowhere else.
    """
    party = state.payer or state.payee
    if state.currency != asked.wire_currency:
        return "currency"
    if state.externalId != asked.external_id:
        return "reference"
    if domain.whole_units(state.amount) != asked.amount.minor:
        return "amount"
    phone = (party.partyId or "").removeprefix("+") if party else ""
    return "phone" if asked.party and phone and phone != asked.party else None


def ended(state: wire.Status, reasons: Mapping[str, Failure]) -> Declined | Expired:
    """The end of a transaction that moved no money."""
    reason = state.reason or state.status or ""
    failure = reasons.get(reason) or reasons.get(state.status or "") or codes.FAILED
    if failure is codes.NOT_ANSWERED:
        return Expired(failure)
    return Declined(failure)


def is_listed(state: wire.Status, reasons: Mapping[str, Failure]) -> bool:
    """True when the tables list the status and, where it ended, the reason."""
    if state.status in codes.ENDED and state.reason is not None:
        return state.reason in reasons
    return state.status in codes.STATUSES
