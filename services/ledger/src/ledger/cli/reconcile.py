"""`cift reconcile ...`: compare providers' statements with the ledger, and handle differences."""

import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import httpx

from cift_shared.cli import Command, Exit, Output, WrongInput, command, progress
from cift_shared.clock import SystemClock
from cift_shared.errors import CiftError
from cift_shared.rails.registry import rail_named
from cift_shared.rails.statements import StatementFormat, statement_format
from ledger.cli.differences import discrepancy_facts, discrepancy_line, facts, report_lines
from ledger.cli.session import run, signed
from ledger.reconciliation import store
from ledger.reconciliation.store import ReconciliationRequest

_DAY = click.DateTime(["%Y-%m-%d"])
_FETCH_TIMEOUT_S = 60


def _login() -> str:
    """The name of the user who runs this; `unknown` when a container has no name for its user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


@click.group("reconcile")
def reconcile() -> None:
    """Compare providers' statements with the ledger; each difference has an owner and an age."""


def _statement_command(method: str) -> click.Command:
    """The command that reconciles statements of a method."""

    @command(method, help=f"Compare a statement of {method} with the ledger.")
    @click.option("--statement", "source", help="A file, a URL, or - for standard input.")
    @click.option("--pulled", is_flag=True, help="Instead of a statement: the incoming payments "
                  "that the worker has read at the provider. Posts nothing.")  # fmt: skip
    @click.option("--from", "first", type=_DAY, help="First day; default: the first line's.")
    @click.option("--to", "last", type=_DAY, help="Last day, included; default: the last line's.")
    @click.option("--mode", type=click.Choice(["test", "live"]), default="test", envvar="CIFT_MODE",
                  show_default=True)  # fmt: skip
    @click.option("--currency", help="Default: the method's, where it has one.")
    @click.option("--in-transit-minutes", type=click.IntRange(0, 1440), default=15,
                  show_default=True, help="So near to the end nothing is missing.")  # fmt: skip
    @click.option("--operator", default=_login, help="Owns new differences; default: you.")
    @click.option("--dry-run", is_flag=True, help="Compare only: store and post nothing.")
    async def compare_statement(
        source: str | None, pulled: bool, dry_run: bool, **given: Any
    ) -> Output:
        if (source is None) is not pulled:
            raise click.UsageError("either --statement or --pulled")
        form = statement_format(method)
        with progress(f"statement of {method}"):
            report = await (
                _reconcile_records(method, form, given)
                if source is None
                else _reconcile_statement(method, form, source, given, dry_run=dry_run)
            )
        return Output(
            facts(report),
            list(report_lines(report, form.timezone)),
            [group.names[0] for group in report.differing],
            Exit.FINDING if report.has_drift else Exit.OK,
        )

    return compare_statement


async def _reconcile_statement(
    method: str, form: StatementFormat, source: str, given: dict[str, Any], *, dry_run: bool
) -> store.Report:
    content = _content(source)
    try:
        times = [line.at for line in form.read(content).lines]
    except CiftError as error:
        raise WrongInput(str(error)) from error
    request = _request(method, form, times, given)
    return await run(
        lambda session: store.reconcile_statement(session, request, content, form, dry_run=dry_run)
    )


async def _reconcile_records(
    method: str, form: StatementFormat, given: dict[str, Any]
) -> store.Report:
    """Reconcile the worker's records, of yesterday and today unless days are given."""
    now = SystemClock().now()
    request = _request(method, form, [now - timedelta(days=1), now], given)
    return await run(lambda session: store.compare_records(session, request, form))


for _point in entry_points(group="cift.statements"):
    reconcile.add_command(_statement_command(_point.name))


@reconcile.command("list", cls=Command)
@click.option("--closed", is_flag=True, help="Include closed ones.")
async def list_discrepancies(closed: bool) -> Output:
    """List differences, the oldest first."""
    found = await run(lambda session: store.discrepancies(session, closed=closed))
    now = SystemClock().now()
    return Output(
        [discrepancy_facts(one, now) for one in found],
        [
            *(discrepancy_line(one, now) for one in found),
            f"{len(found)} {'in all' if closed else 'open or explained'}",
        ],
        [str(one.discrepancy_id) for one in found],
    )


