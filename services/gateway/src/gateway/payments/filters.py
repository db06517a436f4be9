"""The filters of the list of payments, and the index that each of them uses.

- `customer_id`: payment_by_customer. `parent`: payment_refunds. `metadata`: payment_by_metadata.
- `type=refund`: payment_refunds_by_merchant.
- `provider_reference`: the key of ledger.receipt; a payment has a reference only once it settled.
- a status that is not final: ledger.unfinished, which contains only the unfinished payments.
- everything else: payment_by_merchant, read from the newest payment until the page is full.
"""

from collections.abc import Mapping
from typing import Any

from gateway.database.receipts import BY_RECEIPT, by_receipt
from gateway.http.cursors import TimeCursor
from gateway.http.paging import Window, list_statement
from gateway.payments.requests import PaymentsQuery
from gateway.payments.statuses import FINAL_STATUSES

_CONDITIONS: Mapping[str, str] = {
    "customer_id": "customer_id = {}",
    "status": "status = {}",
    "unfinished_status": "status = {} and payment_id in (select payment_id from ledger.unfinished)",
    "method": "method = {}",
    "type": "type = {}",
    "refund": "type = 'refund'",
    "parent": "parent_payment_id = {}",
    "provider_reference": f"payment_id in ({BY_RECEIPT})",
    # '{}' is an empty JSON object, no argument: the partial index contains no empty metadata
    "metadata": "metadata @> {}::jsonb and metadata <> '{}'::jsonb",
    "created_after": "created_at > {}",
    "created_before": "created_at < {}",
    "cursor": "(created_at, payment_id) {beyond} ({}, {})",
}
NO_ARGUMENT: tuple[()] = ()


def payments_statement(
    statement: str, query: PaymentsQuery, requested: Window[TimeCursor]
) -> tuple[str, list[Any]]:
    """The SQL statement for a page of payments with its filters, and its arguments from $4 on."""
    given: dict[str, Any] = dict(query)
    given["cursor"] = requested.cursor and requested.cursor.place
    given["provider_reference"] = by_receipt(query.provider_reference)
    if query.status is not None and query.status not in FINAL_STATUSES:
        given["unfinished_status"] = given.pop("status")
    if query.type == "refund":  # as a literal, so that the planner can use the partial index
        given["refund"] = NO_ARGUMENT
        del given["type"]
    return list_statement(statement, requested, _CONDITIONS, given, first=4)
