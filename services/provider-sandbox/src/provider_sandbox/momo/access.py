"""Who may call: subscription keys, API users, the provisioning of the sandbox, access tokens.

Source: momodeveloper.mtn.com, "Authentication" and "Sandbox Provisioning".
"""

import base64
import binascii
import json
import secrets
import uuid
from typing import Any

from starlette.datastructures import Headers

from provider_sandbox.momo.errors import MomoError, denied, page, refused
from provider_sandbox.momo.places import BY_SHORT, PLACES, PRODUCTS, Place
from provider_sandbox.settings import Settings
from provider_sandbox.twin import Twin

SANDBOX = PLACES["sandbox"]


def is_configured(settings: Settings) -> bool:
    """True when there is a product in any environment."""
    return any(
        _setting(settings, place, product, "subscription_key")
        for place in BY_SHORT.values()
        for product in PRODUCTS
    )


def subscribed(twin: Twin, headers: Headers, product: str) -> list[Place]:
    """The environments whose subscription key a request carries.

    Raises:
        MomoError: 401, as the gate answers.
    """
    given = headers.get("ocp-apim-subscription-key", "")
    if not given:
        raise denied("Access denied due to missing subscription key.")
    found = [
        place
        for place in PLACES.values()
        if _same(_setting(twin.settings, place, product, "subscription_key"), given)
    ]
    if not found:
        raise denied("Access denied due to invalid subscription key.")
    return found


def create_user(twin: Twin, headers: Headers, body: Any) -> None:
    """``POST /v1_0/apiuser`` of the sandbox: a user under the caller's id.

    Raises:
        MomoError: 400, 401 or 409.
    """
    product = _sandbox_product(twin, headers)
    user = uuid4_of(headers.get("x-reference-id", ""))
    host = body.get("providerCallbackHost") if isinstance(body, dict) else None
    if not isinstance(host, str) or not host or "/" in host:
        raise MomoError(400)
    if twin.store.one("SELECT 1 FROM momo_users WHERE api_user = ?", (user,)) is not None:
        raise refused(409, "RESOURCE_ALREADY_EXIST", "Duplicated reference id.")
    twin.store.insert("momo_users", api_user=user, product=product, callback_host=host)


def create_key(twin: Twin, headers: Headers, user: str) -> dict[str, str]:
    """``POST /v1_0/apiuser/{id}/apikey``: a new key, which replaces the former one.

    Raises:
        MomoError: 401 or 404.
    """
    _sandbox_product(twin, headers)
    key = secrets.token_hex(16)
    changed = twin.store.execute(
        "UPDATE momo_users SET api_key = ? WHERE api_user = ?", (key, user)
    ).rowcount
    if not changed:
        raise refused(404, "RESOURCE_NOT_FOUND", "Requested resource was not found.")
    return {"apiKey": key}


def show_user(twin: Twin, headers: Headers, user: str) -> dict[str, str]:
    """``GET /v1_0/apiuser/{id}``.

    Raises:
        MomoError: 401 or 404.
    """
    _sandbox_product(twin, headers)
    row = twin.store.one("SELECT callback_host FROM momo_users WHERE api_user = ?", (user,))
    if row is None:
        raise refused(404, "RESOURCE_NOT_FOUND", "Requested resource was not found.")
    return {"providerCallbackHost": row["callback_host"], "targetEnvironment": "sandbox"}


def issue_token(twin: Twin, headers: Headers, product: str) -> dict[str, Any]:
    """``POST /{product}/token/``: a new token; the former ones stay valid.

    Raises:
        MomoError: 411 without Content-Length; 401 for wrong credentials; on the new platform also
            400 without a target environment, and 403 for some clients.
    """
    if "content-length" not in headers:
        raise page(411, "Length Required")
    if twin.settings.momo_platform == "new":
        if "python-requests" in headers.get("user-agent", ""):
            raise page(403, "Forbidden")
        if headers.get("x-target-environment") not in PLACES:
            raise refused(400, "NOT_ALLOWED_TARGET_ENVIRONMENT", "Target environment is needed.")
    user, key = _basic(headers.get("authorization", ""))
    for place in subscribed(twin, headers, product):
        if _is_user(twin, place, product, user, key):
            return _issue(twin, place, product, user)
    raise MomoError(401, json.dumps({"error": "login_failed"}).encode())


