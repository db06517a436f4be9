"""Settings of PayPal and of its worker, from environment variables."""

import ipaddress
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from cift_shared.errors import InvalidCommand
from cift_shared.money.amount import Money, parse_amounts
from cift_shared.settings import EnvironmentSettings, ServiceSettings, load_settings
from paypal_method.currencies import CURRENCIES
from paypal_method.settings import Environment

API_BASES = {
    "sandbox": "https://api-m.sandbox.paypal.com",
    "live": "https://api-m.paypal.com",
}
"""PayPal's hosts. Source: developer.paypal.com/api/rest/requests."""
HOSTS = {
    "sandbox": frozenset({"api-m.sandbox.paypal.com", "api.sandbox.paypal.com"}),
    "live": frozenset({"api-m.paypal.com", "api.paypal.com"}),
}
"""Every host of an environment; the names without `-m` are older, and still served."""


class PayPalConfig(EnvironmentSettings):
    """The settings for calls to PayPal for one account; secrets have no default."""

    client_id: str = Field(validation_alias="PAYPAL_CLIENT_ID", min_length=1)
    client_secret: SecretStr = Field(validation_alias="PAYPAL_CLIENT_SECRET", min_length=1)
    environment: Environment = Field(validation_alias="PAYPAL_ENVIRONMENT")
    api_base: str | None = Field(default=None, validation_alias="PAYPAL_API_BASE")
    """Base address of another PayPal than the environment's own, such as the local twin."""
    return_base: str = Field(validation_alias="PAYPAL_RETURN_BASE")
    """Public address of our gateway for payers' browsers; only scheme and host are used."""
    mode: Literal["test", "live"] = Field(default="test", validation_alias="CIFT_MODE")

    connect_timeout_s: float = Field(
        default=5, gt=0, le=30, validation_alias="PAYPAL_CONNECT_TIMEOUT_S"
    )
    read_timeout_s: float = Field(default=30, gt=0, le=60, validation_alias="PAYPAL_READ_TIMEOUT_S")
    connections_max: int = Field(
        default=64, ge=1, le=1000, validation_alias="PAYPAL_CONNECTIONS_MAX"
    )
    action_timeout_s: int = Field(
        default=9900, ge=60, le=259_200, validation_alias="CIFT_PAYPAL_ACTION_TIMEOUT_S"
    )
    """How long a payer has to approve: shorter than PayPal's own limit, which is three hours unless
    the account has an agreement."""
    webhook_id: str | None = Field(
        default=None, validation_alias="PAYPAL_WEBHOOK_ID", pattern=r"^[A-Za-z0-9]{1,50}$"
    )
    """The id that PayPal gave our webhook, a part of every signature; without it no webhook has any
    effect, and payments proceed by our own queries alone."""
    webhook_roots: Path | None = Field(default=None, validation_alias="PAYPAL_WEBHOOK_ROOTS")
    """PEM file of the roots that vouch for PayPal's certificate, such as the twin's authority;
    unset: the public roots that ship with us. Live mode accepts no other."""
    brand_name: str | None = Field(
        default=None, validation_alias="PAYPAL_BRAND_NAME", min_length=1, max_length=127
    )
    """The name that PayPal's page shows to the payer; unset: the account's own."""
    check_speed: Decimal = Field(
        default=Decimal(1), ge=1, le=1000, validation_alias="PAYPAL_CHECK_SPEED"
    )
    """Divides every wait of ours; above 1 only with a twin that runs faster."""
    float_minimum_text: str = Field(default="", validation_alias="PAYPAL_FLOAT_MINIMUM")
    """By currency, the balance below which withdrawals are refused: `USD:500.00,EUR:200.00`."""
    payout_batch_max: int = Field(
        default=1, ge=1, le=500, validation_alias="PAYPAL_PAYOUT_BATCH_MAX"
    )
    """How many withdrawals travel in one batch when several wait; PayPal shows a batch of this size
    in one answer."""
    fee_schedule: str | None = Field(default=None, validation_alias="CIFT_FEE_SCHEDULE")

    @field_validator("float_minimum_text")
    @classmethod
    def _are_amounts(cls, value: str) -> str:
        try:
            unknown = parse_amounts(value).keys() - set(CURRENCIES)
        except InvalidCommand as error:
            raise ValueError("must be amounts such as USD:500.00,EUR:200.00") from error
        if unknown:
            raise ValueError(f"PayPal does not move {', '.join(sorted(unknown))}")
        return value

    @field_validator("api_base", "return_base")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "https://unset")
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be an http(s) address without a user name")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("must be https but for this machine itself")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.environment == "live") is not (self.mode == "live"):
            raise ValueError(
                f"PAYPAL_ENVIRONMENT={self.environment} does not go with CIFT_MODE={self.mode}"
            )
        other = "sandbox" if self.environment == "live" else "live"
        if urlsplit(self.base).hostname in HOSTS[other]:
            raise ValueError(f"PAYPAL_API_BASE is PayPal's {other} host")
        if self.mode == "live":
            self._check_live()
        return self

    def _check_live(self) -> None:
        if self.webhook_roots is not None:
            raise ValueError("PAYPAL_WEBHOOK_ROOTS: with real money only public roots are trusted")
        if self.check_speed != 1:
            raise ValueError("PAYPAL_CHECK_SPEED must be 1 with real money")
        for name, address in (("API_BASE", self.base), ("RETURN_BASE", self.return_base)):
            if not address.startswith("https://"):
                raise ValueError(f"PAYPAL_{name} must be https with real money")

    @property
    def base(self) -> str:
        """The base address of PayPal, without a slash at its end."""
        return (self.api_base or API_BASES[self.environment]).rstrip("/")

    @property
    def gateway(self) -> str:
        """Scheme and host of the gateway, as payers' browsers reach it."""
        parts = urlsplit(self.return_base)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def float_minimum(self) -> Mapping[str, Money]:
        """By currency, the balance below which withdrawals are refused."""
        return parse_amounts(self.float_minimum_text)

    @property
    def answer_deadline_s(self) -> float:
        """Seconds after which a request is given up, even when its answer still arrives slowly."""
        return 2 * self.connect_timeout_s + 1.5 * self.read_timeout_s

    @property
    def app(self) -> str:
        """Identifies the app at PayPal, whose token all processes share."""
        return f"{self.base}|{self.client_id}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class WorkerSettings(ServiceSettings):
    """Settings of the PayPal worker's process."""

    concurrency: int = Field(
        default=64, ge=1, le=1000, validation_alias="CIFT_PAYPAL_WORKER_CONCURRENCY"
    )
    """Maximum concurrent calls to PayPal, for each loop."""


def load_paypal_config() -> PayPalConfig:
    """Load the settings of PayPal from the environment.

    Raises:
        SettingsInvalid: names what is missing, wrong or contradictory, never a value.
    """
    return load_settings(PayPalConfig)
