"""Our books against the provider's: the figures that must agree when everything is done."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import httpx

from cift_local.scenario import Step
from cift_local.stack import Stack

_PROVIDER_BALANCE = """
select coalesce(sum(balance.posted), 0)
  from ledger.balance join ledger.account using (account_id)
 where account.code = 'provider:mpesa:KES'
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the two books say."""

    ours: Decimal
    """Whole shillings that our ledger says the provider holds for us."""
    theirs: Decimal
    """The same by the provider's own book."""
    unexpected: list[str]
    """Movements that no payment asked for, and payments that moved nothing."""

    @property
    def good(self) -> bool:
        """True when nothing is missing and nothing is too much."""
        return self.ours == self.theirs and not self.unexpected


async def provider_book(stack: Stack) -> list[dict[str, Any]]:
    """Answers every movement in the twin's own book."""
    async with httpx.AsyncClient() as http:
        reply = await http.get(stack.url("provider-sandbox") + "/control/book")
    reply.raise_for_status()
    entries: list[dict[str, Any]] = reply.json()["entries"]
    return entries


async def compare(stack: Stack, steps: list[Step], *, since: int) -> Agreement:
    """Holds our ledger against the provider's book; `since`: entries there before the steps."""
    entries = await provider_book(stack)
    moved = sorted(f"{entry['kind']} {Decimal(entry['amount']):f}" for entry in entries[since:])
    asked = sorted(f"{kind} {amount}" for step in steps for kind, amount in step.moved)
    ours = await held_by_our_ledger(stack)
    return Agreement(ours, held_by_the_book(entries), _difference(moved, asked))


async def held_by_our_ledger(stack: Stack) -> Decimal:
    """Answers what the provider holds for us by our ledger, in shillings."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        posted = await connection.fetchval(_PROVIDER_BALANCE)
    finally:
        await connection.close()
    return Decimal(posted) / 100


def held_by_the_book(entries: list[dict[str, Any]]) -> Decimal:
    """Answers what the provider holds for us by its own book, in shillings."""
    return sum((_signed(entry) for entry in entries), Decimal(0))


def _signed(entry: dict[str, Any]) -> Decimal:
    amount = Decimal(entry["amount"]) * (1 if entry["kind"] == "stk" else -1)
    return amount - Decimal(entry["fee"])


def _difference(moved: list[str], asked: list[str]) -> list[str]:
    left = list(asked)
    extra = []
    for movement in moved:
        if movement in left:
            left.remove(movement)
        else:
            extra.append(f"moved unasked: {movement}")
    return extra + [f"never moved: {movement}" for movement in left]
