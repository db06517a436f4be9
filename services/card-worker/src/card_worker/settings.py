"""Settings of Stripe and of its worker, from environment variables."""

import ipaddress
from decimal import Decimal
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from cift_shared.settings import EnvironmentSettings, ServiceSettings, load_settings

API_BASE = "https://api.stripe.com"

GLOBAL_LIMIT = {"test": 25, "live": 100}
"""Requests per second that Stripe accepts from one account. Source: docs.stripe.com/rate-limits."""
ENDPOINT_LIMIT = 25
"""The same for one endpoint, in both modes."""


class CardConfig(EnvironmentSettings):
    """The settings for calls to Stripe for one account; secrets have no default."""

    secret_key: SecretStr = Field(validation_alias="STRIPE_SECRET_KEY")
    """sk_test_..., rk_live_...: a restricted key is enough."""
    publishable_key: str = Field(validation_alias="STRIPE_PUBLISHABLE_KEY")
    """pk_test_...: sent to the payer's browser with each action."""
    webhook_secret: SecretStr | None = Field(default=None, validation_alias="STRIPE_WEBHOOK_SECRET")
    """Only the gateway needs it."""
    api_base: str = Field(default=API_BASE, validation_alias="STRIPE_API_BASE")
    """Base address of Stripe, or of a substitute such as the local twin."""
    mode: Literal["test", "live"] = Field(default="test", validation_alias="CIFT_MODE")

    connect_timeout_s: float = Field(
        default=5, gt=0, le=30, validation_alias="STRIPE_CONNECT_TIMEOUT_S"
    )
    read_timeout_s: float = Field(default=20, gt=0, le=60, validation_alias="STRIPE_READ_TIMEOUT_S")
    max_network_retries: int = Field(
        default=1, ge=0, le=3, validation_alias="STRIPE_MAX_NETWORK_RETRIES"
    )
    """Quick retries of one call inside the library, with the same idempotency key."""
    replicas: int = Field(default=1, ge=1, le=20, validation_alias="CIFT_CARD_REPLICAS")
    """Number of processes that share Stripe's rate limit; each uses an equal part."""
    action_timeout_s: int = Field(
        default=1800, ge=60, le=86_400, validation_alias="CIFT_CARD_ACTION_TIMEOUT_S"
    )
    """How long a payer has for 3-D Secure, or a customer to enter a card to save."""
    check_speed: Decimal = Field(
        default=Decimal(1), ge=1, le=1000, validation_alias="STRIPE_CHECK_SPEED"
    )
    """Divides every wait of ours; above 1 only with a twin that runs faster."""
    fee_schedule: str | None = Field(default=None, validation_alias="CIFT_FEE_SCHEDULE")

    @field_validator("secret_key")
    @classmethod
    def _is_secret_key(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(
            ("sk_test_", "sk_live_", "rk_test_", "rk_live_")
        ):
            raise ValueError("must begin with sk_test_, sk_live_, rk_test_ or rk_live_")
        return value

    @field_validator("publishable_key")
    @classmethod
    def _is_publishable_key(cls, value: str) -> str:
        if not value.startswith(("pk_test_", "pk_live_")):
            raise ValueError("must begin with pk_test_ or pk_live_")
        return value

    @field_validator("api_base")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be an http(s) address without a user name")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("must be https but for this machine itself")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name, key in (
            ("STRIPE_SECRET_KEY", self.secret_key.get_secret_value()),
            ("STRIPE_PUBLISHABLE_KEY", self.publishable_key),
        ):
            of = "live" if "_live_" in key[:8] else "test"
            if of != self.mode:
                raise ValueError(
                    f"{name} is a {of} key, which does not go with CIFT_MODE={self.mode}"
                )
        if self.mode == "live" and self.check_speed != 1:
            raise ValueError("STRIPE_CHECK_SPEED must be 1 with real money")
        if self.mode == "live" and not self.api_base.startswith("https://"):
            raise ValueError("STRIPE_API_BASE must be https with real money")
        return self

    @property
    def global_share(self) -> float:
        """Requests per second that this process may send."""
        return GLOBAL_LIMIT[self.mode] / self.replicas

    @property
    def endpoint_share(self) -> float:
        """Requests per second that this process may send to one endpoint."""
        return ENDPOINT_LIMIT / self.replicas


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class WorkerSettings(ServiceSettings):
    """Settings of the card worker's process."""

    concurrency: int = Field(
        default=64, ge=1, le=1000, validation_alias="CIFT_CARD_WORKER_CONCURRENCY"
    )
    """Maximum concurrent calls to Stripe, for each loop."""


def load_card_config() -> CardConfig:
    """Load the settings of Stripe from the environment.

    Raises:
        SettingsInvalid: names what is missing, wrong or contradictory, never a value.
    """
    return load_settings(CardConfig)
