"""Settings of the network and its tokens, which watcher and signer must have alike."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from chain_watch.domain import Derived
from cift_shared.settings import EnvironmentSettings
from ethereum_method.tokens import MAIN, Token, TokensInvalid, read_tokens
from ethereum_watcher.addresses import AddressInvalid, parse_address


class NetworkSettings(EnvironmentSettings):
    """The network, and the tokens on it."""

    chain_id: int = Field(default=MAIN, ge=1, le=2**53, validation_alias="CRYPTO_ETH_CHAIN_ID")
    token_list: str | None = Field(default=None, validation_alias="CRYPTO_ETH_TOKENS")
    """`USDC,USDT`, with a contract `USDC=0x...`, or `none`; not set: those known on the chain."""
    hot_address: str | None = Field(default=None, validation_alias="CRYPTO_ETH_HOT_ADDRESS")
    """The account that pays withdrawals, if it was imported (`CRYPTO_ETH_KEY_FILE` of the signer);
    not set: the one of the extended public key."""
    mode: Literal["test", "live"] = Field(default="test", validation_alias="CIFT_MODE")

    @model_validator(mode="after")
    def _is_of_the_mode(self) -> Self:
        if (self.mode == "live") != (self.chain_id == MAIN):
            raise ValueError("CRYPTO_ETH_CHAIN_ID must be 1 with real money, and only then")
        return self

    @model_validator(mode="after")
    def _tokens_are_known(self) -> Self:
        try:
            for token in self.tokens:
                parse_address(token.contract)
        except (TokensInvalid, AddressInvalid) as error:
            raise ValueError(f"CRYPTO_ETH_TOKENS: {error}") from None
        return self

    @model_validator(mode="after")
    def _payer_is_an_address(self) -> Self:
        try:
            _ = self.payer
        except AddressInvalid as error:
            raise ValueError(f"CRYPTO_ETH_HOT_ADDRESS: {error}") from None
        return self

    @property
    def payer(self) -> Derived | None:
        """The imported account that pays withdrawals; None: none is told."""
        return None if self.hot_address is None else parse_address(self.hot_address)

    @property
    def tokens(self) -> Sequence[Token]:
        """The tokens that are received and paid."""
        return read_tokens(self.token_list, self.chain_id)
