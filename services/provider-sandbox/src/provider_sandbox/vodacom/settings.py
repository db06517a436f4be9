"""The settings of the Vodacom twin; ``provider_sandbox.settings`` adds them to the others."""

from typing import Literal

from pydantic import Field, NonNegativeInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

VODACOM_FIXED = frozenset({"vodacom_api_key", "vodacom_balance"})
"""Settings that cannot change while the twin runs."""
VODACOM_SECRET = frozenset({"vodacom_api_key"})


class VodacomSettings(BaseSettings):
    """Delays are in seconds of real provider time and are divided by ``speed``."""

    model_config = SettingsConfigDict(
        env_prefix="CIFT_SANDBOX_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    vodacom_api_key: SecretStr = SecretStr("")
    """API key that the Vodacom twin accepts; without it there is no Vodacom twin."""
    vodacom_provider_code: str = Field(default="000000", pattern=r"^[0-9A-Za-z]{4,12}$")
    """Service provider code of our organisation."""
    vodacom_flow: Literal["asynchronous", "synchronous"] = "asynchronous"
    """Whether a request is answered at once and its result posted, or answered with its result."""
    vodacom_listener_url: str = ""
    """Address to which results are posted; empty: they are not posted."""
    vodacom_session_life_s: float = Field(default=3600, gt=0)
    """Lifetime of a session."""
    vodacom_session_settles_s: float = Field(default=30, ge=0)
    """From a new session's creation until it is accepted."""
    vodacom_session_calls: NonNegativeInt = 0
    """Payments of one session before INS-993; 0: no limit."""
    vodacom_session_error: Literal["empty_401", "INS-989"] = "empty_401"
    """How a refused session is reported."""
    vodacom_unique_queries: bool = True
    """Whether a query with a used conversation id is refused, too (INS-10)."""
    vodacom_unknown_query: Literal["N/A", "INS-23"] = "N/A"
    """How a query about an unknown transaction answers: that status, or that code."""
    vodacom_query_receipt: bool = True
    """Whether a query shows the transaction id of a completed payment."""
    vodacom_short_balance: Literal["at_once", "later"] = "at_once"
    """Whether a payout over our balance is refused in the answer, or accepted and then fails."""
    vodacom_wallet: NonNegativeInt = 1_000_000
    """Balance of a phone's wallet before its first payment, in whole shillings."""
    vodacom_balance: NonNegativeInt = 50_000_000
    """Balance of our organisation in a new state, in whole shillings."""
    vodacom_suffixes: bool = True
    """Whether the last three digits of a phone select its behaviour."""
    vodacom_success_s: float = Field(default=15, ge=0)
    """From a request until the payer enters the PIN."""
    vodacom_refusal_s: float = Field(default=8, ge=0)
    """From a request until M-Pesa or the payer refuses."""
    vodacom_payout_s: float = Field(default=5, ge=0)
    """From a payout or a reversal until it is carried out."""
    vodacom_timeout_s: float = Field(default=60, ge=0)
    """From a request until M-Pesa gives up waiting for the payer (INS-9)."""
    vodacom_late_s: float = Field(default=150, ge=0)
    """From a request until a payment that timed out is paid after all."""
    vodacom_long_s: float = Field(default=100, ge=0)
    """From a request until a slow payer enters the PIN."""
    vodacom_never_s: float = Field(default=86_400, ge=0)
    """From a request until the end of a payment that the payer never answers."""
    vodacom_notice_s: float = Field(default=1, ge=0)
    """From the end of a payment to its notice."""
