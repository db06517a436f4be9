"""`cift ledger trial-balance`, `export` and `fees`: what finance asks of the books."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TextIO, TypeVar

import asyncpg
import click

from cift_shared.cli import environment
from cift_shared.clock import SystemClock
from cift_shared.errors import CiftError
from ledger.chain import Connection
from ledger.commands.books import open_books
from ledger.export import FORMATS, Period, Sums, export
from ledger.reports import FeeLine, TrialLine, fee_report, totals, trial_balance

Answer = TypeVar("Answer")

_MODE = click.option("--mode", type=click.Choice(["test", "live"]), help="Only this mode.")
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


class Moment(click.ParamType[datetime]):
    """A date (its first moment, UTC) or a time, `2026-11-01` or `2026-11-01T12:30:00+03:00`."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The moment, in UTC where no zone is named."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        except ValueError:
            self.fail(f"{value!r} is not a date or time like 2026-11-01T12:30:00Z", param, ctx)


_FROM = click.option(
    "--from", "since", type=Moment(), required=True, help="First moment that counts (UTC)."
)
_TO = click.option(
    "--to", "until", type=Moment(), required=True, help="First moment that counts no more (UTC)."
)


@click.command("trial-balance")
@click.option("--as-of", type=Moment(), help="As it was booked then; now by default.")
@click.option("--currency", help="Only this currency.")
@_MODE
@_AS_JSON
def trial_balance_command(
    as_of: datetime | None, currency: str | None, mode: str | None, as_json: bool
) -> None:
    """Show every account with its balance; exits with 1 when the columns differ."""
    lines = _run(lambda books: trial_balance(books, as_of=as_of, mode=mode, currency=currency))
    when = as_of or SystemClock().now()
    click.echo(_trial_json(lines, when) if as_json else _trial_text(lines, when))
    sys.exit(0 if all(total.balances for total in totals(lines)) else 1)


@click.command("fees")
@_FROM
@_TO
@click.option("--by", type=click.Choice(["day", "month"]), help="A line for each.")
@_AS_JSON
def fees_command(since: datetime, until: datetime, by: str | None, as_json: bool) -> None:
    """Show what was earned by method and currency, and its share of what was moved."""
    _check_period(since, until)
    lines = _run(lambda books: fee_report(books, since, until, by=by))
    click.echo(_fees_json(lines) if as_json else _fees_text(lines))


@click.command("export")
@_FROM
@_TO
@_MODE
@click.option(
    "--format", "name", type=click.Choice(list(FORMATS)), default="csv", show_default=True
)
@click.option("--output", type=click.Path(path_type=Path), help="A file; otherwise stdout.")
def export_command(
    since: datetime, until: datetime, mode: str | None, name: str, output: Path | None
) -> None:
    """Write the journal of a while; counts and control sums go to stderr at the end."""
    _check_period(since, until)
    with _destination(output) as stream:
        writer = FORMATS[name](stream)

        async def work(books: Connection) -> Sums:
            with _Progress() as progress:
                return await export(
                    books, Period(since, until, mode), writer,
                    begin=progress.begin, step=progress.step,
                )  # fmt: skip

        sums = _run(work)
    for line in sums.told():
        click.echo(line, err=True)


COMMANDS = (trial_balance_command, export_command, fees_command)


class _Progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.render_finish()

    def begin(self, transactions: int) -> None:
        if sys.stderr.isatty():
            self._bar = click.progressbar(
                length=transactions, label="transactions", file=sys.stderr,
                update_min_steps=max(1, transactions // 500),
            )  # fmt: skip

    def step(self, transactions: int) -> None:
        if self._bar is not None:
            self._bar.update(transactions)


@contextmanager
def _destination(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that is there when it is complete, and else as it was."""
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


def _run(work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    async def connected() -> Answer:
        async with open_books(environment("DATABASE_URL")) as connection:
            return await work(connection)

    try:
        return asyncio.run(connected())
    except asyncpg.PostgresError as error:
        raise CiftError(f"the books can't be read: {error}") from error


def _trial_text(lines: Sequence[TrialLine], when: datetime) -> str:
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
    table = aligned([headings, *body, *sums], texts=4)
    return "\n".join([f"trial balance as of {when.isoformat()}", *table])


def _trial_json(lines: Sequence[TrialLine], when: datetime) -> str:
    document = {
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
    return json.dumps(document, indent=2)


def _fees_text(lines: Sequence[FeeLine]) -> str:
    headings = ["mode", "method", "currency", "period", "deposits", "withdrawals", "refunds",
                "volume", "fees", "share %", "costs", "margin"]  # fmt: skip
    return "\n".join(
        aligned([headings, *(list(_fee_cells(line).values()) for line in lines)], texts=4)
    )


def _fees_json(lines: Sequence[FeeLine]) -> str:
    return json.dumps([_fee_cells(line) for line in lines], indent=2)


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


def aligned(rows: Sequence[Sequence[str]], *, texts: int) -> list[str]:
    """Rows as lines of text in columns: the first `texts` to the left, numbers to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
