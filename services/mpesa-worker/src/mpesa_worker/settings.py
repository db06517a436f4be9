"""Settings of M-Pesa and of its worker, from environment variables."""

from decimal import Decimal
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from cift_shared.security.published_keys import refuse_published
from cift_shared.settings import EnvironmentSettings, ServiceSettings, load_settings
from mpesa_worker.domain import is_msisdn

API_BASES = {
    "sandbox": "https://sandbox.safaricom.co.ke",
    "production": "https://api.safaricom.co.ke",
}
"""Daraja's hosts. Source: Daraja documentation, "Authorization"."""

PUBLISHED = frozenset(
    {"174379", "600992", "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"}
)
"""Safaricom's, for all users of the Daraja sandbox; the twin has the same short codes."""
_SHORT_CODE = r"^\d{5,7}$"


class MpesaConfig(EnvironmentSettings):
    """The settings for calls to Daraja for one business; secrets have no default."""

    consumer_key: SecretStr = Field(validation_alias="MPESA_CONSUMER_KEY", min_length=1)
    consumer_secret: SecretStr = Field(validation_alias="MPESA_CONSUMER_SECRET", min_length=1)
    business_short_code: str = Field(
        validation_alias="MPESA_BUSINESS_SHORT_CODE", pattern=_SHORT_CODE
    )
    """PayBill number, or head-office number of a till, that receives deposits."""
    passkey: SecretStr = Field(validation_alias="MPESA_PASSKEY", min_length=1)
    environment: Literal["sandbox", "production"] = Field(validation_alias="MPESA_ENVIRONMENT")
    callback_url: str = Field(validation_alias="MPESA_CALLBACK_URL")
    """Public address of our gateway for Safaricom; only scheme and host are used."""
    api_base: str | None = Field(default=None, validation_alias="MPESA_API_BASE")
    """Base address of another Daraja than the environment's own, such as the local twin."""
    mode: Literal["test", "live"] = Field(default="test", validation_alias="CIFT_MODE")

    transaction_type: Literal["CustomerPayBillOnline", "CustomerBuyGoodsOnline"] = Field(
        default="CustomerPayBillOnline", validation_alias="MPESA_TRANSACTION_TYPE"
    )
    party_b: str | None = Field(default=None, validation_alias="MPESA_PARTY_B", pattern=_SHORT_CODE)
    """The receiver of a deposit: the till for buy-goods, else the short code itself."""

    b2c_short_code: str | None = Field(
        default=None, validation_alias="MPESA_B2C_SHORT_CODE", pattern=_SHORT_CODE
    )
    """Short code that sends payouts; the deposits' short code when missing."""
    initiator_name: str | None = Field(default=None, validation_alias="MPESA_INITIATOR_NAME")
    """API operator for payouts, status queries and reversals."""
    initiator_password: SecretStr | None = Field(
        default=None, validation_alias="MPESA_INITIATOR_PASSWORD"
    )
    certificate_file: Path | None = Field(default=None, validation_alias="MPESA_CERTIFICATE_FILE")
    """Safaricom's X.509 certificate (PEM) of this environment, which encrypts that password."""

    connect_timeout_s: float = Field(
        default=5, gt=0, le=60, validation_alias="MPESA_CONNECT_TIMEOUT_S"
    )
    read_timeout_s: float = Field(default=30, gt=0, le=120, validation_alias="MPESA_READ_TIMEOUT_S")
    check_speed: Decimal = Field(
        default=Decimal(1), ge=1, le=1000, validation_alias="MPESA_CHECK_SPEED"
    )
    """Divides every wait of ours; above 1 only with a twin that runs faster."""
    connections_max: int = Field(
        default=64, ge=1, le=1000, validation_alias="MPESA_CONNECTIONS_MAX"
    )
    pull_enabled: bool = Field(default=True, validation_alias="MPESA_PULL_ENABLED")
    """Whether the records are read (Pull Transactions); this also needs a nominated number."""
    pull_nominated_number: SecretStr | None = Field(
        default=None, validation_alias="MPESA_PULL_NOMINATED_NUMBER"
    )
    """Safaricom number that the registration for pulls names, 2547... or 2541..., 12 digits."""
    pull_interval_s: int = Field(
        default=180, ge=10, le=3600, validation_alias="MPESA_PULL_INTERVAL_S"
    )
    """Seconds between two reads of the records; divided by the check speed."""
    fee_schedule: str | None = Field(default=None, validation_alias="CIFT_FEE_SCHEDULE")

    @field_validator("callback_url", "api_base")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "https://unset")
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be an http(s) address without a user name")
        return value

    @field_validator("pull_nominated_number")
    @classmethod
    def _is_number(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_msisdn(value.get_secret_value()):
            raise ValueError("must be a Kenyan number of 12 digits, 2547... or 2541...")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self._check_modes()
        self._check_addresses()
        if self.transaction_type == "CustomerBuyGoodsOnline" and self.party_b is None:
            raise ValueError("MPESA_PARTY_B must name the till of CustomerBuyGoodsOnline")
        given = [self.initiator_name, self.initiator_password, self.certificate_file]
        if any(given) and not all(given):
            raise ValueError(
                "MPESA_INITIATOR_NAME, MPESA_INITIATOR_PASSWORD and MPESA_CERTIFICATE_FILE "
                "belong together"
            )
        if self.mode == "live":
            self._refuse_published()
        return self

    def _refuse_published(self) -> None:
        codes = [self.business_short_code, self.b2c_short_code, self.party_b]
        refuse_published(
            "MPESA_BUSINESS_SHORT_CODE, MPESA_B2C_SHORT_CODE, MPESA_PARTY_B", codes, PUBLISHED
        )
        refuse_published("MPESA_PASSKEY", [self.passkey.get_secret_value()], PUBLISHED)

    def _check_modes(self) -> None:
        if (self.environment == "production") is not (self.mode == "live"):
            raise ValueError(
                f"MPESA_ENVIRONMENT={self.environment} does not go with CIFT_MODE={self.mode}"
            )
        if self.mode == "live" and self.check_speed != 1:
            raise ValueError("MPESA_CHECK_SPEED must be 1 with real money")

    def _check_addresses(self) -> None:
        other = "sandbox" if self.environment == "production" else "production"
        if urlsplit(self.base).hostname == urlsplit(API_BASES[other]).hostname:
            raise ValueError(f"MPESA_API_BASE is Daraja's {other} host")
        if self.environment != "production":
            return
        for name, address in (("MPESA_CALLBACK_URL", self.callback_url), ("base", self.base)):
            if not address.startswith("https://"):
                raise ValueError(f"{name} must be https in production")

    @property
    def base(self) -> str:
        """The base address of Daraja, without a slash at its end."""
        return (self.api_base or API_BASES[self.environment]).rstrip("/")

    @property
    def answer_deadline_s(self) -> float:
        """Seconds after which a request is given up, even when its answer still arrives slowly."""
        return 2 * self.connect_timeout_s + 1.5 * self.read_timeout_s

    @property
    def pulls(self) -> bool:
        """True when the records are read."""
        return self.pull_enabled and self.pull_nominated_number is not None

    @property
    def app(self) -> str:
        """Identifies the Daraja app, whose one token all processes share."""
        return f"{self.base}|{self.consumer_key.get_secret_value()}"

    @property
    def callback_base(self) -> str:
        """Scheme and host of callbacks; lower case, because Daraja refuses capitals in a host."""
        parts = urlsplit(self.callback_url)
        return f"{parts.scheme}://{parts.netloc.lower()}"

    @property
    def receiver(self) -> str:
        """`PartyB` of a deposit."""
        return self.party_b or self.business_short_code

    @property
    def payout_short_code(self) -> str:
        """`PartyA` of a payout."""
        return self.b2c_short_code or self.business_short_code


class WorkerSettings(ServiceSettings):
    """Settings of the M-Pesa worker's process."""

    concurrency: int = Field(
        default=64, ge=1, le=1000, validation_alias="CIFT_MPESA_WORKER_CONCURRENCY"
    )
    """Maximum concurrent calls to Daraja, for each loop."""


def load_mpesa_config() -> MpesaConfig:
    """Load the settings of M-Pesa from the environment.

    Raises:
        SettingsInvalid: names what is missing, wrong or contradictory, never a value.
    """
    return load_settings(MpesaConfig)
