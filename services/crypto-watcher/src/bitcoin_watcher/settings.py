"""Settings of the Bitcoin network, its nodes and our addresses, from environment variables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from bitcoin_method.networks import Network
from bitcoin_method.rail import DUST_SATOSHI
from bitcoin_watcher.addresses import AddressInvalid, AddressKey, parse_address
from bitcoin_watcher.domain import CONFIRMATIONS_MAX, Depths
from bitcoin_watcher.hot_limits import HotLimits
from chain_watch.domain import Derived
from chain_watch.rpc import AddressRefused, Endpoint, endpoints
from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import parse_money
from cift_shared.settings import EnvironmentSettings, load_settings


class BitcoinConfig(EnvironmentSettings):
    """The settings of one Bitcoin network. There is no private key among them."""

    rpc_url: SecretStr = Field(validation_alias="BITCOIN_RPC_URL", min_length=1)
    """Addresses of nodes with their credentials, comma separated; more than half must agree."""
    network: Network = Field(default="main", validation_alias="CRYPTO_BTC_NETWORK")
    xpub: str | None = Field(default=None, validation_alias="CRYPTO_BTC_XPUB")
    """The account's extended public key, or a `wpkh(...)` descriptor: each deposit gets an address
    of its own."""
    deposit_address: str | None = Field(default=None, validation_alias="CRYPTO_BTC_DEPOSIT_ADDRESS")
    """Without an extended public key: the address of all deposits. With one: the cold address, to
    which sweeps bring what the hot wallet has too much."""
    confirmations: int = Field(
        default=3, ge=1, le=CONFIRMATIONS_MAX, validation_alias="CRYPTO_CONFIRMATIONS_REQUIRED"
    )
    confirmation_tiers: str = Field(default="", validation_alias="CRYPTO_BTC_CONFIRMATION_TIERS")
    """Confirmations for amounts up to a limit, `0.001:1,0.01:2`; larger ones need
    CRYPTO_CONFIRMATIONS_REQUIRED."""
    mode: Literal["test", "live"] = Field(default="test", validation_alias="CIFT_MODE")
    dust: int = Field(default=DUST_SATOSHI, ge=0, validation_alias="CRYPTO_BTC_DUST_SATOSHI")
    action_timeout_s: int = Field(
        default=3600, ge=60, le=604_800, validation_alias="CIFT_BITCOIN_ACTION_TIMEOUT_S"
    )
    """How long a payer has until the transaction must be seen."""
    park_after_s: int = Field(
        default=86_400, ge=1, le=2_592_000, validation_alias="CIFT_BITCOIN_PARK_AFTER_S"
    )
    """With one address for all deposits: how long money waits for a caller to name its
    transaction, before it is reported without an owner."""
    poll_s: float = Field(default=5.0, ge=0.1, le=60, validation_alias="CIFT_BITCOIN_POLL_S")
    """Seconds between two reads of the chain."""
    timeout_s: float = Field(default=30.0, gt=0, le=120, validation_alias="BITCOIN_RPC_TIMEOUT_S")
    reorg_max: int = Field(default=100, ge=1, le=1000, validation_alias="CRYPTO_BTC_REORG_MAX")
    """Blocks that a reorganisation may replace; a deeper one stops the watcher with an alarm."""
    fee_floor: int = Field(default=1, ge=1, le=1000, validation_alias="CRYPTO_BTC_FEE_FLOOR")
    fee_ceiling: int = Field(
        default=500, ge=1, le=10_000, validation_alias="CRYPTO_BTC_FEE_CEILING"
    )
    """Limits of what the network may seem to charge, in satoshi per virtual byte."""
    fee_fallback: int = Field(
        default=20, ge=1, le=10_000, validation_alias="CRYPTO_BTC_FEE_FALLBACK"
    )
    """The rate while nodes can't estimate, in satoshi per virtual byte."""
    payout_fee_max: int = Field(
        default=200_000, ge=1_000, validation_alias="CRYPTO_BTC_PAYOUT_FEE_MAX_SATOSHI"
    )
    """The most that the network may cost for one withdrawal, with all raises of the fee."""
    payouts_max: int = Field(
        default=1, ge=1, le=100, validation_alias="CRYPTO_BTC_PAYOUTS_IN_TRANSACTION_MAX"
    )
    """Withdrawals that wait at the same time are paid together, so many in one transaction."""
    bump_after_blocks: int = Field(
        default=6, ge=1, le=1008, validation_alias="CRYPTO_BTC_BUMP_AFTER_BLOCKS"
    )
    """Blocks without a withdrawal's transaction, until its fee is raised."""
    float_min: int = Field(default=10_000, ge=1, validation_alias="CRYPTO_BTC_FLOAT_MIN_SATOSHI")
    """While less can be spent, or no signer is at work, the API refuses withdrawals."""
    hot_floor: int = Field(default=0, ge=0, validation_alias="CRYPTO_BTC_HOT_FLOOR_SATOSHI")
    """The hot wallet should hold this at least; below it an alert asks for money."""
    hot_ceiling: int = Field(default=0, ge=0, validation_alias="CRYPTO_BTC_HOT_CEILING_SATOSHI")
    """The hot wallet should hold no more; above it an alert asks for a sweep. 0: no ceiling."""
    sweep_expires_s: int = Field(
        default=86_400, ge=60, le=2_592_000, validation_alias="CRYPTO_BTC_SWEEP_EXPIRES_S"
    )
    """How long a proposed sweep reserves its coins before it is seen on the network."""
    consolidate_fee_max: int = Field(
        default=0, ge=0, le=1000, validation_alias="CRYPTO_BTC_CONSOLIDATE_FEE_MAX"
    )
    """At or below this fee rate, in satoshi per virtual byte, small coins are put together; 0:
    never."""
    consolidate_coins: int = Field(
        default=20, ge=1, le=1000, validation_alias="CRYPTO_BTC_CONSOLIDATE_COINS"
    )
    """Only more small coins than this are put together."""
    consolidate_satoshi: int = Field(
        default=100_000, ge=1, validation_alias="CRYPTO_BTC_CONSOLIDATE_SATOSHI"
    )
    """A coin of at most this amount is small."""
    consolidate_every_s: int = Field(
        default=43_200, ge=1, validation_alias="CRYPTO_BTC_CONSOLIDATE_EVERY_S"
    )
    """At least so long after the last consolidation."""
    deny_file: Path | None = Field(default=None, validation_alias="CRYPTO_BTC_DENY_FILE")
    """A file of addresses that are never paid, one a line."""
    fee_schedule: str | None = Field(default=None, validation_alias="CIFT_FEE_SCHEDULE")

    @field_validator("rpc_url")
    @classmethod
    def _are_nodes(cls, value: SecretStr) -> SecretStr:
        try:
            endpoints(value.get_secret_value())
        except AddressRefused as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("confirmation_tiers")
    @classmethod
    def _are_tiers(cls, value: str) -> str:
        tiers = _tiers(value)
        if list(tiers) != sorted(set(tiers)):
            raise ValueError("amounts must rise")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.mode == "live" and self.network != "main":
            raise ValueError("CRYPTO_BTC_NETWORK must be main with real money")
        if self.mode == "test" and self.network == "main":
            raise ValueError("CRYPTO_BTC_NETWORK=main is for real money; name a test network")
        if self.xpub is None and self.deposit_address is None:
            raise ValueError("CRYPTO_BTC_XPUB or CRYPTO_BTC_DEPOSIT_ADDRESS is needed")
        if self.fee_floor > self.fee_ceiling:
            raise ValueError("CRYPTO_BTC_FEE_FLOOR is above CRYPTO_BTC_FEE_CEILING")
        if self.hot_ceiling and self.hot_ceiling <= self.hot_floor:
            raise ValueError(
                "CRYPTO_BTC_HOT_CEILING_SATOSHI is not above CRYPTO_BTC_HOT_FLOOR_SATOSHI"
            )
        if self.deposit_address is not None:
            try:
                parse_address(self.deposit_address, self.network)
            except AddressInvalid as error:
                raise ValueError(f"CRYPTO_BTC_DEPOSIT_ADDRESS: {error}") from None
        return self

    @property
    def nodes(self) -> Sequence[Endpoint]:
        """The nodes."""
        return endpoints(self.rpc_url.get_secret_value())

    @property
    def depths(self) -> Depths:
        """How many confirmations an amount needs."""
        return Depths(self.confirmations, _tiers(self.confirmation_tiers))

    def key(self) -> AddressKey | None:
        """What addresses are derived from; None: all deposits share one address.

        Raises:
            SettingsInvalid: the key can't be used.
        """
        return None if self.xpub is None else AddressKey(self.xpub, self.network)

    @property
    def shared(self) -> Derived | None:
        """The address that all deposits share; None if each has its own."""
        if self.xpub is not None or self.deposit_address is None:
            return None
        return parse_address(self.deposit_address, self.network)

    @property
    def cold(self) -> Derived | None:
        """The address of sweeps; None if there is none, or deposits use it."""
        if self.xpub is None or self.deposit_address is None:
            return None
        return parse_address(self.deposit_address, self.network)

    @property
    def hot_limits(self) -> HotLimits:
        """What the hot wallet should hold."""
        return HotLimits(self.hot_floor, self.hot_ceiling)


def _tiers(text: str) -> tuple[tuple[int, int], ...]:
    """Satoshi and confirmations; raises ValueError."""
    found = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        amount, _, count = part.partition(":")
        if not count.isascii() or not count.isdigit() or not 1 <= int(count) <= CONFIRMATIONS_MAX:
            raise ValueError("must be amounts with confirmations, such as 0.001:1,0.01:2")
        try:
            found.append((parse_money(amount, "BTC").minor, int(count)))
        except InvalidCommand as error:
            raise ValueError("must be amounts with confirmations, such as 0.001:1") from error
    return tuple(found)


def load_bitcoin_config() -> BitcoinConfig:
    """Load the settings of Bitcoin from the environment.

    Raises:
        SettingsInvalid: names what is missing, wrong or contradictory, never a value.
    """
    return load_settings(BitcoinConfig)
