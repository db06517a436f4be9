"""The ledger beside a chain's watcher: it books what the watcher reports."""

import json
from typing import Any

from cift_shared.messaging.messages import PaymentResult
from tests.integration.ledger.books import Books, command_row
from tests.support.watched_chain import WatchedChain


async def book(books: Books, chain: WatchedChain, *, without: frozenset[str] = frozenset()) -> None:
    """Accept the watcher's commands, then apply its results as far as the outbox has them.

    Deposits first: they pay for the withdrawals. `without` are payments whose results get lost.
    """
    for operation in ("deposit", "withdrawal"):
        for request in await _requests(chain, operation):
            await _accept(books, operation, request)
        known = {str(row["payment_id"]) for row in await books.admin.fetch(_KNOWN)}
        await books.store.apply_results(
            [
                one
                for one in await _results(chain)
                if str(one.payment_id) not in without
                and (str(one.payment_id) in known or one.kind in ("received", "charged"))
            ],
            [],
        )


_KNOWN = "select payment_id from ledger.payment"


async def _requests(chain: WatchedChain, operation: str) -> list[dict[str, Any]]:
    rows = await chain.pool.fetch(
        f"select request from {chain.schema}.attempt where operation = $1 order by created_at",
        operation,
    )
    return [_read(row["request"]) for row in rows]


def _read(request: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request) if isinstance(request, str) else request
    return found


async def _results(chain: WatchedChain) -> list[PaymentResult]:
    rows = await chain.pool.fetch(f"select body from {chain.schema}.outbox order by id")
    return [PaymentResult.model_validate_json(row["body"]) for row in rows]


async def _accept(books: Books, operation: str, request: dict[str, Any]) -> None:
    payment_id = request["payment_id"]
    if await books.admin.fetchval(f"{_KNOWN} where payment_id = $1", payment_id):
        return
    amount = request["amount"]
    row = {
        **command_row(operation, int(amount["minor"]), 0, int(amount["minor"])),
        "payment_id": payment_id,
        "currency": amount["currency"],
        "method": request["method"],
        "rail": request["method"],
        "amount_policy": "as_received" if operation == "deposit" else "exact",
    }
    await books.gateway.execute("select ledger.accept_payment($1)", row)
