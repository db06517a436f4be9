"""Bugs where the chain is read."""

from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import BITCOIN, CHAIN, Edit

MUTANTS = (
    Mutant(
        "bitcoin-reorg-edited",
        "credited money that a reorganisation takes back is only marked, and no reversal is posted",
        "bitcoin_gone_for_good",
        ("providers_hold_what_the_books_say",),
        (
            Edit(
                f"{CHAIN}/credits.py",
                "            await self._store(connection, result)\n        log.error(",
                "        log.error(",
            ),
        ),
    ),
    Mutant(
        "bitcoin-float-amount",
        "an amount is computed in bitcoin as a rounded float",
        "bitcoin_odd_amount",
        ("completed_has_moved", "providers_hold_what_the_books_say"),
        (
            Edit(
                f"{BITCOIN}/scanner.py",
                "    return satoshi\n",
                "    return round(round(satoshi / 10**8, 7) * 10**8)\n",
            ),
        ),
    ),
)
