"""Settings of MTN MoMo in the worker, from environment variables; one class per country."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import Money, parse_amounts
from cift_shared.settings import (
    EnvironmentSettings,
    load_if_set,
    load_settings,
    required_variables,
)
from momo_method.countries import RWANDA, UGANDA, Country
from momo_method.settings import SANDBOX, named

SANDBOX_BASE = "https://sandbox.momodeveloper.mtn.com"
PLATFORMS = {"legacy": "https://proxy.momoapi.mtn.com", "new": "https://momoapi.momo.africa"}
"""MTN's hosts with real money. Source: momodeveloper.mtn.com, "Go live"; the second is the platform
to which MTN moves its partners since autumn 2026."""
_REAL_HOSTS = frozenset({urlsplit(base).hostname for base in PLATFORMS.values()})
SANDBOX_CURRENCY = "EUR"
"""The only currency of MTN's sandbox."""

Product = Literal["collection", "disbursement"]
PRODUCTS: tuple[Product, ...] = ("collection", "disbursement")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one product of MTN accepts from us."""

    subscription_key: SecretStr
    api_user: str
    api_key: SecretStr


@dataclass(frozen=True, slots=True)
class Platform:
    """One address of MTN with our credentials there."""

    base: str
    target: str
    """`X-Target-Environment`."""
    credentials: Mapping[Product, Credentials]


class MomoConfig(EnvironmentSettings):
    """The settings for calls to MTN in one country; secrets have no default."""

    country: ClassVar[Country]

    target_environment: str = SANDBOX
    """`sandbox`, or the country's own environment."""
    platform: Literal["legacy", "new"] = "legacy"
    """Which of MTN's platforms takes new payments in the country's own environment."""
    api_base: str | None = None
    """Base address of another MTN than the environment's own, such as the local twin."""
    general_api_base: str | None = Field(default=None, validation_alias="MOMO_API_BASE")
    """The same for every country that has no address of its own."""

    collection_subscription_key: SecretStr = Field(min_length=1)
    collection_api_user: str = Field(min_length=1)
    collection_api_key: SecretStr = Field(min_length=1)
    disbursement_subscription_key: SecretStr = Field(min_length=1)
    disbursement_api_user: str = Field(min_length=1)
    disbursement_api_key: SecretStr = Field(min_length=1)

    former_api_base: str | None = None
    """Base address of the platform that took earlier payments; they are queried there."""
    former_collection_subscription_key: SecretStr | None = None
    former_collection_api_user: str | None = None
    former_collection_api_key: SecretStr | None = None
    former_disbursement_subscription_key: SecretStr | None = None
    former_disbursement_api_user: str | None = None
    former_disbursement_api_key: SecretStr | None = None

    float_minimum: str = ""
    """The balance below which withdrawals are refused, such as `UGX:500000`; empty: none is."""
    requests_per_second: float = Field(default=20, gt=1, le=1000)
    """This process's share of MTN's rate limit."""

    callback_url: str = Field(validation_alias="MOMO_CALLBACK_URL")
    """Public address of our gateway for MTN; only scheme and host are used."""
    mode: Literal["test", "live"] = Field(default="test", validation_alias="CIFT_MODE")
    connect_timeout_s: float = Field(
        default=5, gt=0, le=30, validation_alias="MOMO_CONNECT_TIMEOUT_S"
    )
    read_timeout_s: float = Field(default=30, gt=0, le=60, validation_alias="MOMO_READ_TIMEOUT_S")
    connections_max: int = Field(default=64, ge=1, le=1000, validation_alias="MOMO_CONNECTIONS_MAX")
    check_speed: Decimal = Field(
        default=Decimal(1), ge=1, le=1000, validation_alias="MOMO_CHECK_SPEED"
    )
    """Divides every wait of ours; above 1 only with a twin that runs faster."""
    concurrency: int = Field(
        default=64, ge=1, le=1000, validation_alias="CIFT_MOMO_WORKER_CONCURRENCY"
    )
    """Maximum concurrent calls to MTN, for each loop of each country."""
    fee_schedule: str | None = Field(default=None, validation_alias="CIFT_FEE_SCHEDULE")

    @field_validator("api_base", "general_api_base", "former_api_base", "callback_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "https://unset")
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be an http(s) address without a user name")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("must be https but for this machine itself")
        return value

    @field_validator("float_minimum")
    @classmethod
    def _are_amounts(cls, value: str) -> str:
        try:
            unknown = parse_amounts(value).keys() - {cls.country.currency}
        except InvalidCommand as error:
            raise ValueError(f"must be an amount such as {cls.country.currency}:500000") from error
        if unknown:
            raise ValueError(f"MTN MoMo pays out {cls.country.currency} here")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        name, country = self.country.prefix, self.country
        if self.target_environment not in (SANDBOX, country.target_environment):
            raise ValueError(
                f"{name}_TARGET_ENVIRONMENT must be sandbox or {country.target_environment}"
            )
        given = [value is not None for value in self._former_values()]
        if any(given) and not all(given):
            raise ValueError(
                f"{name}_FORMER_API_BASE and the six credentials there belong together"
            )
        if self.former_api_base is not None and self._former_base == self.base:
            raise ValueError(f"{name}_FORMER_API_BASE is the address of new payments")
        self._check_mode()
        return self

    def _check_mode(self) -> None:
        name, host = self.country.prefix, urlsplit(self.base).hostname or ""
        is_play = self.target_environment == SANDBOX
        if is_play and host in _REAL_HOSTS:
            raise ValueError(f"{name}_TARGET_ENVIRONMENT=sandbox, but the address is MTN's own")
        if self.mode == "test" and not is_play and not _is_loopback(host):
            raise ValueError(
                f"{name}_TARGET_ENVIRONMENT={self.target_environment} moves real money and does "
                "not go with CIFT_MODE=test"
            )
        if self.mode == "live" and (is_play or _is_loopback(host)):
            raise ValueError(f"{name}: CIFT_MODE=live needs the country's own environment")
        if self.mode == "live" and not self.callback_url.startswith("https://"):
            raise ValueError("MOMO_CALLBACK_URL must be https with real money")
        if self.mode == "live" and self.check_speed != 1:
            raise ValueError("MOMO_CHECK_SPEED must be 1 with real money")

    @property
    def base(self) -> str:
        """The base address for new payments, without a slash at its end."""
        own = SANDBOX_BASE if self.target_environment == SANDBOX else PLATFORMS[self.platform]
        return (self.api_base or self.general_api_base or own).rstrip("/")

    @property
    def current(self) -> Platform:
        """The platform that takes new payments."""
        return Platform(
            self.base,
            self.target_environment,
            {
                "collection": Credentials(
                    self.collection_subscription_key,
                    self.collection_api_user,
                    self.collection_api_key,
                ),
                "disbursement": Credentials(
                    self.disbursement_subscription_key,
                    self.disbursement_api_user,
                    self.disbursement_api_key,
                ),
            },
        )

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platform of new payments, and after a move the one of earlier payments."""
        former = self._former_credentials()
        if former is None:
            return (self.current,)
        return (self.current, Platform(self._former_base, self.target_environment, former))

    @property
    def wire_currency(self) -> str:
        """The currency of new payments on the wire; EUR stands for the country's in the sandbox."""
        return wire_currency(self.country, self.target_environment)

    @property
    def callback_base(self) -> str:
        """Scheme and host of callbacks."""
        parts = urlsplit(self.callback_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def minimum(self) -> Mapping[str, Money]:
        """By currency, the balance below which withdrawals are refused."""
        return parse_amounts(self.float_minimum)

    @property
    def answer_deadline_s(self) -> float:
        """Seconds after which a request is given up, even when its answer still arrives slowly."""
        return 2 * self.connect_timeout_s + 1.5 * self.read_timeout_s

    @property
    def _former_base(self) -> str:
        return (self.former_api_base or "").rstrip("/")

    def _former_values(self) -> tuple[object, ...]:
        return (
            self.former_api_base,
            self.former_collection_subscription_key,
            self.former_collection_api_user,
            self.former_collection_api_key,
            self.former_disbursement_subscription_key,
            self.former_disbursement_api_user,
            self.former_disbursement_api_key,
        )

    def _former_credentials(self) -> Mapping[Product, Credentials] | None:
        found: dict[Product, Credentials] = {}
        for product in PRODUCTS:
            subscription = getattr(self, f"former_{product}_subscription_key")
            user = getattr(self, f"former_{product}_api_user")
            key = getattr(self, f"former_{product}_api_key")
            if None in (subscription, user, key):
                return None
            found[product] = Credentials(subscription, user, key)
        return found


class UgandaConfig(MomoConfig):
    """MTN MoMo Uganda."""

    model_config = named(UGANDA)
    country = UGANDA


class RwandaConfig(MomoConfig):
    """MTN MoMo Rwanda."""

    model_config = named(RWANDA)
    country = RWANDA


CONFIGS: Mapping[str, type[MomoConfig]] = {UGANDA.rail: UgandaConfig, RWANDA.rail: RwandaConfig}
"""The settings of each country, by rail."""


def wire_currency(country: Country, target: str) -> str:
    """The currency on the wire in a target environment."""
    return SANDBOX_CURRENCY if target == SANDBOX else country.currency


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def config_of(country: Country) -> MomoConfig | None:
    """Read the settings of a country; None if not one of its own required variables is set.

    Raises:
        SettingsInvalid: some of them are set, and another setting is missing or wrong.
    """
    return load_if_set(CONFIGS[country.rail], own_variables(country))


def own_variables(country: Country) -> list[str]:
    """The required variables of a country that no other country reads."""
    required = required_variables(CONFIGS[country.rail])
    return [name for name in required if name.startswith(f"{country.prefix}_")]


def load_uganda_config() -> UgandaConfig:
    """Load the settings of MTN MoMo Uganda from the environment.

    Raises:
        SettingsInvalid: names what is missing, wrong or contradictory, never a value.
    """
    return load_settings(UgandaConfig)


def load_rwanda_config() -> RwandaConfig:
    """Load the settings of MTN MoMo Rwanda; raises as `load_uganda_config`."""
    return load_settings(RwandaConfig)
