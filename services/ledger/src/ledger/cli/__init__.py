"""The ledger's commands of `cift`: an index; each command is imported when it runs."""

import click

from cift_shared.cli import Lazy, LazyGroup

_LEDGER = (
    Lazy("assign", "ledger.cli.operator:assign", "Name the owner of unclaimed money."),
    Lazy("correct", "ledger.cli.operator:correct", "Undo a posting without a payment."),
    Lazy("export", "ledger.cli.reports:export_command", "Write the journal of a period."),
    Lazy("export-log", "ledger.cli.chain:export_log_command", "Write the log of all inputs."),
    Lazy("fees", "ledger.cli.reports:fees_command", "Show fees by method and currency."),
    Lazy("hold", "ledger.cli.operator:hold", "Hold money of a customer; end a hold."),
    Lazy("rebuild", "ledger.cli.chain:rebuild", "Rebuild a ledger from a log."),
    Lazy("rebuild-verify", "ledger.cli.chain:rebuild_verify", "Rebuild the ledger, compare."),
    Lazy("resolve", "ledger.cli.operator:resolve", "End a payment in review."),
    Lazy("review", "ledger.cli.operator:review", "List payments in review."),
    Lazy("trial-balance", "ledger.cli.reports:trial_balance_command", "Show every account."),
    Lazy("verify-books", "ledger.cli.verify_books:verify_books", "Check every invariant."),
    Lazy("verify-chain", "ledger.cli.chain:verify_chain", "Recompute the hash chain."),
)


@click.group(cls=LazyGroup, index=lambda: _LEDGER)
def ledger() -> None:
    """The ledger: check, read, decide."""


INDEX = (
    Lazy("check", "ledger.cli.payments:check", "Show the state of one payment."),
    Lazy("ledger", "ledger.cli:ledger", "The ledger: check, read, decide."),
    Lazy("reconcile", "ledger.cli.reconcile:reconcile", "Compare statements with the ledger."),
    Lazy("stuck", "ledger.cli.payments:stuck", "List payments overdue or in review."),
    Lazy("verify-books", "ledger.cli.verify_books:verify_books", "Check every invariant."),
)
"""The entry point `cift.commands`."""
