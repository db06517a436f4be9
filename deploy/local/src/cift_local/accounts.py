"""Our books against the providers': the figures that must agree when everything is done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import httpx

from cift_local.stack import Stack
from cift_local.step import Step

_HELD = """
select account.code, sum(balance.posted) as posted, currency.exponent
  from ledger.balance
  join ledger.account using (account_id)
  join ledger.currency on currency.code = account.currency
 where account.code like 'provider:%'
 group by account.code, currency.exponent
"""
_CODES = {"daraja": "mpesa", "stripe": "card"}
"""Our name of the method behind a provider's book."""
_PLACES = {"daraja": 0, "stripe": 2}
"""Daraja counts whole shillings, Stripe cents."""
_ARRIVING = {"stk", "charge", "refund_failed", "dispute_reinstated"}
Held = Mapping[str, Decimal]
"""What providers hold for us, where it is not zero: `mpesa KES` to an amount."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the books say."""

    ours: Held
    """What providers hold for us by our ledger."""
    theirs: Held
    """The same by their own books."""
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


async def compare(stack: Stack, steps: Sequence[Step], *, since: int) -> Agreement:
    """Holds our ledger against the providers' books; `since`: entries there before the steps."""
    entries = await provider_book(stack)
    moved = sorted(
        f"{entry['kind']} {Decimal(entry['amount']):f} {entry['currency']}"
        for entry in entries[since:]
    )
    asked = sorted(movement for step in steps for movement in step.moved)
    ours = await held_by_our_ledger(stack)
    return Agreement(ours, held_by_the_books(entries), _difference(moved, asked))


async def held_by_our_ledger(stack: Stack) -> Held:
    """Answers what each provider holds for us by our ledger."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        rows = await connection.fetch(_HELD)
    finally:
        await connection.close()
    held = {}
    for row in rows:
        _, method, currency = row["code"].split(":")
        held[f"{method} {currency}"] = Decimal(row["posted"]).scaleb(-row["exponent"])
    return _not_zero(held)


def held_by_the_books(entries: Iterable[Mapping[str, Any]]) -> Held:
    """Answers what each provider holds for us by its own book."""
    held: dict[str, Decimal] = {}
    for entry in entries:
        provider, currency = entry["provider"], entry["currency"]
        name = f"{_CODES[provider]} {currency}"
        held[name] = held.get(name, Decimal(0)) + _signed(entry).scaleb(-_PLACES[provider])
    return _not_zero(held)


def _not_zero(held: Held) -> Held:
    return {name: amount for name, amount in held.items() if amount}


def _signed(entry: Mapping[str, Any]) -> Decimal:
    sign = 1 if entry["kind"] in _ARRIVING else -1
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
    """The figures as text: `KES 577.60 at mpesa, USD 151.00 at card`."""
    words = (name.split() for name in sorted(held))
    return ", ".join(f"{currency} {held[f'{m} {currency}']:f} at {m}" for m, currency in words)
