"""Summaries of the ledger: the trial balance, and the fees earned on the volume moved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files

from cift_shared.money.amount import Money
from ledger.chain.hash_chain import Connection

SHARE_PLACES = 4
"""Decimal places of a percentage."""
SHARE_STEPS = 10**SHARE_PLACES


@dataclass(frozen=True, slots=True)
class TrialLine:
    """One account, or all customers' accounts in one currency, in a trial balance."""

    mode: str
    account_class: str
    account: str
    accounts: int
    """Number of accounts that the line sums up."""
    debit: Money
    """Sum of the balances on the debit side."""
    credit: Money
    """Sum of the balances on the credit side."""


@dataclass(frozen=True, slots=True)
class TrialTotal:
    """The sums of both columns for one mode and currency."""

    mode: str
    debit: Money
    credit: Money

    @property
    def balances(self) -> bool:
        """True when debits and credits are equal."""
        return self.debit == self.credit


@dataclass(frozen=True, slots=True)
class FeeLine:
    """Volume, fees and costs of a method in one currency in one period."""

    mode: str
    method: str
    period: date | None
    """First day of the period; None: the whole requested time."""
    deposits: Money
    withdrawals: Money
    refunds: Money
    revenue: Money
    """Our fees, less what was returned with refunds."""
    costs: Money
    """What the provider charged us."""

    @property
    def volume(self) -> Money:
        """Deposits plus withdrawals, less refunds."""
        return self.deposits + self.withdrawals - self.refunds

    @property
    def margin(self) -> Money:
        """The fees less the provider's charges."""
        return self.revenue - self.costs

    @property
    def share_percent(self) -> Decimal | None:
        """The fees in percent of the volume, to four places; None when it is not positive."""
        return share_percent(self.revenue, self.volume)


def share_percent(part: Money, whole: Money) -> Decimal | None:
    """One amount in percent of another, rounded to four places (half away from zero).

    None when `whole` is not positive.
    """
    if whole.minor <= 0:
        return None
    steps = (2 * abs(part.minor) * 100 * SHARE_STEPS + whole.minor) // (2 * whole.minor)
    sign = 0 if part.minor >= 0 else 1
    return Decimal((sign, tuple(map(int, str(steps))), -SHARE_PLACES))


def totals(lines: Iterable[TrialLine]) -> list[TrialTotal]:
    """The sums of both columns, for each mode and currency."""
    sums: dict[tuple[str, str], TrialTotal] = {}
    for line in lines:
        key = (line.mode, line.debit.currency)
        nothing = Money(0, line.debit.currency)
        sofar = sums.get(key, TrialTotal(line.mode, nothing, nothing))
        sums[key] = TrialTotal(line.mode, sofar.debit + line.debit, sofar.credit + line.credit)
    return list(sums.values())


async def trial_balance(
    connection: Connection,
    *,
    as_of: datetime | None,
    mode: str | None = None,
    currency: str | None = None,
) -> Sequence[TrialLine]:
    """The balance of every account as booked at a moment (None: now).

    All customers' accounts of one mode and currency are one line.
    """
    rows = await connection.fetch(_sql("trial_balance"), as_of, mode, currency)
    return [
        TrialLine(
            mode=row["mode"],
            account_class=row["class"],
            account=row["account"],
            accounts=row["accounts"],
            debit=Money(int(row["debit"]), row["currency"]),
            credit=Money(int(row["credit"]), row["currency"]),
        )
        for row in rows
    ]


async def fee_report(
    connection: Connection, since: datetime, until: datetime, *, by: str | None = None
) -> Sequence[FeeLine]:
    """Fees, costs and volume of what was booked from `since` and before `until`.

    Args:
        connection: to the ledger's database.
        since: start of the time, included.
        until: end of the time, not included.
        by: "day" or "month" (UTC): one line for each; None: one line for the whole time.
    """
    rows = await connection.fetch(_sql("fee_report"), since, until, by)
    amounts = ("deposits", "withdrawals", "refunds", "revenue", "costs")
    return [
        FeeLine(
            row["mode"],
            row["method"],
            row["period"],
            *(Money(int(row[name]), row["currency"]) for name in amounts),
        )
        for row in rows
    ]


def _sql(name: str) -> str:
    return (files("ledger.reports") / "sql" / f"{name}.sql").read_text("utf-8")
