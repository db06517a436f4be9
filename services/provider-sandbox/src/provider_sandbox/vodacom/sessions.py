"""Sessions: ``getSession/`` and the check of every other route.

A new session is accepted only after a while, and does not end the former one. Source: M-Pesa
OpenAPI documentation, "Generate Session Key", and its sample code.
"""

import secrets

from provider_sandbox.twin import Twin
from provider_sandbox.vodacom.errors import Refused, SessionRefused
from provider_sandbox.vodacom.keys import PlatformKeys


def create(twin: Twin, keys: PlatformKeys, *, authorization: str | None, origin: str | None) -> str:
    """A new session.

    Raises:
        Refused: INS-989: the bearer is not our API key, or there is no origin.
    """
    given = keys.opened(authorization) or ""
    ours = twin.settings.vodacom_api_key.get_secret_value()
    if not origin or not secrets.compare_digest(given.encode(), ours.encode()):
        raise Refused("INS-989")
    session, now = secrets.token_hex(16), twin.clock.now()
    settings = twin.settings
    twin.store.insert(
        "vodacom_sessions",
        session_id=session,
        live_at=now + twin.clock.span(settings.vodacom_session_settles_s),
        expires_at=now + twin.clock.span(settings.vodacom_session_life_s),
    )
    return session


def require(twin: Twin, keys: PlatformKeys, authorization: str | None) -> str:
    """The session of a request.

    Raises:
        SessionRefused: there is none, or it is unknown, not live yet or expired.
    """
    session, now = keys.opened(authorization), twin.clock.now()
    row = twin.store.one("SELECT * FROM vodacom_sessions WHERE session_id = ?", (session or "",))
    if session is None or row is None or not row["live_at"] <= now < row["expires_at"]:
        raise SessionRefused
    return session


def count_payment(twin: Twin, session: str) -> None:
    """Count a payment of a session.

    Raises:
        Refused: INS-993: the session has made as many as it may.
    """
    allowed = twin.settings.vodacom_session_calls
    row = twin.store.one("SELECT calls FROM vodacom_sessions WHERE session_id = ?", (session,))
    if allowed and row is not None and row["calls"] >= allowed:
        raise Refused("INS-993")
    twin.store.execute(
        "UPDATE vodacom_sessions SET calls = calls + 1 WHERE session_id = ?", (session,)
    )


def expire_all(twin: Twin) -> int:
    """Expire every session now; return how many were live."""
    now = twin.clock.now()
    return twin.store.execute(
        "UPDATE vodacom_sessions SET expires_at = ? WHERE expires_at > ?", (now, now)
    ).rowcount