def caller(twin: Twin, headers: Headers, product: str) -> tuple[Place, str]:
    """The environment and the user of a request with a token.

    Raises:
        MomoError: 401 for key or token, 400 for another target environment than the user's.
    """
    subscribed(twin, headers, product)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    row = twin.store.one("SELECT * FROM momo_tokens WHERE token = ?", (token,))
    is_live = row is not None and row["expires_at"] > twin.clock.now()
    if scheme.lower() != "bearer" or row is None or not is_live or row["product"] != product:
        raise denied("Unauthorized. Access token is invalid or expired.")
    if headers.get("x-target-environment") != row["target"]:
        raise refused(
            400, "NOT_ALLOWED_TARGET_ENVIRONMENT", "Access to target environment is forbidden."
        )
    return PLACES[row["target"]], row["api_user"]


def callback_hosts(twin: Twin, place: Place, user: str) -> tuple[str, ...]:
    """The hosts that a callback address of this user may have."""
    if place is not SANDBOX:
        return twin.settings.momo_callback_hosts
    row = twin.store.one("SELECT callback_host FROM momo_users WHERE api_user = ?", (user,))
    return () if row is None else (row["callback_host"],)


def expire_tokens(twin: Twin) -> int:
    """End every token; answers how many there were."""
    return twin.store.execute("DELETE FROM momo_tokens").rowcount


def uuid4_of(text: str) -> str:
    """The canonical text of a version 4 UUID.

    Raises:
        MomoError: it is none.
    """
    try:
        found = uuid.UUID(text)
    except ValueError:
        found = uuid.UUID(int=0)
    if found.version != 4 or str(found) != text.lower():
        raise MomoError(400, b'{"message":"Bad request. Ensure that Reference ID is a UUID"}')
    return str(found)


def _issue(twin: Twin, place: Place, product: str, user: str) -> dict[str, Any]:
    token, life_s = secrets.token_urlsafe(96), twin.settings.momo_token_life_s
    twin.store.insert(
        "momo_tokens",
        token=token,
        target=place.target,
        product=product,
        api_user=user,
        expires_at=twin.clock.now() + life_s,
    )
    return {"access_token": token, "token_type": "access_token", "expires_in": int(life_s) or 1}


def _is_user(twin: Twin, place: Place, product: str, user: str, key: str) -> bool:
    if place is SANDBOX:
        row = twin.store.one(
            "SELECT api_key FROM momo_users WHERE api_user = ? AND product = ?", (user, product)
        )
        return row is not None and bool(row["api_key"]) and _same(row["api_key"], key)
    wanted = getattr(twin.settings, f"momo_{place.short}_{product}_api_user")
    return _same(wanted, user) and _same(_setting(twin.settings, place, product, "api_key"), key)


def _sandbox_product(twin: Twin, headers: Headers) -> str:
    for product in PRODUCTS:
        key = _setting(twin.settings, SANDBOX, product, "subscription_key")
        if _same(key, headers.get("ocp-apim-subscription-key", "")):
            return product
    raise denied("Access denied due to invalid subscription key.")


def _setting(settings: Settings, place: Place, product: str, kind: str) -> str:
    secret = getattr(settings, f"momo_{place.short}_{product}_{kind}", None)
    return "" if secret is None else str(secret.get_secret_value())


def _same(known: str, given: str) -> bool:
    return bool(known) and secrets.compare_digest(known.encode(), given.encode())


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, _, key = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user, key = "", ""
    if scheme.lower() != "basic":
        raise denied("Unauthorized.")
    return user, key
