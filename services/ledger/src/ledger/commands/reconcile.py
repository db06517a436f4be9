"""`cift reconcile ...`: providers' statements against our books, and what became of differences."""

import getpass
import json
import sys
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import httpx

from cift_shared.clock import SystemClock
from cift_shared.errors import CiftError
from cift_shared.methods import method_named
from cift_shared.statements import StatementFormat, statement_format
from ledger import reconciliation_store as store
from ledger.commands.differences import discrepancy_facts, discrepancy_line, facts, told
from ledger.commands.session import run, signed
from ledger.reconciliation_store import Order

_DAY = click.DateTime(["%Y-%m-%d"])
_FETCH_TIMEOUT_S = 60


def _login() -> str:
    """Who runs this; a container may have no name for its user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


@click.group("reconcile")
def reconcile() -> None:
    """Providers' statements against our books; differences have an owner and an age."""


def _statement_command(method: str) -> click.Command:
    """The command that reads statements of a method."""

    @click.command(method, help=f"Hold a statement of {method} against our books.")
    @click.option("--statement", "source", required=True, help="A file, an address, or - .")
    @click.option("--from", "first", type=_DAY, help="First day; default: the first line's.")
    @click.option("--to", "last", type=_DAY, help="Last day, included; default: the last line's.")
    @click.option("--mode", type=click.Choice(["test", "live"]), default="test", envvar="CIFT_MODE",
                  show_default=True)  # fmt: skip
    @click.option("--currency", help="Default: the method's, where it has one.")
    @click.option("--in-transit-minutes", type=click.IntRange(0, 1440), default=15,
                  show_default=True, help="So near to the end nothing is missing yet.")  # fmt: skip
    @click.option("--operator", default=_login, help="Owns new differences; default: you.")
    @click.option("--dry-run", is_flag=True, help="Look only: keep and post nothing.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
    def command(source: str, dry_run: bool, as_json: bool, **given: Any) -> None:
        form = statement_format(method)
        content = _content(source)
        order = _order(method, form, content, given)
        report = run(
            lambda session: store.reconcile_statement(
                session, order, content, form, dry_run=dry_run
            )
        )
        lines = [json.dumps(facts(report), indent=2)] if as_json else told(report, form.timezone)
        click.echo("\n".join(lines))
        sys.exit(1 if report.has_drift else 0)

    return command


for _point in entry_points(group="cift.statements"):
    reconcile.add_command(_statement_command(_point.name))


@reconcile.command("list")
@click.option("--closed", is_flag=True, help="Those that are closed, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def list_discrepancies(closed: bool, as_json: bool) -> None:
    """List differences, the oldest first."""
    found = run(lambda session: store.discrepancies(session, closed=closed))
    now = SystemClock().now()
    if as_json:
        click.echo(json.dumps([discrepancy_facts(one, now) for one in found], indent=2))
        return
    for one in found:
        click.echo(discrepancy_line(one, now))
    click.echo(f"{len(found)} {'in all' if closed else 'open or explained'}")


@reconcile.command("assign")
@click.argument("discrepancy_id", type=click.IntRange(min=1))
@click.option("--to", "owner", required=True, help="Who looks after it from now on.")
@signed
def assign(discrepancy_id: int, owner: str, operator: str, reason: str) -> None:
    """Give a difference to somebody."""
    _change(discrepancy_id, "assign", operator, reason, owner=owner)
    click.echo(f"#{discrepancy_id} belongs to {owner}")


@reconcile.command("explain")
@click.argument("discrepancy_id", type=click.IntRange(min=1))
@signed
def explain(discrepancy_id: int, operator: str, reason: str) -> None:
    """Say why a difference is there; it stays open in amount, and is no drift any more."""
    _change(discrepancy_id, "explain", operator, reason)
    click.echo(f"#{discrepancy_id} is explained")


@reconcile.command("close")
@click.argument("discrepancy_id", type=click.IntRange(min=1))
@click.option("--write-off", type=click.Choice(["adjustments", "provider-costs", "losses"]),
              help="Post what is left of it to this account.")  # fmt: skip
@click.option("--with", "other", type=click.IntRange(min=1), help="The two cancel each other out.")
@signed
def close(
    discrepancy_id: int, write_off: str | None, other: int | None, operator: str, reason: str
) -> None:
    """Close a difference of which nothing is left, or write off what is."""
    if write_off and other:
        raise click.UsageError("either --write-off or --with")
    more = {"write_off": write_off, "with": str(other) if other else None}
    _change(discrepancy_id, "close", operator, reason, **more)
    click.echo(f"#{discrepancy_id} is closed")


def _change(discrepancy_id: int, action: str, operator: str, reason: str, **more: Any) -> None:
    change = {
        "id": str(discrepancy_id), "action": action, "operator": operator, "reason": reason,
        "at": SystemClock().now().isoformat(), **more,
    }  # fmt: skip
    run(lambda session: store.change_discrepancy(session, change))


def _content(source: str) -> bytes:
    """What a file, an address or standard input holds.

    Raises:
        ClickException: it can't be read.
    """
    try:
        if source == "-":
            return sys.stdin.buffer.read()
        if source.startswith(("http://", "https://")):
            reply = httpx.get(source, timeout=_FETCH_TIMEOUT_S, follow_redirects=True)
            return reply.raise_for_status().content
        return Path(source).read_bytes()
    except (OSError, httpx.HTTPError) as error:
        raise click.ClickException(f"the statement can't be read: {error}") from error


def _order(method: str, form: StatementFormat, content: bytes, given: dict[str, Any]) -> Order:
    """What to reconcile: the days that were asked for, else those of the statement."""
    now = SystemClock().now()
    try:
        times = [line.at for line in form.read(content).lines]
    except CiftError as error:
        raise click.ClickException(str(error)) from error
    newest = max(times, default=now)
    first, last = _day(given["first"]), _day(given["last"])
    if not times and first is None:
        raise click.ClickException("an empty statement: say --from and --to")
    since = _midnight(first or min(times).astimezone(form.timezone).date(), form.timezone)
    end = _midnight(last or newest.astimezone(form.timezone).date(), form.timezone)
    # of today, only what has happened so far can be judged
    until = min(end + timedelta(days=1), max(now, newest + timedelta(microseconds=1)))
    if since >= until:
        raise click.ClickException("the period ends before it begins")
    return Order(
        method, given["mode"] == "live", _currency(method, given["currency"]), since, until,
        timedelta(minutes=given["in_transit_minutes"]), given["operator"],
        f"statement of {method}", now,
    )  # fmt: skip


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _currency(method: str, wanted: str | None) -> str:
    currencies = sorted(method_named(method).currencies)
    if wanted in currencies:
        return str(wanted)
    if wanted or len(currencies) != 1:
        raise click.ClickException(f"--currency: one of {', '.join(currencies)}")
    return currencies[0]
