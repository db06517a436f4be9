"""Bugs where the chain is read, and where bitcoin is paid out."""

from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import BITCOIN, CHAIN, LEDGER, SHARED, SIGNER, Edit

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
        "bitcoin-credited-before-depth",
        "a deposit is credited with its first confirmation",
        "bitcoin_not_deep_yet",
        ("completed_is_deep",),
        (
            Edit(
                f"{BITCOIN}/domain.py",
                "needed = self.confirmations_for(total)",
                "needed = 1",
            ),
        ),
    ),
    Mutant(
        "bitcoin-price-rounded-down",
        "who pays a price in dollars is told a satoshi less than it is worth",
        "bitcoin_priced",
        ("prices_are_fair",),
        (
            Edit(
                f"{SHARED}/money/exchange.py",
                "math.ceil(quoted.minor / rate.exact(one))",
                "math.floor(quoted.minor / rate.exact(one))",
            ),
        ),
    ),
    Mutant(
        "bitcoin-priced-at-another-rate",
        "what is paid for a price in dollars is credited at twice the rate",
        "bitcoin_priced",
        ("completed_has_moved", "settlements_follow_the_book"),
        (
            Edit(
                f"{SHARED}/money/exchange.py",
                "return floor if self.at_most is None else min(floor, self.at_most)",
                "return Money(floor.minor * 2, floor.currency)",
            ),
            Edit(
                f"{LEDGER}/functions/exchanged/exchanged_worth.sql",
                "    select sum(least(\n        floor(worth(",
                "    select sum(coalesce(\n        2 * floor(worth(",
            ),
        ),
    ),
    Mutant(
        "bitcoin-cap-ignored",
        "the signer signs a withdrawal of any amount",
        "bitcoin_above_cap",
        ("withdrawals_stay_within_caps",),
        (
            Edit(
                f"{SIGNER}/policy.py",
                '    if asked.satoshi > limits.transaction_max:\n        return "above_cap"\n',
                "",
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
                'Settled(amount, reference, Money(fee, "BTC"))',
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
