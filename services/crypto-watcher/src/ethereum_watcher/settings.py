"""Settings of the Ethereum network, its nodes and our addresses, from environment variables."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from chain_watch.domain import Derived
from chain_watch.rpc import AddressRefused, Endpoint, endpoints
from cift_shared.money.amount import Money
from cift_shared.settings import load_settings
from ethereum_method.rail import DUST_WEI
from ethereum_watcher.addresses import AddressInvalid, AddressKey, parse_address
from ethereum_watcher.domain import COIN, CONFIRMATIONS_MAX, FINALIZED, Depths
from ethereum_watcher.mapping import GWEI
from ethereum_watcher.network_settings import NetworkSettings


class EthereumConfig(NetworkSettings):
    """The settings of one Ethereum network. There is no private key among them."""

    rpc_url: SecretStr = Field(validation_alias="ETHEREUM_RPC_URL", min_length=1)
    """Addresses of nodes with their credentials, comma separated; more than half must agree."""
    xpub: str | None = Field(default=None, validation_alias="CRYPTO_ETH_XPUB")
    """The account's extended public key: each deposit gets an address of its own."""
    deposit_address: str | None = Field(default=None, validation_alias="CRYPTO_ETH_DEPOSIT_ADDRESS")
    """Without an extended public key: the address of all deposits."""
    confirmations: str = Field(
        default=FINALIZED, validation_alias="CRYPTO_ETH_CONFIRMATIONS_REQUIRED"
    )
    """`finalized`, or a number of blocks."""
    dust: int = Field(default=DUST_WEI, ge=0, validation_alias="CRYPTO_ETH_DUST_WEI")
    action_timeout_s: int = Field(
        default=3600, ge=60, le=604_800, validation_alias="CIFT_ETHEREUM_ACTION_TIMEOUT_S"
    )
    """How long a payer has until the transaction must be seen."""
    park_after_s: int = Field(
        default=86_400, ge=1, le=2_592_000, validation_alias="CIFT_ETHEREUM_PARK_AFTER_S"
    )
    """With one address for all deposits: how long money waits for a caller to name its
    transaction, before it is reported without an owner."""
    poll_s: float = Field(default=5.0, ge=0.1, le=60, validation_alias="CIFT_ETHEREUM_POLL_S")
    """Seconds between two reads of the chain."""
    timeout_s: float = Field(default=30.0, gt=0, le=120, validation_alias="ETHEREUM_RPC_TIMEOUT_S")
    balance_days: int = Field(default=30, ge=1, le=3650, validation_alias="CRYPTO_ETH_BALANCE_DAYS")
    """How long the balance of a new address is compared with its transactions."""
    reorg_max: int = Field(default=128, ge=1, le=1000, validation_alias="CRYPTO_ETH_REORG_MAX")
    """Blocks that a reorganisation may replace; a deeper one stops the watcher with an alarm."""
    undo_final: bool = Field(default=False, validation_alias="CRYPTO_ETH_UNDO_FINAL")
    """True only after an operator has found that a block was final for our nodes alone."""
    fee_floor: Decimal = Field(
        default=Decimal("0.1"), gt=0, le=1000, validation_alias="CRYPTO_ETH_FEE_FLOOR"
    )
    fee_ceiling: Decimal = Field(
        default=Decimal(300), gt=0, le=100_000, validation_alias="CRYPTO_ETH_FEE_CEILING"
    )
    """Limits of what the network may seem to charge, in gwei per gas."""
    payout_fee_max: int = Field(
        default=2 * 10**16, ge=21_000, validation_alias="CRYPTO_ETH_PAYOUT_FEE_MAX_WEI"
    )
    """The most that the network may take for one withdrawal, with all raises of the fee."""
    bump_after_blocks: int = Field(
        default=15, ge=1, le=10_000, validation_alias="CRYPTO_ETH_BUMP_AFTER_BLOCKS"
    )
    """Blocks without a withdrawal's transaction, until its fee is raised."""
    open_max: int = Field(default=16, ge=1, le=64, validation_alias="CRYPTO_ETH_OPEN_MAX")
    """Withdrawals that wait for a block at the same time; nodes keep 16 of an account at least."""
    float_min: int = Field(default=10**16, ge=1, validation_alias="CRYPTO_ETH_FLOAT_MIN_WEI")
    """While less can be spent, or no signer is at work, the API refuses withdrawals."""
    token_float_min: int = Field(
        default=10, ge=1, le=10**12, validation_alias="CRYPTO_ETH_FLOAT_MIN_TOKEN"
    )
    """The same for each token, in whole ones; it needs the ether, too."""
    consolidate_worth: int = Field(
        default=0, ge=0, le=10_000, validation_alias="CRYPTO_ETH_CONSOLIDATE_WORTH"
    )
    """Ether at the address of a deposit is moved to the account that pays if it is worth so many
    times the fee of that; 0: never."""
    consolidate_token_min: int = Field(
        default=0, ge=0, le=10**12, validation_alias="CRYPTO_ETH_CONSOLIDATE_MIN_TOKEN"
    )
    """So much of a token at the address of a deposit is moved, too, in whole ones; 0: never. Ether
    for the fee is sent to the address first."""
    explorer_key: SecretStr | None = Field(default=None, validation_alias="ETHERSCAN_API_KEY")
    """With one address for all deposits: the explorer must have the same as the nodes, before money
    is credited or reported."""
    explorer_base: str = Field(
        default="https://api.etherscan.io/v2/api", validation_alias="ETHERSCAN_API_BASE"
    )
    explorer_timeout_s: float = Field(
        default=10.0, gt=0, le=60, validation_alias="ETHERSCAN_TIMEOUT_S"
    )
    deny_file: Path | None = Field(default=None, validation_alias="CRYPTO_ETH_DENY_FILE")
    """A file of addresses that are never paid, one a line."""
    known_nonce: int = Field(default=-1, ge=-1, validation_alias="CRYPTO_ETH_KNOWN_NONCE")
    """Transactions of the account that pays which are not ours stop withdrawals, except up to this
    nonce: an operator knows of those."""
    fee_schedule: str | None = Field(default=None, validation_alias="CIFT_FEE_SCHEDULE")

    @field_validator("rpc_url")
    @classmethod
    def _are_nodes(cls, value: SecretStr) -> SecretStr:
        try:
            endpoints(value.get_secret_value())
        except AddressRefused as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("explorer_base")
    @classmethod
    def _is_explorer(cls, value: str) -> str:
        try:
            (found,) = endpoints(value)
        except (AddressRefused, ValueError):
            raise ValueError("must be one address, https, or http in a private network") from None
        if found.auth is not None or "?" in value:
            raise ValueError("must be an address without a user and parameters")
        return value

    @field_validator("confirmations")
    @classmethod
    def _is_depth(cls, value: str) -> str:
        is_number = value.isascii() and value.isdigit() and 1 <= int(value) <= CONFIRMATIONS_MAX
        if value != FINALIZED and not is_number:
            raise ValueError(f"must be {FINALIZED}, or 1 to {CONFIRMATIONS_MAX} blocks")
        return value

    @field_validator("consolidate_worth")
    @classmethod
    def _is_worth_its_fee(cls, value: int) -> int:
        if value == 1:
            raise ValueError(
                "must be 0, or 2 or more: what is moved must be worth more than its fee"
            )
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.xpub is None and self.deposit_address is None:
            raise ValueError("CRYPTO_ETH_XPUB or CRYPTO_ETH_DEPOSIT_ADDRESS is needed")
        if self.xpub is None and self.hot_address is not None:
            raise ValueError("CRYPTO_ETH_HOT_ADDRESS needs CRYPTO_ETH_XPUB")
        if self.fee_floor > self.fee_ceiling:
            raise ValueError("CRYPTO_ETH_FEE_FLOOR is above CRYPTO_ETH_FEE_CEILING")
        if self.deposit_address is not None:
            try:
                parse_address(self.deposit_address)
            except AddressInvalid as error:
                raise ValueError(f"CRYPTO_ETH_DEPOSIT_ADDRESS: {error}") from None
        return self

    @property
    def contracts(self) -> Mapping[str, Derived]:
        """The contracts of these tokens by their currencies."""
        return {one.currency: parse_address(one.contract) for one in self.tokens}

    @property
    def floats_min(self) -> Mapping[str, Money]:
        """What must be there to be spent, by currency."""
        of_tokens = (Money(self.token_float_min * one.unit, one.currency) for one in self.tokens)
        ether = Money(self.float_min, COIN)
        return {COIN: ether, **{one.currency: one for one in of_tokens}}

    @property
    def nodes(self) -> Sequence[Endpoint]:
        """The nodes."""
        return endpoints(self.rpc_url.get_secret_value())

    @property
    def depths(self) -> Depths:
        """When ether counts as final."""
        blocks = None if self.confirmations == FINALIZED else int(self.confirmations)
        return Depths(blocks, asks_explorer=self.asks_explorer)

    @property
    def asks_explorer(self) -> bool:
        """True if the explorer must have the same as the nodes."""
        return self.explorer_key is not None and self.shared is not None

    @property
    def fee_limits(self) -> tuple[int, int]:
        """The lowest and the highest fee, in wei per gas."""
        return int(self.fee_floor * GWEI), int(self.fee_ceiling * GWEI)

    def key(self) -> AddressKey | None:
        """What addresses are derived from; None: all deposits share one address.

        Raises:
            SettingsInvalid: the key can't be used.
        """
        return None if self.xpub is None else AddressKey(self.xpub)

    def hot(self) -> Derived | None:
        """The account that pays withdrawals; None: nothing is paid out.

        Raises:
            SettingsInvalid: the key can't be used.
        """
        key = self.key()
        return None if key is None else self.payer or key.hot

    @property
    def shared(self) -> Derived | None:
        """The address that all deposits share; None if each has its own."""
        if self.xpub is not None or self.deposit_address is None:
            return None
        return parse_address(self.deposit_address)


def load_ethereum_config() -> EthereumConfig:
    """Load the settings of Ethereum from the environment.

    Raises:
        SettingsInvalid: names what is missing, wrong or contradictory, never a value.
    """
    return load_settings(EthereumConfig)
