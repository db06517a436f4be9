"""Settings of the ledger, in addition to those that every service has."""

from pydantic import Field

from cift_shared.settings import ServiceSettings


class LedgerSettings(ServiceSettings):
    """Settings of the ledger's process."""

    verify_interval_s: int = Field(
        default=60, ge=1, le=86_400, validation_alias="CIFT_LEDGER_VERIFY_INTERVAL_S"
    )
    """Seconds between two rounds of verification."""
    seal_interval_s: int = Field(
        default=5, ge=1, le=3_600, validation_alias="CIFT_LEDGER_SEAL_INTERVAL_S"
    )
    """Seconds between two rounds of sealing; the second round that sees a transaction seals it."""
    sweep_interval_s: int = Field(
        default=10, ge=1, le=3_600, validation_alias="CIFT_LEDGER_SWEEP_INTERVAL_S"
    )
    """Seconds between two searches for payments whose worker has sent no result in time."""
