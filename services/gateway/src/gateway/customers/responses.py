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
    """What is booked."""
    held: str = Field(examples=["512.50"])
    """What withdrawals, refunds and disputes under way hold of it."""
    available: str = Field(examples=["462.50"])
    """What can be spent."""


class CustomerBalancesOut(Out):
    """A customer's balances."""

    customer_id: CustomerShown
    """Your own id of the customer."""
    livemode: bool
    """True when this is real money."""
    as_of: AwareDatetime
    """What was booked until then counts."""
    balances: list[BalanceOut]
    """One balance for each currency the customer has ever had."""


class EntryOut(Out):
    """One line of a statement, in the customer's view: credits are positive."""

    id: str = Field(examples=["q2Yw8VtB3nLr0sXcJf5uKdGhZpAe1mTo"])
    """Opaque, and the same whenever the line is read."""
    transaction_id: str = Field(examples=["Zx7cUe0bNq4tWy9LsRk2MvGdHj5fPa3i"])
    """What the line's transaction is called here, in conversions and in timelines."""
    payment_id: UUID | None
    """The payment it is about; null when it is about none."""
    kind: str = Field(examples=["deposit"])
    """`deposit`, `withdrawal`, `refund`, `reversal`, `dispute`, `conversion`; `capture` and
    `correction` by people."""
    currency: CurrencyShown
    """ISO 4217 code."""
    amount: str = Field(examples=["975.00"])
    """By how much the balance changed, with a minus sign when it fell."""
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
    """Pass it back with the next pages: new entries don't move them."""
    data: list[EntryOut]
    """The entries, newest first."""
