"""Response bodies of conversions."""

from uuid import UUID

from pydantic import AwareDatetime, Field

from gateway.http.responses import CurrencyShown, CustomerShown, ItemOut, Out
from gateway.problems.responses import ProblemOut


class AmountOut(Out):
    """An amount in a currency."""

    amount: str = Field(examples=["400.00"])
    """Decimal text with all the places of the currency."""
    currency: CurrencyShown
    """ISO 4217 code."""


class ConversionOut(Out):
    """A customer's money, exchanged from one currency to another."""

    id: UUID
    """Our id of the conversion."""
    customer_id: CustomerShown
    """Your own id of the customer."""
    given: AmountOut = Field(alias="from")
    """The amount the customer gave."""
    received: AmountOut = Field(alias="to")
    """The amount the customer received: `from` times `rate`, rounded down."""
    rate: str = Field(examples=["0.00769825918762088974"])
    """Units of `to` per unit of `from`, before rounding: the market rate minus our spread."""
    market_rate: str = Field(examples=["0.00773694390715667311"])
    """Units of `to` per unit of `from` at the source, without our spread."""
    spread_bps: int = Field(examples=[50])
    """Our margin in hundredths of a percent."""
    rate_source: str = Field(examples=["cift-static"])
    """The source of the market rate."""
    rate_as_of: AwareDatetime
    """The time of the market rate."""
    transaction_id: str = Field(examples=["Zx7cUe0bNq4tWy9LsRk2MvGdHj5fPa3i"])
    """The transaction in the customer's statement."""
    livemode: bool
    """True when this is real money."""
    created_at: AwareDatetime
    """When the money was exchanged."""


class ConversionItemOut(ItemOut):
    """What became of one conversion of a batch."""

    body: ConversionOut | None
    """The conversion; null for a refusal."""
    problem: ProblemOut | None = Field(examples=[None])
    """The refusal; null for a conversion that was carried out."""


class ConversionBatchOut(Out):
    """What became of each conversion of a batch."""

    items: list[ConversionItemOut]
    """One for each item, in their order."""
