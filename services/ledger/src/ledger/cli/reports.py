"""`cift ledger trial-balance`, `export` and `fees`: the reports for finance."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import click

from cift_shared.cli import Exit, Moment, Output, Table, command, environment, progress
from cift_shared.clock import SystemClock
from cift_shared.errors import CiftError
from ledger.cli.session import open_ledger
from ledger.reports.export import FORMATS, Period, export
from ledger.reports.summaries import (
    FeeLine,
    TrialLine,
    fee_report,
    totals,
    trial_balance,
)

_MODE = click.option("--mode", type=click.Choice(["test", "live"]), help="Only this mode.")


_FROM = click.option(
    "--from", "since", type=Moment(), required=True, help="Start of the period, included (UTC)."
)
_TO = click.option(
    "--to", "until", type=Moment(), required=True, help="End of the period, not included (UTC)."
)


@command("trial-balance")
@click.option("--as-of", type=Moment(), help="Balances as booked by this time; default: now.")
@click.option("--currency", help="Only this currency.")
@_MODE
async def trial_balance_command(
    as_of: datetime | None, currency: str | None, mode: str | None
) -> Output:
    """Show every account with its balance; exits with 1 when the columns differ."""
    async with open_ledger(environment("DATABASE_URL")) as connection:
        lines = await trial_balance(connection, as_of=as_of, mode=mode, currency=currency)
    when = as_of or SystemClock().now()
    balances = all(total.balances for total in totals(lines))
    return Output(
        _trial_facts(lines, when),
        [f"trial balance as of {when.isoformat()}", _trial_table(lines)],
        [line.account for line in lines],
        Exit.OK if balances else Exit.FINDING,
    )


@command("fees")
@_FROM
@_TO
@click.option("--by", type=click.Choice(["day", "month"]), help="One line per day or month.")
async def fees_command(since: datetime, until: datetime, by: str | None) -> Output:
    """Show the fees earned by method and currency, and their share of the volume."""
    _check_period(since, until)
    async with open_ledger(environment("DATABASE_URL")) as connection:
        lines = await fee_report(connection, since, until, by=by)
    cells = [_fee_cells(line) for line in lines]
    names = [" ".join((line["method"], line["currency"], line["period"])).strip() for line in cells]
    return Output(cells, [_fee_table(cells)], names)


@command("export")
@_FROM
@_TO
@_MODE
@click.option(
    "--format", "name", type=click.Choice(list(FORMATS)), default="csv", show_default=True
)
@click.option("--output", type=click.Path(path_type=Path), help="A file; otherwise stdout.")
async def export_command(
    since: datetime, until: datetime, mode: str | None, name: str, output: Path | None
) -> Output:
    """Write the journal of a period; counts and control sums go to stderr at the end."""
    _check_period(since, until)
    period = Period(since, until, mode)
    with _destination(output) as stream, progress("transactions") as bar:
        writer = FORMATS[name](stream)
        async with open_ledger(environment("DATABASE_URL")) as connection:
            sums = await export(connection, period, writer, begin=bar.begin, step=bar.step)
    return Output(sums.facts(), sums.lines(), to_stderr=True)


@contextmanager
def _destination(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that is replaced only when the new one is complete."""
    if output is None:
        yield sys.stdout
        return
    partial = output.with_name(f"{output.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        partial.replace(output)
    except OSError as error:
        raise CiftError(f"{output}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _check_period(since: datetime, until: datetime) -> None:
    if since >= until:
        raise click.UsageError("--from must be before --to")


def _trial_table(lines: Sequence[TrialLine]) -> Table:
    body = [
        [line.mode, line.debit.currency, line.account_class, line.account, str(line.accounts),
         line.debit.text if line.debit.minor else "", line.credit.text if line.credit.minor else ""]
        for line in lines
    ]  # fmt: skip
    sums = [
        [total.mode, total.debit.currency, "", "total", "", total.debit.text, total.credit.text]
        for total in totals(lines)
    ]
    headings = ["mode", "currency", "class", "account", "accounts", "debit", "credit"]
    return Table(headings, [*body, *sums], numbers=(4, 5, 6))


def _trial_facts(lines: Sequence[TrialLine], when: datetime) -> dict[str, Any]:
    return {
        "as_of": when.isoformat(),
        "accounts": [
            {
                "mode": line.mode,
                "currency": line.debit.currency,
                "class": line.account_class,
                "account": line.account,
                "accounts": line.accounts,
                "debit": line.debit.text,
                "credit": line.credit.text,
            }
            for line in lines
        ],
        "totals": [
            {
                "mode": total.mode,
                "currency": total.debit.currency,
                "debit": total.debit.text,
                "credit": total.credit.text,
                "balances": total.balances,
            }
            for total in totals(lines)
        ],
    }


def _fee_table(cells: Sequence[dict[str, str]]) -> Table:
    headings = ["mode", "method", "currency", "period", "deposits", "withdrawals", "refunds",
                "volume", "fees", "share %", "costs", "margin"]  # fmt: skip
    return Table(headings, [list(line.values()) for line in cells], numbers=range(4, 12))


def _fee_cells(line: FeeLine) -> dict[str, str]:
    share = line.share_percent
    return {
        "mode": line.mode,
        "method": line.method,
        "currency": line.volume.currency,
        "period": line.period.isoformat() if line.period else "",
        "deposits": line.deposits.text,
        "withdrawals": line.withdrawals.text,
        "refunds": line.refunds.text,
        "volume": line.volume.text,
        "fees": line.revenue.text,
        "share_percent": "" if share is None else str(share),
        "costs": line.costs.text,
        "margin": line.margin.text,
    }
