"""Compare ledger provider balances with the twin's records; they must agree at the end."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import httpx

from cift_local.stack import Stack
from cift_shared.rails.local import Step, TwinBook, local_rails, local_twins

_HELD = """
select account.code, sum(balance.posted) as posted, currency.exponent
  from ledger.balance
  join ledger.account using (account_id)
  join ledger.currency on currency.code = account.currency
 where account.code like 'provider:%'
 group by account.code, currency.exponent
"""
Held = Mapping[str, Decimal]
"""Balances at the providers that are not zero: an amount by rail and currency (`<rail> KES`)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The result of the comparison."""

    ours: Held
    """Our balances at the providers, by our ledger."""
    theirs: Held
    """Our balances at the providers, by the twin's own book."""
    unexpected: list[str]
    """Movements that no payment requested, and requested movements that are missing."""

    @property
    def good(self) -> bool:
        """True when the balances agree and no movement is missing or unexpected."""
        return self.ours == self.theirs and not self.unexpected


async def provider_book(stack: Stack) -> list[dict[str, Any]]:
    """Return every movement in the twins' own books."""
    entries: list[dict[str, Any]] = []
    async with httpx.AsyncClient() as http:
        for twin in local_twins():
            reply = await http.get(stack.url(twin.name) + "/control/book")
            reply.raise_for_status()
            entries += reply.json()["entries"]
    return entries


async def compare(
    stack: Stack, steps: Sequence[Step], *, before: Sequence[Mapping[str, Any]] = ()
) -> Agreement:
    """Compare our ledger with the twins' books; `before`: their entries before the steps."""
    entries = await provider_book(stack)
    known = {(entry["provider"], entry["receipt"]) for entry in before}
    moved = sorted(
        f"{entry['kind']} {Decimal(entry['amount']):f} {entry['currency']}"
        for entry in entries
        if (entry["provider"], entry["receipt"]) not in known
    )
    asked = sorted(movement for step in steps for movement in step.moved)
    ours = await held_by_our_ledger(stack)
    return Agreement(ours, held_by_the_books(entries), _difference(moved, asked))


async def held_by_our_ledger(stack: Stack) -> Held:
    """Return our balance at each provider by our ledger."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        rows = await connection.fetch(_HELD)
    finally:
        await connection.close()
    held = {}
    for row in rows:
        _, rail, currency = row["code"].split(":")
        held[f"{rail} {currency}"] = Decimal(row["posted"]).scaleb(-row["exponent"])
    return _not_zero(held)


def held_by_the_books(entries: Iterable[Mapping[str, Any]]) -> Held:
    """Return our balance at each provider by the twin's own book."""
    books = {rail.book.provider: (name, rail.book) for name, rail in local_rails().items()}
    held: dict[str, Decimal] = {}
    for entry in entries:
        rail, book = books[entry["provider"]]
        name = f"{rail} {entry['currency']}"
        held[name] = held.get(name, Decimal(0)) + _signed(entry, book).scaleb(-book.places)
    return _not_zero(held)


def _not_zero(held: Held) -> Held:
    return {name: amount for name, amount in held.items() if amount}


def _signed(entry: Mapping[str, Any], book: TwinBook) -> Decimal:
    sign = 1 if entry["kind"] in book.arriving else -1
    return sign * Decimal(entry["amount"]) - Decimal(entry["fee"])


def _difference(moved: list[str], asked: list[str]) -> list[str]:
    left = list(asked)
    extra = []
    for movement in moved:
        if movement in left:
            left.remove(movement)
        else:
            extra.append(f"moved unasked: {movement}")
    return extra + [f"never moved: {movement}" for movement in left]


def told(held: Held) -> str:
    """The balances as text: `KES 577.60 at <rail>, USD 151.00 at <rail>`."""
    words = (name.split() for name in sorted(held))
    return ", ".join(f"{currency} {held[f'{m} {currency}']:f} at {m}" for m, currency in words)
