"""Every bug, each of a kind that somebody has made before."""

from tests.chaos.mutants import delivery_bugs, ledger_bugs, worker_bugs

MUTANTS = (*delivery_bugs.MUTANTS, *worker_bugs.MUTANTS, *ledger_bugs.MUTANTS)
