"""`cift ledger ...`: what operators ask of the books, by hand; needs DATABASE_URL."""

import click

from ledger.commands import chain, reports
from ledger.commands.books import verify_books
from ledger.commands.operator import correct, hold, resolve, review

COMMANDS = (verify_books, *chain.COMMANDS, *reports.COMMANDS, review, resolve, correct, hold)


@click.group()
def ledger() -> None:
    """The books: check, read, decide."""


for command in COMMANDS:
    ledger.add_command(command)

__all__ = ["ledger"]
