"""The parts of messages about deposits that are priced in one currency and paid in another."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cift_shared.money.amount import Money, WireMoney
from cift_shared.money.exchange import Lock, Part
from cift_shared.money.rates import Rate

RateText = Annotated[str, Field(pattern=r"^[0-9]{1,40}(\.[0-9]{1,80})?$")]


class ExchangeRate(BaseModel):
    """An exchange rate."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    value: RateText
    """Whole units of the payment's currency for one whole unit of the currency that is paid."""
    source: str
    as_of: AwareDatetime

    @classmethod
    def of(cls, rate: Rate) -> Self:
        """A rate as in a message."""
        return cls(value=f"{rate.value:f}", source=rate.source, as_of=rate.as_of)

    def rate(self, from_currency: str, to_currency: str) -> Rate:
        """The rate between two currencies."""
        return Rate(from_currency, to_currency, Decimal(self.value), self.source, self.as_of)


class LockedExchange(BaseModel):
    """What the payer of a deposit was quoted in the currency that is paid."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    amount: WireMoney
    """What is to be paid."""
    rate: ExchangeRate
    expires_at: AwareDatetime
    """What is seen later, or is more, is credited at the rate of the moment of its credit."""

    def lock(self, quoted: Money) -> Lock:
        """The terms of a deposit of this amount."""
        rate = self.rate.rate(self.amount.currency, quoted.currency)
        return Lock(self.amount, quoted, rate, self.expires_at)


class ExchangedPart(BaseModel):
    """An amount that was credited at one rate."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    amount: WireMoney
    """In the currency that was paid."""
    rate: ExchangeRate
    at_most: WireMoney | None = None
    """For the locked rate: the quoted amount."""

    @classmethod
    def of(cls, part: Part) -> Self:
        """A part as in a message."""
        return cls(amount=part.amount, rate=ExchangeRate.of(part.rate), at_most=part.at_most)


class Exchanged(BaseModel):
    """What moved at the provider, if that is not the payment's currency."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    amount: WireMoney
    """What moved, in the currency that was paid."""
    parts: list[ExchangedPart] = Field(default_factory=list)
    """With `settled` and `received`: at which rates it was credited."""
