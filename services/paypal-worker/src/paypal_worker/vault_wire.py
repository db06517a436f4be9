"""Answers of the Payment Method Tokens API v3; fields that we do not read are ignored.

Source: PayPal's API descriptions (github.com/paypal/paypal-rest-api-specifications).
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from paypal_method.accounts import Account, is_email, is_payer_id
from paypal_worker import wire

_ID = r"^[0-9A-Za-z_-]{1,36}$"


class SavedPayer(wire.Part):
    """The account of the payer, as far as PayPal shows it."""

    email_address: str | None = Field(default=None, repr=False)
    payer_id: str | None = None
    account_id: str | None = None


class SavedSource(wire.Part):
    """The payment source of a token."""

    paypal: SavedPayer | None = None


class VaultCustomer(wire.Part):
    """PayPal's id of our customer."""

    id: str | None = None


class SetupToken(wire.Part):
    """An approval that the payer gives on PayPal's page."""

    id: str = Field(pattern=_ID)
    status: str | None = None
    customer: VaultCustomer | None = None
    links: list[wire.Link] = Field(default_factory=list)


class PaymentToken(wire.Part):
    """An approval that was given: deposits can be taken with it."""

    id: str = Field(pattern=_ID)
    customer: VaultCustomer | None = None
    payment_source: SavedSource | None = None

    @property
    def account(self) -> Account:
        """The account, with the approval."""
        source = self.payment_source.paypal if self.payment_source else None
        email = source.email_address if source else None
        payer = (source.payer_id or source.account_id) if source else None
        return Account(
            email=email if email and is_email(email) else None,
            payer_id=payer if payer and is_payer_id(payer) else None,
            token=self.id,
        )


class PaymentTokens(wire.Part):
    """The approvals of a customer."""

    payment_tokens: list[PaymentToken] = Field(default_factory=list)


def setup_request(return_url: str, brand_name: str | None) -> Mapping[str, Any]:
    """The request for an approval of later deposits without the payer."""
    page = {
        "return_url": return_url,
        "cancel_url": return_url,
        "shipping_preference": "NO_SHIPPING",
        **({"brand_name": brand_name} if brand_name else {}),
    }
    return {"payment_source": {"paypal": {"usage_type": "MERCHANT", "experience_context": page}}}


def token_request(setup_id: str) -> Mapping[str, Any]:
    """The request that makes a payment token of an approved setup token."""
    return {"payment_source": {"token": {"id": setup_id, "type": "SETUP_TOKEN"}}}
