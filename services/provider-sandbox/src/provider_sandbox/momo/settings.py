"""The settings of the MTN MoMo twin; ``provider_sandbox.settings`` adds them to the others."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MOMO_SECRET = frozenset(
    {
        f"momo_{place}_{product}_{kind}"
        for place in ("ug", "rw", "sandbox")
        for product in ("collection", "disbursement")
        for kind in ("subscription_key", "api_key")
    }
)
MOMO_FIXED = MOMO_SECRET | frozenset({"momo_float_ug", "momo_float_rw", "momo_float_sandbox"})
"""Settings that cannot change while the twin runs."""

_NONE = SecretStr("")


class MomoSettings(BaseSettings):
    """Delays are in seconds of real provider time and are divided by ``speed``.

    The lifetime of tokens is not, because callers do not scale theirs.
    """

    model_config = SettingsConfigDict(
        env_prefix="CIFT_SANDBOX_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    momo_ug_collection_subscription_key: SecretStr = _NONE
    """Uganda, Collection: the subscription key; without it the product is not there."""
    momo_ug_collection_api_user: str = ""
    """Uganda, Collection: the API user."""
    momo_ug_collection_api_key: SecretStr = _NONE
    """Uganda, Collection: the API user's key."""
    momo_ug_disbursement_subscription_key: SecretStr = _NONE
    """Uganda, Disbursement: the subscription key."""
    momo_ug_disbursement_api_user: str = ""
    """Uganda, Disbursement: the API user."""
    momo_ug_disbursement_api_key: SecretStr = _NONE
    """Uganda, Disbursement: the API user's key."""
    momo_rw_collection_subscription_key: SecretStr = _NONE
    """Rwanda, Collection: the subscription key; without it the product is not there."""
    momo_rw_collection_api_user: str = ""
    """Rwanda, Collection: the API user."""
    momo_rw_collection_api_key: SecretStr = _NONE
    """Rwanda, Collection: the API user's key."""
    momo_rw_disbursement_subscription_key: SecretStr = _NONE
    """Rwanda, Disbursement: the subscription key."""
    momo_rw_disbursement_api_user: str = ""
    """Rwanda, Disbursement: the API user."""
    momo_rw_disbursement_api_key: SecretStr = _NONE
    """Rwanda, Disbursement: the API user's key."""
    momo_sandbox_collection_subscription_key: SecretStr = _NONE
    """MTN's sandbox, Collection: the subscription key; users are made by the provisioning calls."""
    momo_sandbox_disbursement_subscription_key: SecretStr = _NONE
    """MTN's sandbox, Disbursement: the subscription key."""

    momo_platform: Literal["legacy", "new"] = "legacy"
    """The new platform also wants X-Target-Environment with a token, and refuses some clients."""
    momo_token_life_s: PositiveFloat = 3600
    """Lifetime of an access token."""
    momo_callback_hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    """Hosts that a callback address may have, outside of the sandbox."""
    momo_callback_method: Literal["POST", "PUT", "both"] = "both"
    """How callbacks are sent; both: in turn, by the parity of the transaction."""

    momo_wallet: NonNegativeInt = 10_000_000
    """Balance of a phone's wallet before its first payment, in whole units."""
    momo_float_ug: NonNegativeInt = 100_000_000
    """Balance of Uganda's disbursement account in a new state."""
    momo_float_rw: NonNegativeInt = 40_000_000
    """Balance of Rwanda's disbursement account in a new state."""
    momo_float_sandbox: NonNegativeInt = 1_000_000
    """Balance of the sandbox's disbursement account in a new state, in EUR."""

    momo_hidden_s: float = Field(default=2, ge=0)
    """How long an accepted request answers 404 to a status query."""
    momo_approve_s: float = Field(default=8, ge=0)
    """From a request to pay until its payer approves or rejects it."""
    momo_refuse_s: float = Field(default=3, ge=0)
    """From a request until MTN itself refuses it."""
    momo_window_s: float = Field(default=300, ge=0)
    """From a request to pay until it ends because nobody approves it."""
    momo_slow_s: float = Field(default=120, ge=0)
    """From a request until the end of one that takes long."""
    momo_never_s: float = Field(default=86_400, ge=0)
    """From a request until the end of one that nobody decides."""
    momo_payout_s: float = Field(default=4, ge=0)
    """From a payout or refund until its end."""
    momo_callback_lag_s: float = Field(default=1, ge=0)
    """From the end to its callback."""
    momo_status_lag_s: float = Field(default=0, ge=0)
    """From the end until a status query shows it; longer than the callback's: the callback comes
    first."""
