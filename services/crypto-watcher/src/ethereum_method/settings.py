"""Settings of Ethereum in the gateway."""

from typing import Self

from pydantic import Field, model_validator

from cift_shared.errors import SettingsInvalid
from cift_shared.rails.gateway import RailSettings
from ethereum_method.rail import RAIL
from ethereum_method.tokens import MAIN, TokensInvalid, read_tokens

UNKNOWN = 0
"""No chain has this id, so no token has a known contract there."""


class EthereumSettings(RailSettings):
    """What the gateway needs to offer Ethereum."""

    xpub: str | None = Field(default=None, validation_alias="CRYPTO_ETH_XPUB")
    """The extended public key that addresses are derived from."""
    deposit_address: str | None = Field(default=None, validation_alias="CRYPTO_ETH_DEPOSIT_ADDRESS")
    """The only address of all deposits, if there is no extended public key."""
    chain_id: int | None = Field(default=None, validation_alias="CRYPTO_ETH_CHAIN_ID")
    """None: the main network with real money, and an unknown one otherwise."""
    tokens: str | None = Field(default=None, validation_alias="CRYPTO_ETH_TOKENS")
    """The tokens that are received, as the watcher has them."""

    @model_validator(mode="after")
    def _tokens_are_known(self) -> Self:
        try:
            read_tokens(self.tokens, self._chain)
        except TokensInvalid as error:
            raise ValueError(f"CRYPTO_ETH_TOKENS: {error}") from None
        return self

    @property
    def is_offered(self) -> bool:
        """True when there is an address to pay to."""
        return self.xpub is not None or self.deposit_address is not None

    @property
    def currencies(self) -> frozenset[str]:
        """Ether, what is paid in ether, and the tokens that are set up."""
        tokens = read_tokens(self.tokens, self._chain)
        offered = (one.currency for one in tokens if one.is_offered)
        return frozenset({"ETH", *RAIL.exchanged, *offered})

    @property
    def _chain(self) -> int:
        return MAIN if self.chain_id is None else self.chain_id

    def checked(self, mode: str) -> Self:
        """As `RailSettings.checked`: in a deployment for tests the chain must be named, if the
        setting names tokens without their contracts.
        """
        if self.chain_id is not None or mode == "live":
            return self
        try:
            read_tokens(self.tokens, UNKNOWN)
        except TokensInvalid as error:
            raise SettingsInvalid(f"CRYPTO_ETH_TOKENS: {error}") from None
        return self.model_copy(update={"chain_id": UNKNOWN})
