"""API keys: authenticate the caller, and limit what a paying client may call.

Source: docs.stripe.com/api/authentication, docs.stripe.com/keys.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any

from provider_sandbox.settings import Settings
from provider_sandbox.stripe.errors import StripeError, missing


def is_publishable(settings: Settings, authorization: str | None, form_key: str | None) -> bool:
    """Check the key; True when it is the publishable key, which a paying client uses.

    Args:
        settings: contains both keys.
        authorization: the header, ``Bearer`` or ``Basic`` with the key as user name.
        form_key: the field ``key``, as Stripe.js sends it.

    Raises:
        StripeError: HTTP 401, the key is missing or wrong.
    """
    key = _from_header(authorization) or form_key
    if not key:
        raise StripeError(
            401,
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY'). See https://docs.stripe.com/api#authentication for details.",
        )
    if hmac.compare_digest(key.encode(), settings.stripe_publishable_key.encode()):
        return True
    secret = settings.stripe_secret_key
    right = "" if secret is None else secret.get_secret_value()
    if not hmac.compare_digest(key.encode(), right.encode()):
        raise StripeError(401, f"Invalid API Key provided: {masked(key)}")
    return False


def _from_header(authorization: str | None) -> str | None:
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return None


def masked(key: str) -> str:
    """A key that may be shown in an error message: its kind and its last four characters."""
    return f"{key[:8]}{'*' * 16}{key[-4:] if len(key) > 16 else ''}"


_CLIENT_OPERATIONS = frozenset(
    {
        "stripe.payment_intents.confirm",
        "stripe.payment_intents.retrieve",
        "stripe.setup_intents.confirm",
        "stripe.setup_intents.retrieve",
        "stripe.payment_methods.create",
    }
)


def check_client(operation: str) -> None:
    """Refuse the publishable key for operations that need the secret key.

    Raises:
        StripeError: HTTP 401.
    """
    if operation not in _CLIENT_OPERATIONS:
        raise StripeError(
            401,
            "This API call cannot be made with a publishable API key. Please use a secret API "
            "key. You can find a list of your API keys at "
            "https://dashboard.stripe.com/account/apikeys.",
            code="secret_key_required",
        )


def check_client_secret(body: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Refuse a paying client that does not send the intent's client secret.

    Raises:
        StripeError: HTTP 404, as if the intent did not exist.
    """
    given = str(params.get("client_secret", ""))
    if not hmac.compare_digest(given.encode(), str(body["client_secret"]).encode()):
        raise missing(str(body["object"]), str(body["id"]), param="intent")
