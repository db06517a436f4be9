"""PayPal accounts: the payer of a deposit, and the recipient of a withdrawal.

A payer chooses the account on PayPal's own page, so a deposit need not name one; an address fills
in the page's login. A withdrawal names an account by its e-mail address or by PayPal's id of it.
Both are sealed, and shown masked. Either is saved for later: an address for withdrawals, or an
account whose owner approves at PayPal that deposits are taken from it.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cift_shared.errors import InvalidCommand
from cift_shared.rails.instruments import (
    Given,
    InstrumentKind,
    Named,
    Public,
    Saving,
    Shown,
)
from cift_shared.rails.return_url import ReturnUrl
from paypal_method.accounts import EMAIL_CHARS_MAX, account_of

KIND = "paypal"
UNKNOWN = "PayPal"
"""What is shown of an account that is not known."""

_NOTHING_KNOWN: Public = {"account": None, "approved_at": None}


class AccountIn(Given):
    """A PayPal account to pay to."""

    paypal_account: str | None = Field(
        default=None, min_length=1, max_length=EMAIL_CHARS_MAX, examples=["jane@example.com"]
    )
    """The account's e-mail address, or PayPal's id of the account (13 letters and digits)."""


class AccountToSave(AccountIn):
    """A PayPal account to save: an address, or an account that its owner will approve."""

    return_url: ReturnUrl | None = None
    """Where the customer's browser goes after a step at the provider's page."""


class PayPalOut(Shown):
    """A PayPal account, masked."""

    kind: Literal["paypal"]
    """The kind of instrument: a PayPal account."""
    account: str | None = Field(examples=["j***@example.com"])
    """The account's e-mail address or id, masked; null while it is not known."""
    approved_at: str | None = Field(examples=["2026-11-22T10:00:00+00:00"])
    """When its owner approved at PayPal that deposits are taken from it; null: an address."""


def _read(given: AccountIn, pointer: str) -> Named:
    text = (given.paypal_account or "").strip()
    if not text and isinstance(given, AccountToSave):
        if given.return_url is None:
            raise InvalidCommand(
                "payment_method_invalid",
                "Send paypal_account, or return_url so that the owner can approve at PayPal.",
                pointer=f"{pointer}/return_url",
            )
        return Named("", _NOTHING_KNOWN)
    account = account_of(text)
    if account is None or account.token is not None:
        raise InvalidCommand(
            "payment_method_invalid",
            "The account must be an e-mail address or a PayPal account id.",
            pointer=f"{pointer}/paypal_account",
        )
    return Named(account.text, {"account": account.shown, "approved_at": None})


def _read_payer(given: AccountIn, pointer: str) -> Named:
    return _read(given, pointer) if given.paypal_account else Named("", _NOTHING_KNOWN)


def _display(public: Public) -> str:
    return str(public.get("account") or UNKNOWN)


def _before_public(_stored: Mapping[str, Any]) -> Public:
    return _NOTHING_KNOWN


_SAVING = Saving(
    at_provider=True,
    accepts=AccountToSave,
    required=None,
    refused="A PayPal account is saved by paypal_account, or by its owner's approval.",
    example=(
        "paypal",
        "A PayPal account for deposits, which its owner approves",
        {"method": "paypal", "customer_id": "c_42", "return_url": "https://shop.example/saved"},
    ),
    unverified="Verified once its owner has approved it at PayPal, or its address is saved.",
    verified="Saved on {at}; approved_at shows whether its owner approved it at PayPal.",
    off_session=True,
)

PAYER = InstrumentKind(
    kind=KIND,
    accepts=AccountIn,
    chosen_by="paypal_account",
    is_optional=True,
    wanted="Either an account or the id of a saved one; or leave the payment method out, and the "
    "payer chooses the account on PayPal's page.",
    read=_read_payer,
    shows=PayPalOut,
    display=_display,
    before_public=_before_public,
    saving=_SAVING,
)
"""The payer's account of a deposit."""

RECIPIENT = InstrumentKind(
    kind=KIND,
    accepts=AccountIn,
    chosen_by="paypal_account",
    wanted="Either an account or the id of a saved one.",
    read=_read,
    shows=PayPalOut,
    display=_display,
    before_public=_before_public,
    saving=_SAVING,
)
"""The recipient's account of a withdrawal."""
