"""Instruments as they travel and rest: sealed, with a masked form to show."""

from cift_shared.messages import CardDetails, Instrument
from cift_shared.vault import Vault
from gateway.phones import mask_phone
from gateway.statements import Row

PHONE = "phone"
CARD = "card"
"""Kinds of instruments, which are also the contexts they are sealed for."""
UNKNOWN_CARD = "card"
"""What is shown of a card before anything is known of it."""


def phone_instrument(msisdn: str, country: str, vault: Vault) -> Instrument:
    """A canonical phone number as an instrument."""
    return Instrument(
        kind="phone",
        display=mask_phone(msisdn),
        sealed=vault.seal(msisdn.encode(), context=PHONE),
        country=country,
    )


def phone_fingerprint(msisdn: str, vault: Vault) -> str:
    """What tells that two sealed phones are the same."""
    return vault.fingerprint(msisdn.encode(), context=PHONE)


def card_instrument(token: str, vault: Vault) -> Instrument:
    """A card by the provider's id of it, as the payer's client got it."""
    sealed = vault.seal(token.encode(), context=CARD)
    return Instrument(kind="card", display=UNKNOWN_CARD, sealed=sealed)


def saved_instrument(saved: Row) -> Instrument:
    """A saved method, ready to pay with or to be forgotten at the provider."""
    card = saved["card"] and CardDetails.model_validate(saved["card"])
    return Instrument(
        kind=saved["kind"],
        display=f"{card.brand} ****{card.last4}" if card else saved["display"],
        sealed=saved["sealed"],
        country=saved["country"],
        customer_sealed=saved["customer_sealed"],
        card=card or None,
    )
