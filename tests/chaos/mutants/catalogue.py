"""Every bug, each of a kind that somebody has made before."""

from tests.chaos.mutants import (
    bitcoin_bugs,
    delivery_bugs,
    ethereum_bugs,
    ledger_bugs,
    momo_bugs,
    paypal_bugs,
    scenarios,
    tanzania_bugs,
    worker_bugs,
)
from tests.chaos.mutants.mutant import Suite

MUTANTS = (
    *delivery_bugs.MUTANTS,
    *worker_bugs.MUTANTS,
    *ledger_bugs.MUTANTS,
    *tanzania_bugs.MUTANTS,
    *momo_bugs.MUTANTS,
    *paypal_bugs.MUTANTS,
    *bitcoin_bugs.MUTANTS,
    *ethereum_bugs.MUTANTS,
)

SUITE = Suite(MUTANTS, scenarios.__name__, frozenset(scenarios.WITH_TWO))
"""The bugs of `make chaos-mutants`."""
