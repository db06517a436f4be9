"""The unguessable token in the address to which a provider's page sends the payer back.

A rail's worker gives these addresses to its provider; the gateway serves them. They are public, so
a token proves that we made it, and it contains only the payment's id.
"""

import hashlib
import hmac
from dataclasses import dataclass

from cift_shared.ids import AttemptId, PaymentId
from cift_shared.security.callback_token import CallbackTokens

PATH = "/api/v1/returns/{token}"
"""The gateway's path."""
_LABEL = b"cift: a payer's return"
_CONFIRMED, _CANCELED = 0, 1


@dataclass(frozen=True, slots=True)
class PayerReturn:
    """The content of a valid token."""

    payment_id: PaymentId
    canceled: bool
    """True when the payer left the provider's page by its cancel button."""


class ReturnTokens:
    """Makes and checks tokens under a separate key, derived from the key of the callback paths."""

    def __init__(self, callback_key: bytes) -> None:
        key = hmac.digest(callback_key, _LABEL, hashlib.sha256)
        self._tokens = CallbackTokens(key)

    def address(self, base: str, payment_id: PaymentId, *, canceled: bool = False) -> str:
        """The address that a worker gives to its provider.

        Args:
            base: the gateway's public address, without a slash at the end.
            payment_id: the payment that the payer confirms at the provider.
            canceled: True for the address of the cancel button.
        """
        purpose = _CANCELED if canceled else _CONFIRMED
        token = self._tokens.make(AttemptId(payment_id), purpose)
        return base + PATH.format(token=token)

    def read(self, token: str) -> PayerReturn | None:
        """The content of the token; None when it isn't one of ours."""
        found = self._tokens.read(token)
        if found is None or found.purpose not in (_CONFIRMED, _CANCELED):
            return None
        return PayerReturn(PaymentId(found.attempt_id), found.purpose == _CANCELED)
