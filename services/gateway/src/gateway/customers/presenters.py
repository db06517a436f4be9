"""Convert rows of balances and entries to response bodies; pure."""

from collections.abc import Mapping

from gateway.customers.responses import BalanceOut, EntryOut
from gateway.database.queries import Row
from gateway.http.opaque_ids import OpaqueIds
from gateway.http.responses import amount_text

_OF_PAYMENT = frozenset({"settlement", "resolution"})
_ENTRY_KINDS: Mapping[str, str] = {
    "dispute_withdrawn": "dispute",
    "dispute_reinstated": "dispute",
    "dispute_lost": "dispute",
    "hold_capture": "capture",
}
"""Kinds of ledger transactions that have another name in a statement."""


def balance_out(row: Row) -> BalanceOut:
    """A customer's balance; in the ledger, what we owe a customer is a credit, so negative."""
    posted, held, currency = -int(row["posted"]), int(row["held"]), row["currency"]
    return BalanceOut(
        currency=currency,
        posted=amount_text(posted, currency),
        held=amount_text(held, currency),
        available=amount_text(posted - held, currency),
    )


def entry_out(row: Row, ids: OpaqueIds) -> EntryOut:
    """A line of a statement, with the sign from the customer's view."""
    return EntryOut(
        id=ids.of("entry", row["entry_id"]),
        transaction_id=ids.of("transaction", row["tx_id"]),
        payment_id=row["payment_id"],
        kind=_entry_kind(row),
        currency=row["currency"],
        amount=amount_text(-row["amount"], row["currency"]),
        balance_after=amount_text(-row["balance_after"], row["currency"]),
        booked_at=row["created_at"],
    )


def _entry_kind(row: Row) -> str:
    """The kind of a statement line; for a payment's own postings it is the payment's type."""
    if row["kind"] in _OF_PAYMENT and row["payment_type"] is not None:
        return str(row["payment_type"])
    return _ENTRY_KINDS.get(row["kind"], row["kind"])
