"""Response bodies of balances and statements."""

from uuid import UUID

from pydantic import AwareDatetime, Field

from gateway.http.responses import (
    CurrencyShown,
    CustomerShown,
    Out,
    PageOut,
)


class BalanceOut(Out):
    """One currency of a customer: available = posted - held."""

    currency: CurrencyShown
    """ISO 4217 code."""
    posted: str = Field(examples=["975.00"])
    """The sum of all entries."""
    held: str = Field(examples=["512.50"])
    """The amount held by pending withdrawals and refunds and by open disputes."""
    available: str = Field(examples=["462.50"])
    """The amount that can be spent."""


class CustomerBalancesOut(Out):
    """A customer's balances."""

    customer_id: CustomerShown
    """Your own id of the customer."""
    livemode: bool
    """True when this is real money."""
    as_of: AwareDatetime
    """The balances include entries booked up to this time."""
    balances: list[BalanceOut]
    """One balance per currency in which the customer ever had an account."""


class EntryOut(Out):
    """One line of a statement, in the customer's view: credits are positive."""

    id: str = Field(examples=["q2Yw8VtB3nLr0sXcJf5uKdGhZpAe1mTo"])
    """Opaque and stable: the same in every read of this line."""
    transaction_id: str = Field(examples=["Zx7cUe0bNq4tWy9LsRk2MvGdHj5fPa3i"])
    """The id of the line's transaction, the same in conversions and timelines."""
    payment_id: UUID | None
    """The payment of this line; null if there is none."""
    kind: str = Field(examples=["deposit"])
    """`deposit`, `withdrawal`, `refund`, `reversal`, `reinstatement`, `dispute`, `conversion`;
    `capture` and `correction` by an operator."""
    currency: CurrencyShown
    """ISO 4217 code."""
    amount: str = Field(examples=["975.00"])
    """The change of the balance, negative if it decreased."""
    balance_after: str = Field(examples=["975.00"])
    """The posted balance after this entry."""
    booked_at: AwareDatetime
    """When the entry was booked."""


class StatementOut(PageOut):
    """A page of a customer's statement."""

    customer_id: CustomerShown
    """Your own id of the customer."""
    livemode: bool
    """True when this is real money."""
    as_of: AwareDatetime
    """Send it with the following pages, so that new entries do not shift them."""
    data: list[EntryOut]
    """The entries, newest first."""
