"""What must be true once a seed has come to rest; it knows the books and nothing of the code.

No accepted payment is lost, none had two effects, the ledger says what the provider's book says,
states moved along the table, and whatever is open will be asked about again.
"""

from typing import TYPE_CHECKING, Any

from cift_shared.attempts.store import attempt_id_of
from ledger.posting.domain import OPEN, Status
from tests.simulation.books import money_words

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation


_EXCUSED = ("open", "unbalanced", "in review")
"""What may be said of a payment whose outcome nobody can know; never that it happened twice."""


def findings(simulation: "Simulation") -> list[str]:
    """Everything that is wrong now; while the simulation runs, much is wrong for a moment."""
    found = list(simulation.books.illegal)
    unclear = indefinite(simulation)
    for payment_id, request in simulation.gateway.accepted.items():
        said = _about(simulation, payment_id, request)
        if payment_id in unclear:
            said = [words for words in said if not words.startswith(_EXCUSED)]
        found += [f"{payment_id[:8]} {request.kind}: {words}" for words in said]
    if not unclear:
        found += _sums(simulation)
    return found + _unfinished(simulation)


def indefinite(simulation: "Simulation") -> set[str]:
    """Pushes that nobody can ask about: the answer with Daraja's ids was lost, and so was the
    callback. They stay open, are due again, and go to people after a day."""
    return {
        str(row["payment_id"])
        for row in simulation.schemas["mpesa"].attempts.values()
        if row["operation"] == "deposit"
        and "checkout" not in row["memory"]
        and ((row["state"] == "unknown" and row["next_check_at"]) or row["state"] == "review")
    }


def _about(simulation: "Simulation", payment_id: str, request: Any) -> list[str]:
    payment = simulation.books.payments[payment_id]
    attempt = str(attempt_id_of(request.payment_id))
    book = simulation.stripe.book if request.method == "card" else simulation.daraja.book
    moved = money_words(book, attempt)
    sign = 1 if request.kind == "request_deposit" else -1
    found = []
    if len([cents for cents in moved if cents * sign > 0]) > 1:
        found.append(f"double: {moved}")
    pushes = [one for one in simulation.daraja.pushes.values() if one.attempt == attempt]
    if len(pushes) > 1:
        found.append(f"double: {len(pushes)} prompts on the phone")
    if payment.status in OPEN:
        found.append(f"open: {payment.status}")
    elif payment.status is Status.IN_REVIEW:
        if not (payment.suspended and any(one.paid_late for one in pushes)):
            found.append("in review")
    else:
        completed = payment.status is Status.COMPLETED and not payment.reversed
        booked = sign * payment.minor if completed else 0
        if sum(moved) != booked:
            found.append(f"unbalanced: {payment.status}, the provider moved {moved}")
    return found


def _sums(simulation: "Simulation") -> list[str]:
    books = simulation.books
    found = []
    if sum(books.posted.values()) != 0:
        found.append(f"unbalanced: entries sum to {sum(books.posted.values())}")
    at_provider = sum(cents for _, cents in [*simulation.daraja.book, *simulation.stripe.book])
    at_provider -= books.posted["provider-costs"]
    if books.posted["provider"] != at_provider:
        found.append(f"unbalanced: {books.posted['provider']} booked, {at_provider} there")
    held = [key for key, payment in books.payments.items() if payment.held]
    if any(books.payments[key].status not in (*OPEN, Status.IN_REVIEW) for key in held):
        found.append("a hold outlived its payment")
    return found


def _unfinished(simulation: "Simulation") -> list[str]:
    found = []
    for name, schema in simulation.schemas.items():
        if schema.outbox:
            found.append(f"{name}: {len(schema.outbox)} messages in the outbox")
        for row in schema.attempts.values():
            waits = row["state"] not in ("done", "review")
            if waits and row["next_check_at"] is None:
                found.append(f"stuck: {row['state']} without a next check")
            if row["lease_owner"] is not None:
                found.append(f"leased: {row['state']} by {row['lease_owner']}")
        open_notices = [
            notice
            for notice in schema.notices.values()
            if notice["handled_at"] is None and notice["attempt_id"] is not None
        ]
        if open_notices:
            found.append(f"{name}: {len(open_notices)} notices not taken in")
    if simulation.broker.lag():
        found.append(f"{simulation.broker.lag()} records not committed")
    return found
