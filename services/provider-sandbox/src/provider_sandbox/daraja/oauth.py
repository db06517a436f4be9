"""Access tokens: ``GET /oauth/v1/generate`` and the token check of every other route.

Source: Daraja documentation, "Authorization" (3599 seconds; a new token ends the former one).
"""

import base64
import binascii
import secrets
from typing import Any

from provider_sandbox.daraja.errors import DarajaError
from provider_sandbox.twin import Twin

LIFETIME_S = 3599

_WORDINGS = {
    "404.001.03": (404, "Invalid Access Token"),
    "400.003.01": (400, "Invalid Access Token"),
    "401.002.01": (401, "Error Occurred - Invalid Access Token"),
    "401.003.01": (401, "Invalid Access Token"),
}


def token_error(code: str) -> DarajaError:
    """The error for a refused token, in one of its four variants."""
    status, message = _WORDINGS[code]
    return DarajaError(status, code, message)


def generate(twin: Twin, *, authorization: str, grant_type: str | None) -> dict[str, Any] | None:
    """A new token; None when key or secret are wrong (observed: 400 with an empty body).

    Raises:
        DarajaError: the authentication is not Basic, or the grant type is another one.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise DarajaError(400, "400.008.01", "Invalid Authentication passed")
    if grant_type != "client_credentials":
        raise DarajaError(400, "400.008.02", "Invalid grant type passed")
    if not _is_ours(twin, encoded):
        return None
    lifetime: int | str = str(LIFETIME_S) if twin.settings.expires_in_as_text else LIFETIME_S
    return {"access_token": _issue(twin), "expires_in": lifetime}


def require_token(twin: Twin, authorization: str | None) -> None:
    """Check that the request has a valid token.

    Raises:
        DarajaError: there is no token, or it is unknown, replaced or expired.
    """
    if not authorization:
        raise DarajaError(404, "404.001.04", "Invalid Authentication Header")
    scheme, _, token = authorization.partition(" ")
    row = twin.store.one("SELECT expires_at, live FROM daraja_tokens WHERE token = ?", (token,))
    live = row is not None and bool(row["live"]) and row["expires_at"] > twin.clock.now()
    if scheme.lower() != "bearer" or not live:
        raise token_error(twin.settings.token_error)


def expire_all(twin: Twin) -> int:
    """Invalidate every token now; return how many were valid."""
    return twin.store.execute("UPDATE daraja_tokens SET live = 0 WHERE live = 1").rowcount


def _issue(twin: Twin) -> str:
    token = secrets.token_urlsafe(21)  # 28 characters, like real tokens
    with twin.store.transaction():
        if twin.settings.new_token_invalidates:
            expire_all(twin)
        twin.store.insert(
            "daraja_tokens", token=token, expires_at=twin.clock.now() + LIFETIME_S, live=1
        )
    return token


def _is_ours(twin: Twin, encoded: str) -> bool:
    try:
        given = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    secret = twin.settings.consumer_secret.get_secret_value()
    return secrets.compare_digest(given, f"{twin.settings.consumer_key}:{secret}".encode())
