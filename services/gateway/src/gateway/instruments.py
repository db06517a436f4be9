"""Phones as they travel and rest: sealed, with a masked form to show."""

from cift_shared.messages import Instrument
from cift_shared.vault import Vault
from gateway.phones import mask_phone

CONTEXT = "phone"


def phone_instrument(msisdn: str, country: str, vault: Vault) -> Instrument:
    """A canonical phone number as an instrument."""
    return Instrument(
        kind="phone",
        display=mask_phone(msisdn),
        sealed=vault.seal(msisdn.encode(), context=CONTEXT),
        country=country,
    )


def phone_fingerprint(msisdn: str, vault: Vault) -> str:
    """What tells that two sealed phones are the same."""
    return vault.fingerprint(msisdn.encode(), context=CONTEXT)
