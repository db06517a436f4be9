"""An independent look: the provider's own book against what our API and our ledger say."""

from collections import Counter
from typing import Any

import httpx

from cift_local.accounts import ledger_balances, provider_book, twin_balances
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
    assert await ledger_balances(stack) == twin_balances(entries)
    stack.cift("verify-books")


async def check_nothing_sent_twice(stack: Stack) -> None:
    """The twin saw every push, and every payout key, once at most."""
    async with httpx.AsyncClient(base_url=stack.url("provider-sandbox")) as http:
        twice = (await http.get("/control/requests", params={"at_least": 2})).json()
    pushes = twice.get("daraja.stk", {"by_callback_url": {}})  # none at all may have arrived
    assert pushes["by_callback_url"] == {}
