"""Money: whole minor units and a currency, nothing else.

Amounts enter as decimal text, are stored as integers of the smallest unit and leave as decimal
text.
Exponents follow ISO 4217 for national currencies and the chains' own units for coins.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from cift_shared.errors import InvalidCommand


def _with_places(places: int, codes: str) -> dict[str, int]:
    return dict.fromkeys(codes.split(), places)


EXPONENTS: dict[str, int] = {
    **_with_places(
        2,
        "KES TZS USD EUR GBP AED AUD BRL CAD CHF CNY CZK DKK EGP ETB GHS HKD HUF ILS INR MAD MUR "
        "MXN MYR NGN NOK NZD PHP PLN QAR RON SAR SEK SGD THB TRY TWD ZAR ZMW",
    ),
    **_with_places(0, "UGX RWF BIF CLP DJF GNF ISK JPY KMF KRW PYG VND VUV XAF XOF XPF"),
    **_with_places(3, "BHD JOD KWD OMR TND"),
    **_with_places(8, "BTC"),
    **_with_places(18, "ETH"),
    **_with_places(6, "USDC USDT"),
}
"""Minor units of a currency as a power of ten (ISO 4217; satoshi; wei; those of a token's
contract)."""

MINOR_DIGITS_MAX = 38
"""Maximum number of digits of an amount: the ledger stores NUMERIC(38,0)."""

_AMOUNT_TEXT = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units of one currency; may be negative in postings."""

    minor: int
    """Whole minor units: cents, satoshi, wei."""
    currency: str
    """A code of `EXPONENTS`."""

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"money takes whole minor units, not {type(self.minor).__name__}")
        if self.currency not in EXPONENTS:
            raise ValueError(f"unknown currency {self.currency!r}")
        if len(str(abs(self.minor))) > MINOR_DIGITS_MAX:
            raise ValueError("amount has more than 38 digits")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} don't add")
        return other.minor

    @property
    def text(self) -> str:
        """The amount as decimal text with all its places, "100.00"."""
        exponent = EXPONENTS[self.currency]
        sign, digits = ("-" if self.minor < 0 else ""), str(abs(self.minor))
        if exponent == 0:
            return sign + digits
        digits = digits.zfill(exponent + 1)
        return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"

    def share(self, rate: Decimal) -> "Money":
        """`rate` times this amount, half a minor unit rounded up (2.5 % is Decimal("0.025"))."""
        # integer arithmetic: a Decimal would round a large amount of wei to its 28 digits
        part, whole = rate.as_integer_ratio()
        half_up = (2 * abs(self.minor * part) + whole) // (2 * whole)
        return Money(half_up if self.minor * part >= 0 else -half_up, self.currency)

    def allocate(self, weights: Sequence[int]) -> list["Money"]:
        """Split by weights without losing a unit; the first parts take the remainder.

        Raises:
            ValueError: no weights, a negative weight, or weights that sum to zero.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights must be positive")
        parts = [self.minor * weight // total for weight in weights]
        for place in range(self.minor - sum(parts)):
            parts[place] += 1
        return [Money(part, self.currency) for part in parts]


def parse_money(text: object, currency: object, *, pointer: str = "/amount") -> Money:
    """Parse a caller's positive amount, "100.00" or "100", strictly.

    Raises:
        InvalidCommand: not decimal text, zero or negative, too many places or digits, or an
            unknown currency; the pointer names the field.
    """
    if not isinstance(currency, str) or currency not in EXPONENTS:
        raise InvalidCommand("currency_unknown", known_instead(currency), pointer="/currency")
    match = _AMOUNT_TEXT.fullmatch(text) if isinstance(text, str) and len(text) <= 64 else None
    if match is None:
        raise InvalidCommand("amount_invalid", 'amount must be text like "100.00"', pointer=pointer)
    whole, places = match.group(1), match.group(2) or ""
    exponent = EXPONENTS[currency]
    if len(places) > exponent:
        raise InvalidCommand(
            "amount_invalid", f"{currency} has {exponent} decimal places", pointer=pointer
        )
    minor = int(whole + places.ljust(exponent, "0"))
    if minor == 0 or len(str(minor)) > MINOR_DIGITS_MAX:
        raise InvalidCommand("amount_invalid", "amount is zero or too large", pointer=pointer)
    return Money(minor, currency)


def parse_amounts(text: str) -> dict[str, Money]:
    """Amounts of a setting by currency: `KES:5000.00,UGX:200000`; empty text has none.

    Raises:
        InvalidCommand: one can't be parsed, or a currency comes twice.
    """
    found: dict[str, Money] = {}
    for part in filter(None, text.split(",")):
        currency, _, amount = part.strip().partition(":")
        if currency in found:
            raise InvalidCommand("currency_unsupported", f"{currency} comes twice")
        found[currency] = parse_money(amount, currency)
    return found


def known_instead(currency: object) -> str:
    """The advice for the caller who sent an unknown currency code."""
    if isinstance(currency, str) and currency.upper() in EXPONENTS:
        return f"write currency codes in capital letters: {currency.upper()}"
    return "send an ISO 4217 code in capital letters, for example KES or USD"


def _money_in(value: Any) -> Money:
    if isinstance(value, Money):
        return value
    if not isinstance(value, dict) or set(value) != {"minor", "currency"}:
        raise ValueError('money on the wire is {"minor": "123", "currency": "KES"}')
    minor, currency = value["minor"], value["currency"]
    if not isinstance(minor, str) or not re.fullmatch(r"-?(0|[1-9][0-9]{0,37})", minor):
        raise ValueError("minor units travel as decimal text")
    if not isinstance(currency, str) or currency not in EXPONENTS:
        raise ValueError("not a supported currency")
    return Money(int(minor), currency)


def _money_out(value: Money) -> dict[str, str]:
    return {"minor": str(value.minor), "currency": value.currency}


WireMoney = Annotated[
    Money,
    BeforeValidator(_money_in),
    PlainSerializer(_money_out),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "minor": {"type": "string", "pattern": "^-?(0|[1-9][0-9]{0,37})$"},
                "currency": {"type": "string", "enum": sorted(EXPONENTS)},
            },
            "required": ["minor", "currency"],
            "additionalProperties": False,
        }
    ),
]
"""Money in a message: minor units as text, so that no reader turns them into floats."""
