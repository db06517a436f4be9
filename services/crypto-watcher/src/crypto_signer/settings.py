"""Settings of the signer: the database, the wallet's file, and the limits of what it signs."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from bitcoin_method.networks import Network
from bitcoin_watcher.deny_list import denied_scripts
from cift_shared.settings import ProcessSettings, VaultSettings
from crypto_signer.policy import Limits
from wallet_keys.settings import LockSettings


class SignerSettings(VaultSettings, LockSettings, ProcessSettings):
    """What the signer needs. It reaches nothing but the database, and Vault where that is set."""

    network: Network = Field(default="main", validation_alias="CRYPTO_BTC_NETWORK")
    wallet_file: Path = Field(validation_alias="CRYPTO_WALLET_FILE")
    """The file that `cift wallet create` has made."""
    xpub: str | None = Field(default=None, validation_alias="CRYPTO_BTC_XPUB")
    """If it is set, the wallet must be the one of this key."""
    transaction_max: int = Field(
        default=10_000_000, ge=1, validation_alias="CRYPTO_SIGNER_MAX_SATOSHI"
    )
    """The largest withdrawal that is signed."""
    day_max: int = Field(
        default=100_000_000, ge=1, validation_alias="CRYPTO_SIGNER_DAY_MAX_SATOSHI"
    )
    """The most that is signed within 24 hours; what is above it waits."""
    fee_max: int = Field(default=200_000, ge=1, validation_alias="CRYPTO_SIGNER_FEE_MAX_SATOSHI")
    """The highest fee of one transaction."""
    transfers_day_max: int = Field(
        default=4, ge=0, le=1000, validation_alias="CRYPTO_SIGNER_TRANSFERS_DAY_MAX"
    )
    """Transfers between our own addresses that are signed within 24 hours; what is above waits."""
    approval_above: int | None = Field(
        default=None, ge=0, validation_alias="CRYPTO_SIGNER_APPROVAL_ABOVE_SATOSHI"
    )
    """A larger withdrawal waits for `cift wallet approve`; not set: none does."""
    deny_file: Path | None = Field(default=None, validation_alias="CRYPTO_BTC_DENY_FILE")
    poll_s: float = Field(default=1.0, ge=0.05, le=60, validation_alias="CIFT_SIGNER_POLL_S")
    """Seconds between two looks for something to sign."""

    @model_validator(mode="after")
    def _is_of_the_mode(self) -> Self:
        if self.livemode != (self.network == "main"):
            raise ValueError("CRYPTO_BTC_NETWORK must be main with real money, and only then")
        return self

    def limits(self) -> Limits:
        """The limits of what is signed.

        Raises:
            SettingsInvalid: the list of denied addresses can't be read.
        """
        return Limits(
            transaction_max=self.transaction_max,
            day_max=self.day_max,
            fee_max=self.fee_max,
            transfers_day_max=self.transfers_day_max,
            approval_above=self.approval_above,
            denied=denied_scripts(self.deny_file, self.network),
        )
