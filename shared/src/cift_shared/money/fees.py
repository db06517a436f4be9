"""Fees by method, direction and currency: percent, fixed part, minimum and maximum.

The shipped schedule is the product's default price list; `CIFT_FEE_SCHEDULE` names another file.
A rule is in force from its `valid_from` to its `valid_to`, or until the next rule of the same
method, direction and currency begins; so a new price never changes the fee of an old payment. A
rule of one currency takes precedence over the rule of all currencies. Parts in another currency
than the payment's are converted at the rate in force, half a minor unit rounded up. A network's fee
is converted likewise, but every part of a minor unit is rounded up: the network is paid in full.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from cift_shared.errors import InvalidCommand, SettingsInvalid
from cift_shared.money.amount import Money, parse_money
from cift_shared.money.rates import Rate, RateSource, load_rates

Direction = Literal["deposit", "withdrawal"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
Bearer = Literal["customer", "merchant"]


class FixedPart(BaseModel):
    """A fixed amount in one currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: str
    currency: str

    @model_validator(mode="after")
    def _is_money(self) -> Self:
        self.money()
        return self

    def money(self) -> Money:
        """The amount as money."""
        try:
            return parse_money(self.amount, self.currency)
        except InvalidCommand as error:
            raise ValueError(f"{self.amount} {self.currency}: {error}") from error


class FeeRule(BaseModel):
    """One line of the price list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    direction: Direction
    currency: str | None = None
    """None: every currency of the method."""
    percent: Decimal = Field(ge=0, lt=100, max_digits=28)
    """At most 28 digits: as many as a Decimal divides by 100 without rounding."""
    fixed: FixedPart | None = None
    minimum: FixedPart | None = None
    maximum: FixedPart | None = None
    network_fee: bool = False
    """True if the fee of the network (of a blockchain) is charged in addition to ours."""
    bearer: Bearer = "customer"
    """Who pays: the customer out of the payment, or the merchant separately from the payment."""
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None = None
    """The first moment at which it is no longer in force; None: until the next rule of its key."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError(f"{self.name}: valid_to is not after valid_from")
        if len({part.currency for part in self._parts}) > 1:
            raise ValueError(f"{self.name}: fixed, minimum and maximum in different currencies")
        return self

    @property
    def _parts(self) -> list[FixedPart]:
        return [part for part in (self.fixed, self.minimum, self.maximum) if part]

    @property
    def parts_currency(self) -> str | None:
        """The currency of its fixed part, minimum and maximum; None when it has none of them."""
        return self._parts[0].currency if self._parts else None

    @property
    def key(self) -> tuple[str, str, str]:
        """Method, direction and currency ("*" for all) to which the rule applies."""
        return self.method, self.direction, self.currency or "*"

    @property
    def name(self) -> str:
        """The rule's name in the price list, stored with each payment whose fee it sets."""
        return f"{'.'.join(self.key)}@{self.valid_from.isoformat()}"

    def holds(self, currency: str, at: datetime) -> bool:
        """True when the rule is in force for this currency at that moment."""
        begun, ended = self.valid_from <= at, self.valid_to is not None and self.valid_to <= at
        return self.currency in (None, currency) and begun and not ended


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee, and how it was calculated."""

    fee: Money
    """The total charge, including the network's fee."""
    network_fee: Money
    """The network's share of `fee`."""
    rule: FeeRule
    rate: Rate | None
    """The rate at which the fixed parts were converted; None when nothing was converted."""
    network_rate: Rate | None = None
    """The rate at which the network's fee was converted; None when it was not converted."""


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """The price list; picks the rule in force and applies it."""

    rules: tuple[FeeRule, ...]
    rates: RateSource = field(default_factory=load_rates)
    """For parts of a rule in another currency than the payment's."""

    def __post_init__(self) -> None:
        _refuse_overlaps(self.rules)

    def fee(self, amount: Money, *, method: str, direction: Direction, at: datetime) -> Money:
        """Our fee for moving `amount`; raises as `charge`."""
        return self.charge(amount, method=method, direction=direction, at=at).fee

    def charge(
        self,
        amount: Money,
        *,
        method: str,
        direction: Direction,
        at: datetime,
        network_fee: Money | None = None,
    ) -> Charge:
        """Our fee for moving `amount`, rounded half up to the minor unit, with its calculation.

        Args:
            amount: the amount that the provider moves.
            method: the payment's method.
            direction: in or out.
            at: the rule and the rates in force at this moment are used.
            network_fee: the network's fee, in any currency; zero when not given.

        Raises:
            InvalidCommand: no rule for this method and direction, or no rate to convert a part.
        """
        rule = self.rule(amount.currency, method=method, direction=direction, at=at)
        rate = self._rate(rule.parts_currency, amount.currency, at)
        fee, network, network_rate = _fee(amount, rule, rate), Money(0, amount.currency), None
        if network_fee and rule.network_fee:
            network_rate = self._rate(network_fee.currency, amount.currency, at)
            network = network_rate.rounded_up(network_fee) if network_rate else network_fee
        return Charge(fee + network, network, rule, rate, network_rate)

    def _rate(self, given: str | None, wanted: str, at: datetime) -> Rate | None:
        return None if given in (None, wanted) else self.rates.rate(given, wanted, at)

    def rule(self, currency: str, *, method: str, direction: str, at: datetime) -> FeeRule:
        """The rule in force for payments in a currency.

        Raises:
            InvalidCommand: there is none for this method and direction.
        """
        matching = [
            rule
            for rule in self.rules
            if (rule.method, rule.direction) == (method, direction) and rule.holds(currency, at)
        ]
        if not matching:
            raise InvalidCommand(
                "method_unavailable", f"no {direction} by {method}", pointer="/method"
            )
        return max(matching, key=lambda rule: (rule.currency is not None, rule.valid_from))


def _fee(amount: Money, rule: FeeRule, rate: Rate | None) -> Money:
    fee = amount.share(rule.percent / 100)
    if rule.fixed:
        fee = fee + _converted(rule.fixed, rate)
    if rule.minimum:
        fee = max(fee, _converted(rule.minimum, rate))
    if rule.maximum:
        fee = min(fee, _converted(rule.maximum, rate))
    return fee


def _converted(part: FixedPart, rate: Rate | None) -> Money:
    return rate.rounded(part.money()) if rate else part.money()


def _refuse_overlaps(rules: Sequence[FeeRule]) -> None:
    ordered = sorted(rules, key=lambda rule: (rule.key, rule.valid_from))
    for earlier, later in pairwise(ordered):
        overlaps = earlier.valid_to is not None and earlier.valid_to > later.valid_from
        if earlier.key == later.key and (overlaps or earlier.valid_from == later.valid_from):
            raise SettingsInvalid(f"fee schedule: {earlier.name} and {later.name} overlap")


@cache
def load_schedule(path: str | None = None, rates_path: str | None = None) -> FeeSchedule:
    """Read a price list and a rate table, the shipped ones by default.

    Raises:
        SettingsInvalid: a file can't be read, is not a price list or a rate table, or has two
            rules of the same key in force at the same time.
    """
    try:
        source = Path(path) if path else files("cift_shared.money") / "fee_schedule.json"
        document = json.loads(source.read_text(encoding="utf-8"), parse_float=Decimal)
        rules: Iterable[object] = document["rules"]
        found = tuple(FeeRule.model_validate(rule) for rule in rules)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SettingsInvalid(f"fee schedule: {error}") from error
    return FeeSchedule(found, load_rates(rates_path))
