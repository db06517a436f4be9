"""A PayPal account that money is paid to or taken from: its sealed text, and its masked form.

Text without braces is an address for withdrawals, as the API caller gave it. JSON is an account
whose owner approved at PayPal that we take deposits from it. Both forms are stored, so they never
change.
"""

import json
import re
from dataclasses import dataclass

EMAIL_CHARS_MAX = 127
"""Maximum length of a payout's receiver. Source: PayPal's description of Payouts v1."""
_EMAIL = re.compile(
    r"[^@\s\x00-\x1f\x7f\"<>,;]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}"
)
_PAYER_ID = re.compile(r"[2-9A-HJ-NP-Z]{13}")
"""Source: PayPal's description of Orders v2, `account_id`."""
_TOKEN = re.compile(r"[0-9A-Za-z_-]{1,36}")
"""Source: PayPal's description of the Payment Method Tokens API v3, `payment_token_id`."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account; at least one of the first two is there, or the token."""

    email: str | None = None
    payer_id: str | None = None
    """PayPal's id of the account."""
    token: str | None = None
    """PayPal's id of the owner's approval of deposits; None: there is none."""

    @property
    def text(self) -> str:
        """The text that is sealed."""
        if self.token is None:
            return self.payer_id or self.email or ""
        known = {"token": self.token, "payer_id": self.payer_id, "email": self.email}
        return json.dumps({name: value for name, value in known.items() if value is not None})

    @property
    def shown(self) -> str | None:
        """The account masked: `j***@example.com` or `QX***AB`; None when nothing is known."""
        if self.email is not None:
            return mask_email(self.email)
        return f"{self.payer_id[:2]}***{self.payer_id[-2:]}" if self.payer_id else None


def mask_email(email: str) -> str:
    """An e-mail address that may be shown: its first character and its domain."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}***@{domain}" if name else "***"


def is_email(text: str) -> bool:
    """True for an e-mail address that a payout can be sent to."""
    return len(text) <= EMAIL_CHARS_MAX and _EMAIL.fullmatch(text) is not None


def is_payer_id(text: str) -> bool:
    """True for the form of PayPal's id of an account."""
    return _PAYER_ID.fullmatch(text) is not None


def is_token(text: str) -> bool:
    """True for the form of PayPal's id of an approval."""
    return _TOKEN.fullmatch(text) is not None


def account_of(text: str) -> Account | None:
    """The account of a sealed or given text; None when it is neither form."""
    if is_email(text):
        return Account(email=text)
    if is_payer_id(text):
        return Account(payer_id=text)
    return _approved(text) if text.startswith("{") else None


def _approved(text: str) -> Account | None:
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError):
        return None
    known = [stored.get(name) for name in ("email", "payer_id", "token")]
    if not all(value is None or isinstance(value, str) for value in known) or not known[2]:
        return None
    return Account(*known)
