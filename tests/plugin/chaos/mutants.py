"""`python -m tests.plugin.chaos.mutants [name ...]`: bugs that only the plugin's rails show."""

import sys
from collections.abc import Sequence

from tests.chaos.mutants import __main__ as mutants
from tests.chaos.mutants.mutant import Mutant, Suite
from tests.chaos.mutants.source import LEDGER, SHARED, Edit
from tests.plugin.chaos.installation import SITE, variables

AFTERMATH, ATTEMPTS = f"{LEDGER}/functions/post_settlement", f"{SHARED}/attempts"

MUTANTS = (
    Mutant(
        "reinstated-twice",
        "a reinstatement that the provider reports again is credited again",
        "reversed_in_parts",
        ("providers_hold_what_the_books_say",),
        (
            Edit(
                f"{AFTERMATH}/reinstate_payment.sql",
                "    if conflict is null and exists (\n",
                "    if false and exists (\n",
            ),
            Edit(
                f"{AFTERMATH}/reinstate_payment.sql",
                "'reinstatement', reversal.ref, p_payment.payment_id",
                "'reinstatement', reversal.ref || ':' || place, p_payment.payment_id",
            ),
        ),
    ),
    Mutant(
        "second-part-lost",
        "a second reversal of a payment is taken for the first one",
        "reversed_in_parts",
        ("providers_hold_what_the_books_say",),
        (
            Edit(
                f"{AFTERMATH}/reversal_named.sql",
                "      and (tx.ref = p_payment.payment_id || ':' || p_reference\n",
                "      and (tx.ref like p_payment.payment_id || ':%'\n",
            ),
        ),
    ),
    Mutant(
        "reversed-not-counted",
        "a reversal is posted, and the payment does not show it",
        "reversed_in_parts",
        ("reversed_is_what_was_posted",),
        (
            Edit(
                f"{AFTERMATH}/count_reversed.sql",
                "set reversed_minor = reversed_minor + p_minor, version",
                "set reversed_minor = reversed_minor, version",
            ),
        ),
    ),
    Mutant(
        "cancel-believed",
        "a canceled payout is paid back although the provider says that it has paid",
        "canceled_too_late",
        ("movements_are_known",),
        (
            Edit(
                f"{ATTEMPTS}/cancellation.py",
                "    if isinstance(answer.outcome, Submitted):\n",
                "    if isinstance(answer.outcome, Settled):\n"
                "        answer = replace(answer, outcome=Canceled())\n"
                "    if isinstance(answer.outcome, Submitted):\n",
            ),
        ),
    ),
    Mutant(
        "sent-counts-as-unsent",
        "a payout that may have been sent is canceled without asking the provider",
        "canceled_while_sending",
        ("movements_are_known",),
        (
            Edit(
                f"{ATTEMPTS}/engine.py",
                "        if cancels and not claim.maybe_sent:\n",
                "        if cancels:\n",
            ),
        ),
    ),
)


def main(names: Sequence[str]) -> int:
    """Run the mutants of these names, or all; answers the exit status."""
    with variables() as env:
        suite = Suite(MUTANTS, "tests.plugin.chaos.scenarios", path=[str(SITE)], env=env)
        return mutants.main(names, suite)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
