"""PayPal accounts: a payer chooses the account on PayPal's own page, so a deposit names none."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from cift_shared.rails.instruments import (
    NO_FIELDS,
    Given,
    InstrumentKind,
    Named,
    Public,
    Shown,
)

KIND = "paypal"
UNKNOWN = "PayPal"
"""What is shown of an account that is not known."""

_NOTHING_KNOWN: Public = {"account": None}


class PayPalOut(Shown):
    """A PayPal account, masked."""

    kind: Literal["paypal"]
    """The kind of instrument: a PayPal account."""
    account: str | None = Field(examples=["j***@example.com"])
    """The account's e-mail address, masked; null while it is not known."""


def mask_email(email: str) -> str:
    """An e-mail address that may be shown: its first character and its domain."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain}" if name else "***"


def _read(_given: Given, _pointer: str) -> Named:
    return Named("", _NOTHING_KNOWN)


def _display(public: Public) -> str:
    return str(public.get("account") or UNKNOWN)


def _before_public(_stored: Mapping[str, Any]) -> Public:
    return _NOTHING_KNOWN


PAYER = InstrumentKind(
    kind=KIND,
    accepts=NO_FIELDS,
    chosen_by=None,
    wanted="The payer chooses the PayPal account on PayPal's page: leave the payment method out.",
    read=_read,
    shows=PayPalOut,
    display=_display,
    before_public=_before_public,
)
"""The payer's account of a deposit."""
