"""Every setting of the twin, by name: environment variables with the prefix ``CIFT_SANDBOX_``."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from provider_sandbox.daraja.behaviours import BEHAVIOURS
from provider_sandbox.momo.settings import MOMO_FIXED, MOMO_SECRET, MomoSettings
from provider_sandbox.paypal.settings import PAYPAL_FIXED, PAYPAL_SECRET, PayPalSettings
from provider_sandbox.vodacom.settings import VODACOM_FIXED, VODACOM_SECRET, VodacomSettings

FIXED = frozenset(
    {
        *PAYPAL_FIXED,
        *VODACOM_FIXED,
        *MOMO_FIXED,
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
    *PAYPAL_SECRET,
    *VODACOM_SECRET,
    *MOMO_SECRET,
}

_API_VERSION = r"^\d{4}-\d\d-\d\d(\.[a-z]+)?$"


class Settings(PayPalSettings, VodacomSettings, MomoSettings, BaseSettings):
    """The settings of the twin; secrets have no default, so a missing one stops the start.

    Delays are in seconds of real provider time and are divided by ``speed``.
    """

    model_config = SettingsConfigDict(
        env_prefix="CIFT_SANDBOX_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    http_port: int = Field(default=8090, ge=0, le=65535)
    """Port on 127.0.0.1."""
    state: Path = Path("provider-sandbox.sqlite3")
    """SQLite file with all state that survives a restart; its folder also has the RSA key pair."""
    speed: PositiveFloat = 1
    """Factor on all delays: 20 means twenty times faster than the real provider."""
    seed: int = 1
    """Seed of the random noise, so that two runs give the same answers."""
    callback_timeout_s: PositiveFloat = 10
    """How long the receiver of a callback may take to answer, in real seconds."""

    consumer_key: str = Field(min_length=1)
    """Daraja app key."""
    consumer_secret: SecretStr = Field(min_length=1)
    """Daraja app secret."""
    short_code: str = Field(default="174379", pattern=r"^\d{5,7}$")
    """PayBill that receives deposits."""
    passkey: SecretStr = Field(min_length=1)
    """Lipa na M-Pesa passkey of the PayBill."""
    b2c_short_code: str = Field(default="600992", pattern=r"^\d{5,7}$")
    """Short code that sends payouts."""
    initiator_name: str = "testapi"
    """API operator (initiator) of both short codes."""
    initiator_password: SecretStr = Field(min_length=1)
    """Password inside SecurityCredential."""
    initiator_attempts: int = Field(default=5, ge=1)
    """Number of wrong passwords in a row after which the operator is locked (8006)."""

    wallet_kes: NonNegativeInt = 100_000
    """Balance of a phone's wallet before its first payment, in whole shillings."""
    b2c_float_kes: NonNegativeInt = 1_000_000
    """Balance of the B2C utility account in a new state, in whole shillings."""
    b2c_fee_kes: str = Field(default="22.40", pattern=r"^\d+\.\d\d$")
    """Safaricom's charge for one payout in shillings, taken from the Charges Paid account."""
    suffix_behaviours: bool = True
    """Whether the last three digits of a phone select its behaviour; off for random numbers."""
    public_test_phone: str = "pays"
    """Behaviour of 254708374149. The real one never answers (``times_out``)."""

    refuse_url_words: bool = True
    """Whether callback addresses with words like "mpesa" or "query" are refused."""
    new_token_invalidates: bool = True
    """Whether a new token invalidates the former one (Daraja Authorization documentation)."""
    expires_in_as_text: bool = False
    """Whether ``expires_in`` is a string, as in older Daraja samples."""
    token_error: Literal["404.001.03", "400.003.01", "401.002.01", "401.003.01"] = "404.001.03"  # noqa: S105 - an error code
    """How a refused token is reported; all four occur in production."""
    in_flight_shape: Literal["4999", "error_500", "error_200_empty"] = "4999"
    """How an STK query answers while the payment is open."""
    query_noise: float = Field(default=0.2, ge=0, le=1)
    """Share of STK queries on open payments that answer 500.001.1001 instead."""
    balance_item: bool = True
    """Whether success metadata has a ``Balance`` item, always without ``Value``."""
    single_parameter: bool = False
    """Whether a result carries one ``ResultParameter`` as an object instead of a list."""
    reference_item_list: bool = False
    """Whether ``ReferenceItem`` is a list instead of an object."""
    result_code_as_text: bool = False
    """Whether results (not STK callbacks) carry ``ResultCode`` as a string."""
    blank_keys: bool = False
    """Whether transaction status spells keys with spaces (``Conversation ID``)."""
    c2b_confirmation: bool = False
    """Whether an STK payment also posts a C2B confirmation to the registered address."""

    pull_available: bool = True
    """Whether the app may pull transactions; else 401 with 401.001, as seen in the sandbox."""
    pull_page_rows: int = Field(default=100, ge=1, le=10_000)
    """Rows of one page of pulled transactions."""
    pull_delay_s: float = Field(default=0, ge=0)
    """Seconds from a payment to its row in pulled transactions."""
    pull_reach_s: float = Field(default=172_800, gt=0)
    """How far back transactions can be pulled."""
    pull_msisdn: Literal["number", "masked", "hashed"] = "masked"
    """How pulled transactions show the payer."""
    pull_none: Literal["1001", "error_500"] = "1001"
    """How an empty period is answered: ``[[]]``, or HTTP 500 with a text."""
    pull_blank_keys: bool = False
    """Whether the registration spells its key with a space (``Response Status``)."""

    lock_s: float = Field(default=60, ge=0)
    """How long a phone refuses a second prompt; 0 switches the lock off."""
    same_amount_s: float = Field(default=120, ge=0)
    """How long a second payment of the same amount from one phone ends with code 17; 0: off."""
    success_s: float = Field(default=17, ge=0)
    """From submission until the payer enters the PIN."""
    cancel_s: float = Field(default=27, ge=0)
    """From submission until the payer cancels the prompt."""
    unreachable_s: float = Field(default=14, ge=0)
    """From submission until the query reports the phone as unreachable."""
    unreachable_callback_s: float = Field(default=26, ge=0)
    """From submission until the callback reports the phone as unreachable."""
    refusal_s: float = Field(default=5, ge=0)
    """From submission until M-Pesa itself refuses, before any prompt."""
    late_success_s: float = Field(default=60, ge=0)
    """From submission until a deposit that was reported as failed is paid."""
    long_s: float = Field(default=170, ge=0)
    """From submission until the end of a payment that stays open for long."""
    never_s: float = Field(default=86_400, ge=0)
    """From submission until the end of a payment that the payer never answers."""
    callback_lag_s: float = Field(default=1, ge=0)
    """From a payment's end to its callback."""
    result_s: float = Field(default=5, ge=0)
    """From an accepted payout, status, reversal or balance request to its execution."""

    stripe_secret_key: SecretStr | None = None
    """Secret key that the Stripe twin accepts; without it there is no Stripe twin."""
    stripe_publishable_key: str = Field(default="pk_test_sandbox", pattern="^pk_test_.+")
    """Key of the paying client: the card form confirms with this key and a client secret."""
    stripe_webhook_url: str = ""
    """Address to which events are posted; empty: events are not posted."""
    stripe_webhook_secret: SecretStr = SecretStr("whsec_sandbox")
    """Secret that signs events."""
    stripe_webhook_old_secret: SecretStr | None = None
    """Second secret that also signs events, while the endpoint's secret is being changed."""
    stripe_webhook_events: tuple[str, ...] = (
        "payment_intent.*",
        "setup_intent.*",
        "payment_method.*",
        "charge.*",
        "refund.*",
    )
    """Event types that the endpoint subscribes to, as patterns."""
    stripe_webhook_retries_s: tuple[float, ...] = (300, 1800, 7200)
    """Wait after each failed posting of an event; Stripe's sandbox tries three more times."""
    stripe_api_version: str = Field(default="2026-08-26.dahlia", pattern=_API_VERSION)
    """API version of the webhook endpoint, shown in every event."""
    stripe_pages_url: str = ""
    """Address of this process as a browser reaches it; empty: http://127.0.0.1 and the port."""
    stripe_raw_cards: bool = False
    """Whether card numbers are also accepted with the secret key; the card form may always send
    them."""
    stripe_key_life_s: float = Field(default=86_400, gt=0)
    """How long an idempotency key is kept; not scaled, because callers don't scale their use of it
    either."""
    stripe_fee_percent: str = Field(default="2.9", pattern=r"^\d{1,2}(\.\d{1,4})?$")
    """Stripe's fee in percent of a charge."""
    stripe_fee_minor: NonNegativeInt = 30
    """Fixed part of Stripe's fee, in the minor unit of the settlement currency."""
    stripe_dispute_fee_minor: NonNegativeInt = 1500
    """Stripe's fee for a dispute, in the minor unit of the settlement currency."""
    stripe_settlement: dict[str, str] = {}
    """Exchange rates to US dollars by currency; other currencies settle in their own currency."""
    stripe_3ds: Literal["waits", "approve", "fail"] = "waits"
    """Whether a 3-D Secure challenge waits for a person, or ends by itself after CHALLENGE_S."""
    stripe_challenge_s: float = Field(default=5, ge=0)
    """From the start of a challenge to its end, when it ends by itself."""
    stripe_settle_s: float = Field(default=2, ge=0)
    """From an asynchronous capture to its fee (``charge.updated``)."""
    stripe_refund_s: float = Field(default=10, ge=0)
    """From a refund to its late change: pending to succeeded, succeeded to failed."""
    stripe_dispute_s: float = Field(default=5, ge=0)
    """From the charge to its dispute."""
    stripe_search_s: float = Field(default=60, ge=0)
    """How long search does not find a new object."""

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
        """A copy of these settings with some values replaced.

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
