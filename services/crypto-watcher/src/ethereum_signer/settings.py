"""Settings of the signer for Ethereum: the chain, and the limits of what it signs."""

from pathlib import Path

from pydantic import Field

from ethereum_method.tokens import Token
from ethereum_signer.policy import Caps, Limits
from ethereum_watcher.addresses import parse_address
from ethereum_watcher.deny_list import denied_accounts, token_accounts
from ethereum_watcher.domain import COIN
from ethereum_watcher.network_settings import NetworkSettings


class EthereumSignerSettings(NetworkSettings):
    """What the signer needs to sign withdrawals by Ethereum; without the key it signs none."""

    xpub: str = Field(validation_alias="CRYPTO_ETH_XPUB", min_length=1)
    """It signs only if the wallet is the one of this key."""
    transaction_max: int = Field(default=10**19, ge=1, validation_alias="CRYPTO_SIGNER_MAX_WEI")
    """The largest withdrawal that is signed."""
    day_max: int = Field(default=10**20, ge=1, validation_alias="CRYPTO_SIGNER_DAY_MAX_WEI")
    """The most that is signed within 24 hours; what is above it waits."""
    token_max: int = Field(
        default=10_000, ge=1, le=10**12, validation_alias="CRYPTO_SIGNER_MAX_TOKEN"
    )
    """The largest withdrawal of each token that is signed, in whole ones."""
    token_day_max: int = Field(
        default=100_000, ge=1, le=10**15, validation_alias="CRYPTO_SIGNER_DAY_MAX_TOKEN"
    )
    """The most of each token that is signed within 24 hours, in whole ones."""
    fee_max: int = Field(
        default=2 * 10**16, ge=21_000, validation_alias="CRYPTO_SIGNER_FEE_MAX_WEI"
    )
    """The most that one transaction may cost."""
    approval_above: int | None = Field(
        default=None, ge=0, validation_alias="CRYPTO_SIGNER_APPROVAL_ABOVE_WEI"
    )
    """A larger withdrawal waits for `cift wallet approve`; not set: none does."""
    token_approval_above: int | None = Field(
        default=None, ge=0, le=10**12, validation_alias="CRYPTO_SIGNER_APPROVAL_ABOVE_TOKEN"
    )
    """The same for each token, in whole ones."""
    key_file: Path | None = Field(default=None, validation_alias="CRYPTO_ETH_KEY_FILE")
    """The file that `cift wallet import-keystore` has made: its account pays withdrawals."""
    deny_file: Path | None = Field(default=None, validation_alias="CRYPTO_ETH_DENY_FILE")

    def limits(self) -> Limits:
        """The limits of what is signed.

        Raises:
            SettingsInvalid: the list of denied addresses can't be read.
        """
        return Limits(
            chain_id=self.chain_id,
            ether=Caps(
                currency=COIN,
                transaction_max=self.transaction_max,
                day_max=self.day_max,
                approval_above=self.approval_above,
            ),
            tokens={parse_address(one.contract).script: self._caps(one) for one in self.tokens},
            fee_max=self.fee_max,
            denied=denied_accounts(self.deny_file) | token_accounts(self.tokens, self.chain_id),
        )

    def _caps(self, token: Token) -> Caps:
        above = self.token_approval_above
        return Caps(
            currency=token.currency,
            transaction_max=self.token_max * token.unit,
            day_max=self.token_day_max * token.unit,
            approval_above=None if above is None else above * token.unit,
        )
