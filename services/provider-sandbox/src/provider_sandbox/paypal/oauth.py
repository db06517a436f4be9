"""Access tokens: ``POST /v1/oauth2/token`` and the token check of every other route.

Source: developer.paypal.com/api/rest/authentication. A new token does not end the former one.
"""

import base64
import binascii
import secrets
from typing import Any

from provider_sandbox.paypal.errors import PayPalError
from provider_sandbox.twin import Twin

APP_ID = "APP-80W284485P519543T"
"""The id of PayPal's own sandbox application."""
SCOPE = (
    "https://uri.paypal.com/services/payments/payment/authcapture "
    "https://uri.paypal.com/services/payments/refund "
    "https://uri.paypal.com/services/applications/webhooks "
    "https://uri.paypal.com/payments/payouts "
    "https://uri.paypal.com/services/disputes/read-seller "
    "https://uri.paypal.com/services/reporting/search/read"
)


def issue(twin: Twin, authorization: str | None, form: dict[str, str]) -> dict[str, Any]:
    """A new token.

    Raises:
        PayPalError: HTTP 401 for a wrong client id or secret, 400 for another grant type.
    """
    if not _is_ours(twin, authorization):
        raise _refused(401, "invalid_client", "Client Authentication failed")
    if form.get("grant_type") != "client_credentials":
        raise _refused(400, "unsupported_grant_type", "Grant Type is NULL or not supported")
    life_s = twin.settings.paypal_token_life_s
    token, now = f"A21AA{secrets.token_urlsafe(69)}", twin.clock.now()
    twin.store.insert("paypal_tokens", token=token, expires_at=now + life_s)
    return {
        "scope": SCOPE,
        "access_token": token,
        "token_type": "Bearer",
        "app_id": APP_ID,
        "expires_in": int(life_s),
        "nonce": f"{int(now)}{secrets.token_hex(12)}",
    }


def require(twin: Twin, authorization: str | None) -> None:
    """Check that the request has a valid token.

    Raises:
        PayPalError: HTTP 401; there is no token, or it is unknown or expired.
    """
    if not authorization:
        raise PayPalError(401)
    scheme, _, token = authorization.partition(" ")
    row = twin.store.one("SELECT expires_at FROM paypal_tokens WHERE token = ?", (token.strip(),))
    if scheme.lower() != "bearer" or row is None or row["expires_at"] <= twin.clock.now():
        raise invalid_token(twin)


def invalid_token(twin: Twin) -> PayPalError:
    """HTTP 401 in the form of the setting: that of PayPal's token check, or of the APIs."""
    if twin.settings.paypal_token_error == "AUTHENTICATION_FAILURE":  # noqa: S105 - an error name
        return PayPalError(401)
    return _refused(401, "invalid_token", "The token passed in was not found in the system")


def expire_all(twin: Twin) -> int:
    """Expire every token now; return how many there were."""
    return twin.store.execute("DELETE FROM paypal_tokens").rowcount


def _refused(status: int, error: str, text: str) -> PayPalError:
    return PayPalError(status, plain={"error": error, "error_description": text})


def _is_ours(twin: Twin, authorization: str | None) -> bool:
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    settings = twin.settings
    secret = settings.paypal_client_secret.get_secret_value()
    right = f"{settings.paypal_client_id}:{secret}".encode()
    return scheme.lower() == "basic" and secrets.compare_digest(given, right)
