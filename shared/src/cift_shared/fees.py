"""Fees as data: method, direction and currency to percent, fixed part, minimum and maximum.

The shipped schedule is the product's default price list; `CIFT_FEE_SCHEDULE` names another file.
A rule holds from its `valid_from` until a later rule of the same key begins, so a new price never
changes what an old payment paid.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cift_shared.errors import InvalidCommand, SettingsInvalid
from cift_shared.money import Money, parse_money

Direction = Literal["deposit", "withdrawal"]


class FixedPart(BaseModel):
    """A fixed amount in one currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: str
    currency: str

    def money(self) -> Money:
        """The amount as money."""
        return parse_money(self.amount, self.currency)


class FeeRule(BaseModel):
    """One line of the price list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    direction: Direction
    currency: str | None = None
    """None: every currency of the method."""
    percent: Decimal = Field(ge=0, lt=100)
    fixed: FixedPart | None = None
    minimum: FixedPart | None = None
    maximum: FixedPart | None = None
    valid_from: AwareDatetime


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """The price list; picks the rule in force and applies it."""

    rules: tuple[FeeRule, ...]

    def fee(self, amount: Money, *, method: str, direction: Direction, at: datetime) -> Money:
        """What we charge for moving `amount`, rounded half up to the minor unit.

        Raises:
            InvalidCommand: no rule for this method and direction, or a fixed part in a currency
                that this amount is not in.
        """
        rule = self._rule(amount.currency, method=method, direction=direction, at=at)
        fee = amount.share(rule.percent / 100)
        if rule.fixed:
            fee = fee + _in_currency(rule.fixed, amount.currency)
        if rule.minimum:
            fee = max(fee, _in_currency(rule.minimum, amount.currency), key=_minor)
        if rule.maximum:
            fee = min(fee, _in_currency(rule.maximum, amount.currency), key=_minor)
        return fee

    def _rule(self, currency: str, *, method: str, direction: str, at: datetime) -> FeeRule:
        fitting = [
            rule
            for rule in self.rules
            if (rule.method, rule.direction) == (method, direction)
            and rule.currency in (None, currency)
            and rule.valid_from <= at
        ]
        if not fitting:
            raise InvalidCommand(
                "method_unavailable", f"no {direction} by {method}", pointer="/method"
            )
        return max(fitting, key=lambda rule: (rule.valid_from, rule.currency is not None))


def _minor(amount: Money) -> int:
    return amount.minor


def _in_currency(part: FixedPart, currency: str) -> Money:
    if part.currency != currency:
        raise InvalidCommand(
            "currency_unsupported", f"this fee is set in {part.currency}", pointer="/currency"
        )
    return part.money()


@cache
def load_schedule(path: str | None = None) -> FeeSchedule:
    """Read a price list, the shipped one by default.

    Raises:
        SettingsInvalid: the file can't be read or is not a price list.
    """
    try:
        source = Path(path) if path else files("cift_shared") / "fee_schedule.json"
        rules: Iterable[object] = json.loads(source.read_text(encoding="utf-8"))["rules"]
        return FeeSchedule(tuple(FeeRule.model_validate(rule) for rule in rules))
    except (OSError, KeyError, ValueError) as error:
        raise SettingsInvalid(f"fee schedule: {error}") from error
