"""A payment rail: one provider's way to move money, described as data for the rest of the platform.

A rail is a separate package without I/O next to its worker (`<name>_method`), registered under the
entry point group `cift.rails`. The gateway, the ledger and the tools read rails through `registry`;
their code names no rail.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import Money

Operation = Literal["deposit", "withdrawal", "refund"]
AmountPolicy = Literal["exact", "as_received"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Smallest and largest amount of one operation, in minor units."""

    min_minor: int
    max_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A deposit by the rail as documents show it."""

    amount: Money
    reference: str
    """The provider's receipt."""
    instrument: Mapping[str, Any]
    """The instrument of the command: its kind, its display, what may be shown of it."""
    evidence: tuple[str, Mapping[str, str]]
    """A step of the timeline: its name and its detail."""
    callback: int | None = None
    """The number of the call that a provider's notice answers, if its path contains one."""
    keeps_at_provider: bool = False
    """True if the provider stores instruments for later payments."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a rail does not offer an operation."""

    title: str
    advice: str
    """What the caller can do instead."""


@dataclass(frozen=True, slots=True)
class Rail:
    """One rail: what it moves, how long that takes, and by which provider."""

    name: str
    """The name of its worker's schema and part of its command topic's name, its account code, and
    the namespace of its provider's references."""
    method: str
    """The method's name in the API; rails of one method differ in their currencies or countries."""
    provider: str
    """The provider's name; also part of the name of its notice topic."""
    limits: Mapping[str, Mapping[Operation, Limits]]
    """The limits of each operation, by currency; a missing operation is not offered."""
    typical_duration: Mapping[Operation, timedelta]
    example: Example
    cancel_after_submit: bool
    """True if a payment can still be canceled after its submission to the provider; then its
    processor implements `CancelsAtProvider`."""
    steps: Mapping[str, int] = field(default_factory=dict)
    """By currency, the minor units of which the provider moves only multiples."""
    refusals: Mapping[Operation, Refusal] = field(default_factory=dict)
    """Operations that the rail does not offer, with the reason."""
    cost_steps: frozenset[str] = frozenset()
    """Steps of the evidence that show what the provider charged us; no merchant sees them."""
    countries: frozenset[str] = frozenset()
    """ISO 3166 alpha-2 codes of the countries whose payers can use it; empty: every country."""
    fee_key: str | None = None
    """Its name in the price list; None: the method's."""
    has_notices: bool = True
    """False if its provider posts no notices: then there is no notice topic, and the worker only
    queries the provider."""
    calls: frozenset[int] | None = None
    """The numbers in its callback paths. Rails of one provider share the topic of notices: each has
    its own numbers, and leaves the other notices alone. None: every notice is about this rail."""
    shown: str | None = None
    """The provider's name for people; None: its name in the API."""
    amount_policy: AmountPolicy = "exact"
    """If a deposit settles with another amount than requested: `exact`: an operator decides;
    `as_received`: the amount that arrived is credited, with the fee for that amount."""
    is_example: bool = False
    """True for the rail that the documents' examples show, so that another rail changes none."""
    exchanged: Mapping[str, str] = field(default_factory=dict)
    """Currencies in which only its deposits can be priced, each with the currency that the payer
    then pays in."""
    estimates_network_fee: bool = False
    """True if its processor implements `EstimatesNetworkFee`. Where the price list charges the
    network's fee, payments are priced only while there is an estimate of it."""

    @property
    def currencies(self) -> frozenset[str]:
        """The currencies it moves."""
        return frozenset(self.limits)

    @property
    def provider_name(self) -> str:
        """The provider's name for people."""
        return self.shown or self.provider

    @property
    def priced_as(self) -> str:
        """The `method` of its rules in the price list."""
        return self.fee_key or self.method

    def competes_with(self, other: "Rail") -> bool:
        """True if both could carry the same payment of their common method."""
        anywhere = not self.countries or not other.countries
        return (
            self.method == other.method
            and bool(self.currencies & other.currencies)
            and (anywhere or bool(self.countries & other.countries))
        )

    def shares_notices_with(self, other: "Rail") -> bool:
        """True if a notice of their common provider could be about either of them."""
        everything = self.calls is None or other.calls is None
        return (
            self.provider == other.provider
            and self.has_notices
            and other.has_notices
            and (everything or bool((self.calls or frozenset()) & (other.calls or frozenset())))
        )

    def offers(self, operation: Operation, currency: str) -> bool:
        """True when it carries this operation in this currency."""
        return operation not in self.refusals and operation in self.limits.get(currency, {})

    def refusal_code(self, operation: Operation) -> str:
        """The code of the problem that answers an operation which the rail does not offer."""
        return f"{self.method}_{operation}_unsupported"

    def serves(self, country: str) -> bool:
        """True when payers in this country (ISO 3166 alpha-2) can use it."""
        return not self.countries or country in self.countries

    def check_operation(self, operation: Operation, *, pointer: str = "/type") -> None:
        """Refuse an operation the rail does not offer; `pointer` names the field that asks for it.

        Raises:
            InvalidCommand: with advice for the caller.
        """
        if operation in self.refusals:
            advice = self.refusals[operation].advice
            raise InvalidCommand(self.refusal_code(operation), advice, pointer=pointer)

    def check_amount(self, amount: Money, operation: Operation) -> None:
        """Refuse an amount the provider can't move.

        Raises:
            InvalidCommand: wrong currency, not a multiple of the step, or outside the limits.
        """
        if operation not in self.limits.get(amount.currency, {}):
            moved = sorted(code for code in self.currencies if operation in self.limits[code])
            raise InvalidCommand(
                "currency_unsupported",
                f"the method {self.method} moves {', '.join(moved or sorted(self.currencies))}",
                pointer="/currency",
            )
        step = self.steps.get(amount.currency, 1)
        if amount.minor % step:
            multiple = Money(step, amount.currency).text
            raise InvalidCommand(
                "amount_not_whole",
                f"the method {self.method} moves multiples of {multiple} {amount.currency}",
                pointer="/amount",
            )
        limits = self.limits[amount.currency][operation]
        if not limits.min_minor <= amount.minor <= limits.max_minor:
            low = Money(limits.min_minor, amount.currency).text
            high = Money(limits.max_minor, amount.currency).text
            raise InvalidCommand(
                "amount_out_of_limits",
                f"{operation} by {self.method}: {low} to {high}",
                pointer="/amount",
            )
