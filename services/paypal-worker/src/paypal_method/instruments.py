"""PayPal accounts: the payer of a deposit, and the recipient of a withdrawal.

A payer chooses the account on PayPal's own page, so a deposit names none. A withdrawal names an
account by its e-mail address or by PayPal's id of it; both are sealed, and shown masked.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cift_shared.errors import InvalidCommand
from cift_shared.rails.instruments import (
    NO_FIELDS,
    Given,
    InstrumentKind,
    Named,
    Public,
    Shown,
)
from paypal_method.accounts import EMAIL_CHARS_MAX, account_of

KIND = "paypal"
UNKNOWN = "PayPal"
"""What is shown of an account that is not known."""

_NOTHING_KNOWN: Public = {"account": None}


class AccountIn(Given):
    """A PayPal account to pay to."""

    paypal_account: str | None = Field(
        default=None, min_length=1, max_length=EMAIL_CHARS_MAX, examples=["jane@example.com"]
    )
    """The account's e-mail address, or PayPal's id of the account (13 letters and digits)."""


class PayPalOut(Shown):
    """A PayPal account, masked."""

    kind: Literal["paypal"]
    """The kind of instrument: a PayPal account."""
    account: str | None = Field(examples=["j***@example.com"])
    """The account's e-mail address or id, masked; null while it is not known."""


def _read_nothing(_given: Given, _pointer: str) -> Named:
    return Named("", _NOTHING_KNOWN)


def _read(given: AccountIn, pointer: str) -> Named:
    text = (given.paypal_account or "").strip()
    account = account_of(text)
    if account is None or account.token is not None:
        raise InvalidCommand(
            "payment_method_invalid",
            "The account must be an e-mail address or a PayPal account id.",
            pointer=f"{pointer}/paypal_account",
        )
    return Named(account.text, {"account": account.shown})


def _display(public: Public) -> str:
    return str(public.get("account") or UNKNOWN)


def _before_public(_stored: Mapping[str, Any]) -> Public:
    return _NOTHING_KNOWN


PAYER = InstrumentKind(
    kind=KIND,
    accepts=NO_FIELDS,
    chosen_by=None,
    wanted="The payer chooses the PayPal account on PayPal's page: leave the payment method out.",
    read=_read_nothing,
    shows=PayPalOut,
    display=_display,
    before_public=_before_public,
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
)
"""The recipient's account of a withdrawal."""
