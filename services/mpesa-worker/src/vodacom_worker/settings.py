"""Settings of M-Pesa Tanzania and of its part of the worker, from environment variables."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from cift_shared.errors import SettingsInvalid
from cift_shared.security.published_keys import refuse_published
from cift_shared.settings import EnvironmentSettings, load_settings
from vodacom_method.settings import Environment

API_BASE = "https://openapi.m-pesa.com:443"
"""Vodacom's host; sandbox and production differ in the path. Source: openapiportal.m-pesa.com."""
_PATHS = {"sandbox": "sandbox", "production": "openapi"}

PUBLISHED = frozenset({"000000"})
"""The service provider code of all users of the sandbox."""

Flow = Literal["asynchronous", "synchronous"]


class VodacomConfig(EnvironmentSettings):
    """The settings for calls to Vodacom for one application; secrets have no default."""

    api_key: SecretStr = Field(validation_alias="MPESA_TZ_API_KEY", min_length=1)
    """The application's API key."""
    service_provider_code: str = Field(
        validation_alias="MPESA_TZ_SERVICE_PROVIDER_CODE", pattern=r"^[0-9A-Za-z]{4,12}$"
    )
    """Our organisation's code, which receives deposits and sends payouts."""
    environment: Environment = Field(validation_alias="MPESA_TZ_ENVIRONMENT")
    public_key: str | None = Field(default=None, validation_alias="MPESA_TZ_PUBLIC_KEY")
    """The platform's public key of this environment, base64 as the portal shows it."""
    public_key_file: Path | None = Field(default=None, validation_alias="MPESA_TZ_PUBLIC_KEY_FILE")
    """A file with that text, instead of the text itself."""
    api_base: str = Field(default=API_BASE, validation_alias="MPESA_TZ_API_BASE")
    """Base address of another M-Pesa OpenAPI, such as the local twin."""
    mode: Literal["test", "live"] = Field(default="test", validation_alias="CIFT_MODE")

    flow: Flow = Field(default="asynchronous", validation_alias="MPESA_TZ_FLOW")
    """How the application at Vodacom answers: at once, with the result posted to our listener; or
    only with the result, while the payer enters the PIN."""
    origin: str = Field(default="*", validation_alias="MPESA_TZ_ORIGIN")
    """The `Origin` header that the application allows."""
    session_s: int = Field(default=3600, ge=180, le=604_800, validation_alias="MPESA_TZ_SESSION_S")
    """The lifetime of a session in seconds, as the application sets it."""

    connect_timeout_s: float = Field(
        default=5, gt=0, le=30, validation_alias="MPESA_TZ_CONNECT_TIMEOUT_S"
    )
    read_timeout_s: float = Field(
        default=30, gt=0, le=60, validation_alias="MPESA_TZ_READ_TIMEOUT_S"
    )
    hold_timeout_s: float = Field(
        default=120, gt=0, le=300, validation_alias="MPESA_TZ_HOLD_TIMEOUT_S"
    )
    """How long a call in synchronous use may stay open, in seconds."""
    connections_max: int = Field(
        default=128, ge=1, le=1000, validation_alias="MPESA_TZ_CONNECTIONS_MAX"
    )
    requests_per_second: float = Field(
        default=20, gt=1, le=1000, validation_alias="MPESA_TZ_REQUESTS_PER_SECOND"
    )
    """Requests that one process sends in a second, at most."""
    check_speed: Decimal = Field(
        default=Decimal(1), ge=1, le=1000, validation_alias="MPESA_TZ_CHECK_SPEED"
    )
    """Divides every wait of ours; above 1 only with a twin that runs faster."""
    concurrency: int = Field(
        default=128, ge=1, le=1000, validation_alias="CIFT_MPESA_TZ_WORKER_CONCURRENCY"
    )
    """Maximum concurrent calls to Vodacom, for each loop."""
    fee_schedule: str | None = Field(default=None, validation_alias="CIFT_FEE_SCHEDULE")

    @field_validator("api_base")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be an http(s) address without a user name")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.environment == "production") is not (self.mode == "live"):
            raise ValueError(
                f"MPESA_TZ_ENVIRONMENT={self.environment} does not go with CIFT_MODE={self.mode}"
            )
        if (self.public_key is None) is (self.public_key_file is None):
            raise ValueError("set either MPESA_TZ_PUBLIC_KEY or MPESA_TZ_PUBLIC_KEY_FILE")
        if self.mode == "live":
            self._check_live()
        return self

    def _check_live(self) -> None:
        refuse_published("MPESA_TZ_SERVICE_PROVIDER_CODE", [self.service_provider_code], PUBLISHED)
        if self.check_speed != 1:
            raise ValueError("MPESA_TZ_CHECK_SPEED must be 1 with real money")
        if not self.api_base.startswith("https://"):
            raise ValueError("MPESA_TZ_API_BASE must be https with real money")

    @property
    def is_synchronous(self) -> bool:
        """True when a call stays open until its result is known."""
        return self.flow == "synchronous"

    @property
    def path(self) -> str:
        """What precedes the name of each call. Source: M-Pesa OpenAPI documentation, "Markets"."""
        return f"{self.api_base}/{_PATHS[self.environment]}/ipg/v2/vodacomTZN"

    @property
    def app(self) -> str:
        """Identifies the application, whose sessions all processes share."""
        return f"{self.path}|{self.api_key.get_secret_value()}"

    def answer_deadline_s(self, *, held: bool = False) -> float:
        """Seconds after which a request is given up; `held`: a call that may stay open."""
        read_s = self.hold_timeout_s if held else self.read_timeout_s
        return 2 * self.connect_timeout_s + 1.2 * read_s

    @property
    def longest_work(self) -> timedelta:
        """More than a session's request, a query and a payment together take."""
        ordinary_s = self.answer_deadline_s()
        return timedelta(
            seconds=2 * ordinary_s + self.answer_deadline_s(held=self.is_synchronous) + 5
        )

    def public_key_text(self) -> str:
        """The platform's public key, from its setting or its file.

        Raises:
            SettingsInvalid: the file can't be read.
        """
        if self.public_key_file is None:
            return self.public_key or ""
        try:
            return self.public_key_file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsInvalid(
                f"MPESA_TZ_PUBLIC_KEY_FILE: {self.public_key_file} can't be read"
            ) from error


def load_vodacom_config() -> VodacomConfig:
    """Load the settings of M-Pesa Tanzania from the environment.

    Raises:
        SettingsInvalid: names what is missing, wrong or contradictory, never a value.
    """
    return load_settings(VodacomConfig)
