"""Instruments as they are sent and stored: sealed, with a masked form to show."""

from cift_shared.messaging.instruments import Instrument
from cift_shared.rails.instruments import InstrumentKind, Named
from cift_shared.security.field_encryption import Vault
from gateway.database.queries import Row


def sealed_instrument(named: Named, kind: InstrumentKind, vault: Vault) -> Instrument:
    """An instrument that a request names."""
    return Instrument(
        kind=kind.kind,
        display=kind.display(named.public),
        sealed=vault.seal(named.secret.encode(), context=kind.kind) if named.secret else "",
        country=named.country,
        public=dict(named.public),
    )


def fingerprint_of(named: Named, kind: InstrumentKind, vault: Vault) -> str:
    """A keyed hash that is equal for two sealed copies of the same instrument."""
    return vault.fingerprint(named.secret.encode(), context=kind.kind)


def saved_instrument(saved: Row, kind: InstrumentKind) -> Instrument:
    """A saved method as an instrument, for a payment or to remove it at the provider."""
    public = kind.public_of(saved)
    return Instrument(
        kind=saved["kind"],
        display=kind.display(public),
        sealed=saved["sealed"],
        country=saved["country"],
        customer_sealed=saved["customer_sealed"],
        public=public,
    )
