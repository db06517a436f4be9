"""Instruments as they are sent and stored: sealed, with a masked form to show."""

from cift_shared.messaging.messages import CardDetails, Instrument
from cift_shared.observability.log import mask_phone
from cift_shared.security.field_encryption import Vault
from gateway.database.queries import Row

PHONE = "phone"
CARD = "card"
"""Kinds of instruments, which are also the contexts that they are sealed for."""
UNKNOWN_CARD = "card"
"""What is shown of a card before its details are known."""


def phone_instrument(msisdn: str, country: str, vault: Vault) -> Instrument:
    """A canonical phone number as an instrument."""
    return Instrument(
        kind="phone",
        display=mask_phone(msisdn),
        sealed=vault.seal(msisdn.encode(), context=PHONE),
        country=country,
    )


def phone_fingerprint(msisdn: str, vault: Vault) -> str:
    """A keyed hash that is equal for two sealed copies of the same phone."""
    return vault.fingerprint(msisdn.encode(), context=PHONE)


def card_instrument(token: str, vault: Vault) -> Instrument:
    """A card as an instrument: the provider's id of it, which the payer's client received."""
    sealed = vault.seal(token.encode(), context=CARD)
    return Instrument(kind="card", display=UNKNOWN_CARD, sealed=sealed)


def saved_instrument(saved: Row) -> Instrument:
    """A saved method as an instrument, for a payment or to detach it at the provider."""
    card = saved["card"] and CardDetails.model_validate(saved["card"])
    return Instrument(
        kind=saved["kind"],
        display=f"{card.brand} ****{card.last4}" if card else saved["display"],
        sealed=saved["sealed"],
        country=saved["country"],
        customer_sealed=saved["customer_sealed"],
        card=card or None,
    )
