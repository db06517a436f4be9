"""Every setting of the twin, by name: environment variables with the prefix ``CIFT_SANDBOX_``."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from provider_sandbox.daraja.behaviours import BEHAVIOURS

FIXED = frozenset(
    {
        "http_port",
        "state",
        "seed",
        "callback_timeout_s",
        "consumer_key",
        "consumer_secret",
        "passkey",
        "initiator_password",
        "b2c_float_kes",
        "stripe_secret_key",
        "stripe_publishable_key",
    }
)
"""Settings that cannot change while the twin runs."""


_SECRET = {
    "consumer_key",
    "consumer_secret",
    "passkey",
    "initiator_password",
    "stripe_secret_key",
    "stripe_webhook_secret",
    "stripe_webhook_old_secret",
}

_API_VERSION = r"^\d{4}-\d\d-\d\d(\.[a-z]+)?$"


class Settings(BaseSettings):
    """What the twin is told at its start; secrets have no default, so a missing one stops it.

    Delays are in seconds of real provider time and are divided by ``speed``.
    """

    model_config = SettingsConfigDict(
        env_prefix="CIFT_SANDBOX_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    http_port: int = Field(default=8090, ge=0, le=65535)
    """Port on 127.0.0.1."""
    state: Path = Path("provider-sandbox.sqlite3")
    """SQLite file with everything that survives a restart; the RSA key pair lies beside it."""
    speed: PositiveFloat = 1
    """Factor on all delays: 20 means twenty times faster than the real provider."""
    seed: int = 1
    """Seed of the noise, so that two runs answer alike."""
    callback_timeout_s: PositiveFloat = 10
    """How long a callback's receiver may take, in real seconds."""

    consumer_key: str = Field(min_length=1)
    """Daraja app key."""
    consumer_secret: SecretStr = Field(min_length=1)
    """Daraja app secret."""
    short_code: str = Field(default="174379", pattern=r"^\d{5,7}$")
    """PayBill that takes deposits."""
    passkey: SecretStr = Field(min_length=1)
    """Lipa na M-Pesa passkey of the PayBill."""
    b2c_short_code: str = Field(default="600992", pattern=r"^\d{5,7}$")
    """Short code that pays out."""
    initiator_name: str = "testapi"
    """API operator of both short codes."""
    initiator_password: SecretStr = Field(min_length=1)
    """Password inside SecurityCredential."""
    initiator_attempts: int = Field(default=5, ge=1)
    """Wrong passwords in a row after which the operator is locked (8006)."""

    wallet_kes: NonNegativeInt = 100_000
    """What a phone holds before its first payment, in whole shillings."""
    b2c_float_kes: NonNegativeInt = 1_000_000
    """What the B2C utility account holds in a fresh state, in whole shillings."""
    b2c_fee_kes: str = Field(default="22.40", pattern=r"^\d+\.\d\d$")
    """What Safaricom charges for one payout, taken from the Charges Paid account."""
    suffix_behaviours: bool = True
    """Whether the last three digits of a phone choose its behaviour; off for random numbers."""
    public_test_phone: str = "pays"
    """Behaviour of 254708374149. The real one never answers (``times_out``)."""

    refuse_url_words: bool = True
    """Whether callback addresses with words like "mpesa" or "query" are refused."""
    new_token_invalidates: bool = True
    """Whether a new token ends the former one (Daraja Authorization documentation)."""
    expires_in_as_text: bool = False
    """Whether ``expires_in`` is a string, as in older Daraja samples."""
    token_error: Literal["404.001.03", "400.003.01", "401.002.01", "401.003.01"] = "404.001.03"  # noqa: S105 - an error code
    """How a refused token is reported; all four occur in the field."""
    in_flight_shape: Literal["4999", "error_500", "error_200_empty"] = "4999"
    """How a query answers while the payment is open."""
    query_noise: float = Field(default=0.2, ge=0, le=1)
    """Share of queries on open payments that answer 500.001.1001 instead."""
    balance_item: bool = True
    """Whether success metadata has a ``Balance`` item, always without ``Value``."""
    single_parameter: bool = False
    """Whether a result carries one ``ResultParameter`` as an object instead of a list."""
    reference_item_list: bool = False
    """Whether ``ReferenceItem`` is a list instead of an object."""
    result_code_as_text: bool = False
    """Whether results (not STK callbacks) carry ``ResultCode`` as a string."""
    blank_keys: bool = False
    """Whether transaction status spells keys with blanks (``Conversation ID``)."""
    c2b_confirmation: bool = False
    """Whether an STK payment also raises a C2B confirmation at the registered address."""

    lock_s: float = Field(default=60, ge=0)
    """How long a phone refuses a second prompt; 0 switches the lock off."""
    same_amount_s: float = Field(default=120, ge=0)
    """How long the same amount from the same phone ends with 17; 0 switches the rule off."""
    success_s: float = Field(default=17, ge=0)
    """Prompt answered with the PIN, from submission."""
    cancel_s: float = Field(default=27, ge=0)
    """Prompt canceled, from submission."""
    unreachable_s: float = Field(default=14, ge=0)
    """Phone unreachable, as the query tells it, from submission."""
    unreachable_callback_s: float = Field(default=26, ge=0)
    """Phone unreachable, as the callback tells it, from submission."""
    refusal_s: float = Field(default=5, ge=0)
    """Refusal by M-Pesa itself, before any prompt, from submission."""
    late_success_s: float = Field(default=60, ge=0)
    """Payment of a deposit that was reported as failed, from submission."""
    long_s: float = Field(default=170, ge=0)
    """End of a payment that stays open for long, from submission."""
    never_s: float = Field(default=86_400, ge=0)
    """End of a payment that nobody answers, from submission."""
    callback_lag_s: float = Field(default=1, ge=0)
    """From a payment's end to its callback."""
    result_s: float = Field(default=5, ge=0)
    """From an accepted payout, status, reversal or balance request to its execution."""

    stripe_secret_key: SecretStr | None = None
    """Key that the Stripe face takes; without it there is no Stripe face."""
    stripe_publishable_key: str = Field(default="pk_test_sandbox", pattern="^pk_test_.+")
    """Key of the paying client: the card form confirms with it and a client secret."""
    stripe_webhook_url: str = ""
    """Where events are posted; empty: nowhere."""
    stripe_webhook_secret: SecretStr = SecretStr("whsec_sandbox")
    """Signs events."""
    stripe_webhook_old_secret: SecretStr | None = None
    """Signs them as well while the endpoint's secret is being changed."""
    stripe_webhook_events: tuple[str, ...] = (
        "payment_intent.*",
        "setup_intent.*",
        "payment_method.*",
        "charge.*",
        "refund.*",
    )
    """Types of events that the endpoint asked for, as patterns."""
    stripe_webhook_retries_s: tuple[float, ...] = (300, 1800, 7200)
    """From each failed posting of an event to the next one; the sandbox tries three times more."""
    stripe_api_version: str = Field(default="2026-08-26.dahlia", pattern=_API_VERSION)
    """Version that the webhook endpoint was made with, shown in every event."""
    stripe_pages_url: str = ""
    """Address of this process as a browser reaches it; empty: http://127.0.0.1 and the port."""
    stripe_raw_cards: bool = False
    """Whether card numbers are taken with the secret key too; the card form always may."""
    stripe_key_life_s: float = Field(default=86_400, gt=0)
    """How long an idempotency key is kept, not scaled: callers do not scale theirs either."""
    stripe_fee_percent: str = Field(default="2.9", pattern=r"^\d{1,2}(\.\d{1,4})?$")
    """Stripe's share of a charge."""
    stripe_fee_minor: NonNegativeInt = 30
    """Fixed part of its fee, in the smallest unit of the settlement currency."""
    stripe_dispute_fee_minor: NonNegativeInt = 1500
    """Its fee for a dispute, in the smallest unit of the settlement currency."""
    stripe_settlement: dict[str, str] = {}
    """Exchange rate to US dollars by currency; what is not named settles in its own currency."""
    stripe_3ds: Literal["waits", "approve", "fail"] = "waits"
    """Whether a 3-D Secure challenge waits for a person, or ends by itself after CHALLENGE_S."""
    stripe_challenge_s: float = Field(default=5, ge=0)
    """From a challenge to its end, when it ends by itself."""
    stripe_settle_s: float = Field(default=2, ge=0)
    """From an asynchronous capture to its fee (``charge.updated``)."""
    stripe_refund_s: float = Field(default=10, ge=0)
    """From a refund to its late end: pending to succeeded, succeeded to failed."""
    stripe_dispute_s: float = Field(default=5, ge=0)
    """From the charge to its dispute."""
    stripe_search_s: float = Field(default=60, ge=0)
    """How long a new object cannot be found by search."""

    @field_validator("stripe_secret_key")
    @classmethod
    def _test_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not key.get_secret_value().startswith("sk_test_"):
            raise ValueError("must begin with sk_test_")
        return key

    @field_validator("public_test_phone")
    @classmethod
    def _known_behaviour(cls, name: str) -> str:
        if name not in BEHAVIOURS:
            raise ValueError(f"unknown behaviour; known are {', '.join(sorted(BEHAVIOURS))}")
        return name

    def changed(self, patch: dict[str, Any]) -> Self:
        """These settings with some replaced.

        Raises:
            ValueError: a name is unknown or fixed, or a value is not allowed.
        """
        fixed = sorted(FIXED & patch.keys())
        if fixed:
            raise ValueError(f"cannot change while running: {', '.join(fixed)}")
        return type(self)(**{**self.model_dump(), **patch})

    def public(self) -> dict[str, Any]:
        """The settings without the secrets."""
        return self.model_dump(mode="json", exclude=_SECRET)
