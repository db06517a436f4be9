"""An independent look: the provider's own book against what our API and our ledger say."""

from collections import Counter
from decimal import Decimal
from typing import Any

import asyncpg
import httpx

from cift_local.accounts import provider_book
from cift_local.stack import Stack


async def check_books(stack: Stack, payments: list[dict[str, Any]]) -> None:
    """Every completed payment moved money once, nothing else moved, and the sums agree."""
    entries = await provider_book(stack)
    receipts = Counter(entry["receipt"] for entry in entries)
    completed = [payment for payment in payments if payment["status"] == "completed"]
    assert max(receipts.values(), default=1) == 1
    known = Counter(p["provider_reference"] for p in completed if p["provider_reference"])
    assert max(known.values(), default=1) == 1
    assert set(known) <= set(receipts)
    assert len(entries) == len(completed), (entries, payments)
    assert await ledger_says(stack) == sum((signed(entry) for entry in entries), Decimal(0))
    stack.cift("verify-books")


async def ledger_says(stack: Stack) -> Decimal:
    """What the provider holds for us, by our ledger, in shillings."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        posted = await connection.fetchval(
            "select coalesce(sum(posted), 0) from ledger.balance join ledger.account "
            "using (account_id) where code = 'provider:mpesa:KES'"
        )
    finally:
        await connection.close()
    return Decimal(posted) / 100


def signed(entry: dict[str, Any]) -> Decimal:
    amount = Decimal(entry["amount"]) * (1 if entry["kind"] == "stk" else -1)
    return amount - Decimal(entry["fee"])


async def check_nothing_sent_twice(stack: Stack) -> None:
    """The twin saw every push, and every payout key, once at most."""
    async with httpx.AsyncClient(base_url=stack.url("provider-sandbox")) as http:
        twice = (await http.get("/control/requests", params={"at_least": 2})).json()
    assert not twice.get("daraja.stk", {}).get("by_callback_url"), twice
