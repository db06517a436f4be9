"""Bugs where the chain is read, and where bitcoin is paid out."""

from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import BITCOIN, CHAIN, SIGNER, Edit

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
    Mutant(
        "bitcoin-network-fee-lost",
        "what the network charges for a withdrawal is not reported",
        "bitcoin_paid_out",
        ("providers_hold_what_the_books_say",),
        (
            Edit(
                f"{BITCOIN}/payouts.py",
                'Settled(amount, reference, Money(version.fee, "BTC"))',
                "Settled(amount, reference)",
            ),
        ),
    ),
    Mutant(
        "bitcoin-raised-from-other-coins",
        "a withdrawal's second transaction spends other coins, and the signer does not compare",
        "bitcoin_left_out",
        ("movements_are_ours", "one_effect_a_command"),
        (
            Edit(
                f"{BITCOIN}/payouts.py",
                "Replaced(latest, await self._store.inputs(latest.txid))",
                "Replaced(latest, ())",
            ),
            Edit(
                f"{SIGNER}/policy.py",
                "    if not first.inputs <= {one.reference for one in request.inputs}:\n"
                '        return "independent_version"\n',
                "",
            ),
            Edit(f"{SIGNER}/policy.py", "    first = history.versions[0]\n", ""),
        ),
    ),
)
