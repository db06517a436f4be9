"""The settings of the PayPal twin; ``provider_sandbox.settings`` adds them to the others."""

from typing import Literal

from pydantic import Field, PositiveFloat, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_AMOUNT = r"^\d{1,7}(\.\d\d)?$"
_EVERY_THREE_HOURS = (10_800.0,) * 24

PAYPAL_FIXED = frozenset({"paypal_client_id", "paypal_client_secret", "paypal_balance"})
"""Settings that cannot change while the twin runs."""
PAYPAL_SECRET = frozenset({"paypal_client_secret"})


class PayPalSettings(BaseSettings):
    """Delays are in seconds of real provider time and are divided by ``speed``.

    The lifetimes of tokens, request ids and batch ids are not, because callers do not scale theirs.
    """

    model_config = SettingsConfigDict(
        env_prefix="CIFT_SANDBOX_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    paypal_client_id: str = ""
    """Client id that the PayPal twin accepts; without it there is no PayPal twin."""
    paypal_client_secret: SecretStr = SecretStr("")
    """Client secret; without it there is no PayPal twin."""
    paypal_public_url: str = ""
    """Address of this process as callers and browsers reach it, in every link and in the
    certificate's address; empty: http://127.0.0.1 and the port."""
    paypal_token_life_s: PositiveFloat = 32_400
    """Lifetime of an access token."""
    paypal_token_error: Literal["invalid_token", "AUTHENTICATION_FAILURE"] = "invalid_token"  # noqa: S105 - an error name
    """How a refused token is reported: by PayPal's token check, or as the APIs describe it."""
    paypal_webhook_url: str = ""
    """Address to which events are posted; empty: events are not posted."""
    paypal_webhook_id: str = Field(default="8PT597110X687430L", pattern=r"^[0-9A-Z]{8,50}$")
    """Id of the webhook, a part of the signed text."""
    paypal_webhook_events: tuple[str, ...] = ("*",)
    """Event types that are posted, as patterns."""
    paypal_webhook_retries_s: tuple[float, ...] = _EVERY_THREE_HOURS
    """Wait after each failed posting of an event; PayPal tries 25 times in three days."""
    paypal_order_key_s: PositiveFloat = 21_600
    """How long Orders keeps a PayPal-Request-Id; Payments keeps it 45 days, Payouts 30 days."""
    paypal_order_s: PositiveFloat = 10_800
    """How long an order waits for its payer, and how long an approval is good."""
    paypal_unique_invoices: bool = True
    """Whether our account refuses a second payment with the same invoice id."""
    paypal_payer: Literal["waits", "approve", "cancel"] = "waits"
    """Whether an order waits for a person, or is approved or cancelled after PAYPAL_PAYER_S."""
    paypal_payer_s: float = Field(default=5, ge=0)
    """From an order to its payer's decision, when it comes by itself."""
    paypal_pending_s: float = Field(default=60, ge=0)
    """From a pending capture, a payout that is held, and the like to its end."""
    paypal_refund_s: float = Field(default=30, ge=0)
    """From a pending refund to its end."""
    paypal_payout_s: float = Field(default=5, ge=0)
    """From a batch to its processing."""
    paypal_unclaimed_s: float = Field(default=2_592_000, ge=0)
    """From an unclaimed payout to its return."""
    paypal_short_balance: Literal["refused", "denied"] = "refused"
    """Whether a batch over our balance is refused at once, or accepted and then DENIED."""
    paypal_statement_delay_s: float = Field(default=10_800, ge=0)
    """From a movement to its row in transaction search."""
    paypal_balance: dict[str, str] = {"USD": "100000.00"}
    """Our balance by currency in a new state."""
    paypal_fee_percent: str = Field(default="3.49", pattern=r"^\d{1,2}(\.\d{1,4})?$")
    """PayPal's fee in percent of a capture."""
    paypal_fee_fixed: str = Field(default="0.49", pattern=_AMOUNT)
    """Fixed part of the fee, in the capture's currency."""
    paypal_payout_fee: str = Field(default="0.25", pattern=_AMOUNT)
    """PayPal's fee of one payout, in its currency."""
    paypal_amounts: dict[str, str] = {}
    """Payer behaviours by amount, such as {"13.37": "declined"}; they go before e-mail
    addresses."""
