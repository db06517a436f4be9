"""Request bodies and query parameters of payment methods."""

from gateway.http.fields import (
    BodyId,
    CardToken,
    CountryCode,
    CustomerId,
    MethodName,
    PhoneText,
    ReturnUrl,
)
from gateway.http.query import PageQuery
from gateway.http.requests import Body
from gateway.payment_methods.statuses import SavedMethodStatus


class PaymentMethodIn(Body):
    """Where the money comes from or goes to: a phone, a card's token, or a saved method."""

    phone: PhoneText | None = None
    """Phone of a mobile wallet: 07.., 01.., +254.., 254.. or the bare nine digits."""
    country: CountryCode = "KE"
    """ISO 3166 alpha-2 country of the wallet."""
    token: CardToken | None = None
    """The provider's id of a card, `pm_...`: the payer's client gets it from the provider."""
    id: BodyId | None = None
    """A saved method, instead of a phone or a token."""


class SavedMethodIn(Body):
    """A phone or a card to keep for a customer."""

    method: MethodName
    """The payment method."""
    customer_id: CustomerId
    """Your own id of the customer."""
    phone: PhoneText | None = None
    """The phone to keep, with a method of phones."""
    country: CountryCode = "KE"
    """ISO 3166 alpha-2 country of the phone's wallet."""
    token: CardToken | None = None
    """With `card`: what the client has made of it already; without one it is entered afterwards."""
    return_url: ReturnUrl | None = None
    """With `card`: where the customer's browser goes after a step at the provider's page."""


class SavedMethodsQuery(PageQuery):
    """Which saved methods to list, newest first."""

    customer_id: CustomerId | None = None
    """Saved methods of this customer."""
    method: MethodName | None = None
    """Saved methods of this payment method."""
    status: SavedMethodStatus | None = None
    """Saved methods that have this status now."""
