"""What the books say of themselves: the trial balance, and what was earned on what was moved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files

from cift_shared.money import Money
from ledger.chain import Connection

SHARE_PLACES = 4
"""Decimal places of a percentage."""
SHARE_STEPS = 10**SHARE_PLACES


@dataclass(frozen=True, slots=True)
class TrialLine:
    """An account, or all customers' accounts of a currency, in a trial balance."""

    mode: str
    account_class: str
    account: str
    accounts: int
    """How many accounts it stands for."""
    debit: Money
    """Sum of the balances on the debit side."""
    credit: Money
    """Sum of the balances on the credit side."""


@dataclass(frozen=True, slots=True)
class TrialTotal:
    """Both columns of one mode and currency."""

    mode: str
    debit: Money
    credit: Money

    @property
    def balances(self) -> bool:
        """True when nothing came from nowhere."""
        return self.debit == self.credit


@dataclass(frozen=True, slots=True)
class FeeLine:
    """What a method has moved and earned in a currency, in a while."""

    mode: str
    method: str
    period: date | None
    """First day of it; None: the whole time asked for."""
    deposits: Money
    withdrawals: Money
    refunds: Money
    revenue: Money
    """Our fees, what went back with refunds taken off."""
    costs: Money
    """What the provider charged us."""

    @property
    def volume(self) -> Money:
        """What was moved in and out, less what was given back."""
        return self.deposits + self.withdrawals - self.refunds

    @property
    def margin(self) -> Money:
        """What remains of the fees."""
        return self.revenue - self.costs

    @property
    def share_percent(self) -> Decimal | None:
        """The fees in percent of the volume, to a ten-thousandth; None when nothing was moved."""
        return share_percent(self.revenue, self.volume)


def share_percent(part: Money, whole: Money) -> Decimal | None:
    """One amount in percent of another, half up to four places; None when there is no whole."""
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
    """Every account's balance as it was booked at a moment (None: now), customers together."""
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
        connection: to the books.
        since: the first moment that counts.
        until: the first moment that counts no more.
        by: "day" or "month" (UTC) for a line each; None for all of it in one.
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
    return (files("ledger") / "sql" / f"{name}.sql").read_text("utf-8")
