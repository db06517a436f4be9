"""Exchange rates: the interface of a rate source, and a rate table that is read from a file.

Every rate of the table is computed from the US dollar prices of two currencies on one sheet, and
rounded down. So no sequence of conversions gains anything: a conversion from A to B and back never
returns more than the first amount, for every sheet.
"""

import json
import math
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Context, Decimal
from fractions import Fraction
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Protocol, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from cift_shared.errors import InvalidCommand, SettingsInvalid
from cift_shared.money.amount import EXPONENTS, Money

PIVOT = "USD"
RATE_DIGITS = 18
"""Significant digits of a rate: more than any market quotes, few enough to read."""
BASIS_POINTS = 10_000

_ROUND_DOWN = Context(prec=RATE_DIGITS, rounding=ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class Rate:
    """The value of one whole unit of a currency in another currency."""

    from_currency: str
    to_currency: str
    value: Decimal
    """Units of `to_currency` for one unit of `from_currency` (shillings for a dollar)."""
    source: str
    """The source of the rate."""
    as_of: datetime
    """When it was published."""

    def exact(self, amount: Money) -> Fraction:
        """The amount in minor units of the other currency, unrounded.

        Raises:
            ValueError: the amount is in another currency than the rate.
        """
        if amount.currency != self.from_currency:
            raise ValueError(f"a rate of {self.from_currency} can't convert {amount.currency}")
        shift = EXPONENTS[self.to_currency] - EXPONENTS[self.from_currency]
        return amount.minor * Fraction(self.value) * Fraction(10) ** shift

    def rounded(self, amount: Money) -> Money:
        """The amount in the other currency, half a minor unit rounded up: for prices."""
        return Money(math.floor(self.exact(amount) + Fraction(1, 2)), self.to_currency)

    def rounded_up(self, amount: Money) -> Money:
        """The amount in the other currency, with every part of a minor unit rounded up."""
        return Money(math.ceil(self.exact(amount)), self.to_currency)

    def worse_by(self, basis_points: int) -> "Rate":
        """This rate minus a margin in hundredths of a percent, rounded down only at the end."""
        share = Fraction(BASIS_POINTS - basis_points, BASIS_POINTS)
        value = decimal_down(Fraction(self.value) * share)
        return Rate(self.from_currency, self.to_currency, value, self.source, self.as_of)


class RateSource(Protocol):
    """The interface of a source of rates."""

    def rate(self, from_currency: str, to_currency: str, at: datetime) -> Rate:
        """The rate in force at a moment.

        Raises:
            InvalidCommand: rate_unavailable, no rate for this pair at that time.
        """
        ...


def decimal_down(value: Fraction) -> Decimal:
    """A positive fraction as a decimal of `RATE_DIGITS` digits, rounded down."""
    return _ROUND_DOWN.divide(Decimal(value.numerator), Decimal(value.denominator))


PositiveDecimal = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]


class RateSheet(BaseModel):
    """All rates of one moment; they are in force until the next sheet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    as_of: AwareDatetime
    one_usd_in: dict[str, PositiveDecimal] = Field(default_factory=dict)
    """Units of a currency for one US dollar."""
    one_in_usd: dict[str, PositiveDecimal] = Field(default_factory=dict)
    """US dollars for one unit of a currency."""

    @model_validator(mode="after")
    def _each_currency_once(self) -> Self:
        unknown = {*self.one_usd_in, *self.one_in_usd} - EXPONENTS.keys()
        twice = self.one_usd_in.keys() & self.one_in_usd.keys()
        if unknown or twice or PIVOT in {*self.one_usd_in, *self.one_in_usd}:
            raise ValueError("every currency but USD is named once, by a code we know")
        return self

    def usd_value(self, currency: str) -> Fraction | None:
        """US dollars for one unit of the currency; None when the sheet has no price for it."""
        if currency == PIVOT:
            return Fraction(1)
        if currency in self.one_in_usd:
            return Fraction(self.one_in_usd[currency])
        if currency in self.one_usd_in:
            return 1 / Fraction(self.one_usd_in[currency])
        return None


@dataclass(frozen=True, slots=True)
class Worth:
    """The value of one whole unit of a currency in US dollars."""

    usd: Fraction
    source: str
    as_of: datetime | None
    """None for the dollar itself, whose value has no time."""


@dataclass(frozen=True, slots=True)
class RateTable:
    """Rates from a file: the newest sheet that is not from the future is in force."""

    source: str
    sheets: tuple[RateSheet, ...]

    def rate(self, from_currency: str, to_currency: str, at: datetime) -> Rate:
        """The rate in force at a moment.

        Raises:
            InvalidCommand: rate_unavailable, no rate for this pair at that time.
        """
        sheet = self._sheet(at)
        worth = sheet.usd_value(from_currency) if sheet else None
        price = sheet.usd_value(to_currency) if sheet else None
        if sheet is None or worth is None or price is None:
            raise rate_unavailable(from_currency, to_currency)
        return Rate(
            from_currency, to_currency, decimal_down(worth / price), self.source, sheet.as_of
        )

    def worth(self, currency: str, at: datetime) -> Worth | None:
        """The dollar value of a currency at a moment; None when the table does not know it."""
        if currency == PIVOT:
            return Worth(Fraction(1), "", None)
        sheet = self._sheet(at)
        usd = sheet.usd_value(currency) if sheet else None
        return Worth(usd, self.source, sheet.as_of) if sheet and usd else None

    def _sheet(self, at: datetime) -> RateSheet | None:
        published = [sheet for sheet in self.sheets if sheet.as_of <= at]
        return max(published, key=lambda sheet: sheet.as_of, default=None)


def rate_unavailable(from_currency: str, to_currency: str) -> InvalidCommand:
    """The error for a pair of currencies without a known rate."""
    message = f"no exchange rate from {from_currency} to {to_currency}"
    return InvalidCommand("rate_unavailable", message, pointer="/currency")


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str = Field(min_length=1, max_length=100)
    sheets: tuple[RateSheet, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_sheet_a_moment(self) -> Self:
        if len({sheet.as_of for sheet in self.sheets}) < len(self.sheets):
            raise ValueError("two sheets of the same moment")
        return self


@cache
def load_rates(path: str | None = None) -> RateTable:
    """Read a rate table, the shipped one by default.

    Raises:
        SettingsInvalid: the file can't be read or is not a rate table.
    """
    try:
        source = Path(path) if path else files("cift_shared.money") / "rates.json"
        # parse numbers as Decimal or int: a float would not be exactly the written number
        document = json.loads(source.read_text(encoding="utf-8"), parse_float=Decimal)
        table = _File.model_validate(document)
        return RateTable(table.source, table.sheets)
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"rate table: {error}") from error
