"""Identifiers in the forms of M-Pesa OpenAPI."""

import secrets
import string

_ALPHABET = string.ascii_uppercase + string.digits


def conversation_id() -> str:
    """32 hex digits."""
    return secrets.token_hex(16)


def transaction_id() -> str:
    """Eleven capital letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(11))
