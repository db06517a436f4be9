"""Compare ledger provider balances with the twin's records; they must agree at the end."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import httpx

from cift_local.stack import Stack
from cift_shared.rails.local import Step, TwinBook, local_rails, local_twins

LEDGER_BALANCES = """
select account.code, sum(balance.posted) as posted, currency.exponent
  from ledger.balance
  join ledger.account using (account_id)
  join ledger.currency on currency.code = account.currency
 where account.code like 'provider:%'
 group by account.code, currency.exponent
"""
Balances = Mapping[str, Decimal]
"""Balances at the providers that are not zero: an amount by rail and currency (`<rail> KES`)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The result of the comparison."""

    ours: Balances
    """Our balances at the providers, from our ledger."""
    theirs: Balances
    """Our balances at the providers, from the twins' records."""
    unexpected: list[str]
    """Movements that no payment requested, and requested movements that are missing."""

    @property
    def good(self) -> bool:
        """True when the balances agree and no movement is missing or unexpected."""
        return self.ours == self.theirs and not self.unexpected


async def provider_book(stack: Stack) -> list[dict[str, Any]]:
    """Return every movement in the twins' records."""
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
    """Compare our ledger with the twins' records; `before`: their entries before the steps."""
    entries = await provider_book(stack)
    known = {(entry["provider"], entry["receipt"]) for entry in before}
    moved = sorted(
        f"{entry['kind']} {Decimal(entry['amount']):f} {entry['currency']}"
        for entry in entries
        if (entry["provider"], entry["receipt"]) not in known
    )
    requested = sorted(movement for step in steps for movement in step.moved)
    ours = await ledger_balances(stack)
    return Agreement(ours, twin_balances(entries), _difference(moved, requested))


async def ledger_balances(stack: Stack) -> Balances:
    """Return our balance at each provider, from our ledger."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        rows = await connection.fetch(LEDGER_BALANCES)
    finally:
        await connection.close()
    return balances_of([dict(row) for row in rows])


def balances_of(rows: Iterable[Mapping[str, Any]]) -> Balances:
    """Return our balance at each provider, from the rows of `LEDGER_BALANCES`."""
    balances = {}
    for row in rows:
        _, rail, currency = row["code"].split(":")
        balances[f"{rail} {currency}"] = Decimal(row["posted"]).scaleb(-row["exponent"])
    return _not_zero(balances)


def twin_balances(entries: Iterable[Mapping[str, Any]]) -> Balances:
    """Return our balance at each provider, from the entries in the twins' records."""
    books = {rail.book.provider: (name, rail.book) for name, rail in local_rails().items()}
    balances: dict[str, Decimal] = {}
    for entry in entries:
        rail, book = books[entry["provider"]]
        for currency, amount in _changes(entry, book):
            name = f"{rail} {currency}"
            moved = amount.scaleb(-book.places_of(currency))
            balances[name] = balances.get(name, Decimal(0)) + moved
    return _not_zero(balances)


def _not_zero(balances: Balances) -> Balances:
    return {name: amount for name, amount in balances.items() if amount}


def _changes(entry: Mapping[str, Any], book: TwinBook) -> list[tuple[str, Decimal]]:
    """What an entry adds to balances; its fee may be in another currency."""
    sign = 1 if entry["kind"] in book.incoming else -1
    fee_currency = entry["provider_ids"].get("fee_currency") or entry["currency"]
    paid = (entry["currency"], sign * Decimal(entry["amount"]))
    return [paid, (fee_currency, -Decimal(entry["fee"]))]


def _difference(moved: list[str], requested: list[str]) -> list[str]:
    missing = list(requested)
    unexpected = []
    for movement in moved:
        if movement in missing:
            missing.remove(movement)
        else:
            unexpected.append(f"moved without a request: {movement}")
    return unexpected + [f"requested but not moved: {movement}" for movement in missing]


def balances_text(balances: Balances) -> str:
    """Return the balances as text: `KES 577.60 at <rail>, USD 151.00 at <rail>`."""
    pairs = (name.split() for name in sorted(balances))
    return ", ".join(
        f"{currency} {balances[f'{rail} {currency}']:f} at {rail}" for rail, currency in pairs
    )
