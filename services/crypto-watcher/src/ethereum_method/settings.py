"""Settings of Ethereum in the gateway."""

from pydantic import Field

from cift_shared.rails.gateway import RailSettings


class EthereumSettings(RailSettings):
    """What the gateway needs to offer Ethereum."""

    xpub: str | None = Field(default=None, validation_alias="CRYPTO_ETH_XPUB")
    """The extended public key that addresses are derived from."""
    deposit_address: str | None = Field(default=None, validation_alias="CRYPTO_ETH_DEPOSIT_ADDRESS")
    """The only address of all deposits, if there is no extended public key."""

    @property
    def is_offered(self) -> bool:
        """True when there is an address to pay to."""
        return self.xpub is not None or self.deposit_address is not None