@reconcile.command("assign", cls=Command)
@click.argument("discrepancy_id", type=click.IntRange(min=1))
@click.option("--to", "owner", required=True, help="The new owner.")
@signed
async def assign(discrepancy_id: int, owner: str, operator: str, reason: str) -> Output:
    """Assign a difference to a new owner."""
    await _change(discrepancy_id, "assign", operator, reason, owner=owner)
    return _changed(discrepancy_id, "assigned", f"belongs to {owner}")


@reconcile.command("explain", cls=Command)
@click.argument("discrepancy_id", type=click.IntRange(min=1))
@signed
async def explain(discrepancy_id: int, operator: str, reason: str) -> Output:
    """Record the reason of a difference; its amount stays open, but it is no longer drift."""
    await _change(discrepancy_id, "explain", operator, reason)
    return _changed(discrepancy_id, "explained", "is explained")


@reconcile.command("close", cls=Command)
@click.argument("discrepancy_id", type=click.IntRange(min=1))
@click.option("--write-off", type=click.Choice(["adjustments", "provider-costs", "losses"]),
              help="Post the rest to this account.")  # fmt: skip
@click.option(
    "--with",
    "other",
    type=click.IntRange(min=1),
    help="Another difference; the two cancel each other out.",
)
@signed
async def close(
    discrepancy_id: int, write_off: str | None, other: int | None, operator: str, reason: str
) -> Output:
    """Close a difference that has no amount left, or write off the rest."""
    if write_off and other:
        raise click.UsageError("either --write-off or --with")
    more = {"write_off": write_off, "with": str(other) if other else None}
    await _change(discrepancy_id, "close", operator, reason, **more)
    return _changed(discrepancy_id, "closed", "is closed")


async def _change(
    discrepancy_id: int, action: str, operator: str, reason: str, **more: Any
) -> None:
    change = {
        "id": str(discrepancy_id), "action": action, "operator": operator, "reason": reason,
        "at": SystemClock().now().isoformat(), **more,
    }  # fmt: skip
    await run(lambda session: store.change_discrepancy(session, change))


def _changed(discrepancy_id: int, change: str, words: str) -> Output:
    return Output(
        {"id": discrepancy_id, "change": change},
        [f"#{discrepancy_id} {words}"],
        [str(discrepancy_id)],
    )


def _content(source: str) -> bytes:
    """The content of a file, a URL or standard input.

    Raises:
        WrongInput: it can't be read.
    """
    try:
        if source == "-":
            return sys.stdin.buffer.read()
        if source.startswith(("http://", "https://")):
            reply = httpx.get(source, timeout=_FETCH_TIMEOUT_S, follow_redirects=True)
            return reply.raise_for_status().content
        return Path(source).read_bytes()
    except (OSError, httpx.HTTPError) as error:
        raise WrongInput(f"the statement can't be read: {error}") from error


def _request(
    method: str, form: StatementFormat, times: Sequence[datetime], given: dict[str, Any]
) -> ReconciliationRequest:
    """What to reconcile: the days of the options `--from` and `--to`, else those of the lines."""
    now = SystemClock().now()
    newest = max(times, default=now)
    first, last = _day(given["first"]), _day(given["last"])
    if not times and first is None:
        raise WrongInput("the statement is empty: give --from and --to")
    since = _midnight(first or min(times).astimezone(form.timezone).date(), form.timezone)
    end = _midnight(last or newest.astimezone(form.timezone).date(), form.timezone)
    # of today, only the time until now can be reconciled
    until = min(end + timedelta(days=1), max(now, newest + timedelta(microseconds=1)))
    if since >= until:
        raise WrongInput("the period ends before it begins")
    return ReconciliationRequest(
        method, given["mode"] == "live", _currency(method, given["currency"]), since, until,
        timedelta(minutes=given["in_transit_minutes"]), given["operator"],
        f"statement of {method}", now,
    )  # fmt: skip


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _currency(method: str, wanted: str | None) -> str:
    currencies = sorted(rail_named(method).currencies)
    if wanted in currencies:
        return str(wanted)
    if wanted or len(currencies) != 1:
        raise WrongInput(f"--currency: one of {', '.join(currencies)}")
    return currencies[0]
