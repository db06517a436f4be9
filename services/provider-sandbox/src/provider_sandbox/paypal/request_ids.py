"""``PayPal-Request-Id``: which object a request made, so that a repeat makes no second one.

Source: developer.paypal.com/api/rest/reference/idempotency: a repeat is answered with the latest
status of the first request. Lifetimes: the headers' descriptions of each API. A used id with
another body is refused here, because such a request would hide an error of the caller.
"""

import hashlib

from provider_sandbox.paypal.errors import PayPalError, refused
from provider_sandbox.twin import Twin

DAY_S = 86_400
LIVES_S = {"orders": None, "payments": 45 * DAY_S, "payouts": 30 * DAY_S, "vault": 3 * 3600}
"""Seconds for which a group of operations keeps an id; None: the setting of orders."""


class RequestIds:
    """Stores the object that each request id made; the lock of a running request is in memory."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._under_way: set[tuple[str, str]] = set()

    def look_up(self, scope: str, key: str, operation: str, raw: bytes) -> str | None:
        """The object that a request with this id made; None for a new or expired id.

        Args:
            scope: the group of operations and what they act on, such as ``orders.capture|<id>``.
            key: the request id.
            operation: the operation's id in PayPal's description.
            raw: the request's body.

        Raises:
            PayPalError: the id is in use (409, or 422 for orders), or was used with another body.
        """
        if (scope, key) in self._under_way:
            raise _in_progress(operation)
        row = self._twin.store.one(
            "SELECT * FROM paypal_request_ids WHERE scope = ? AND key = ?", (scope, key)
        )
        if row is None:
            return None
        if row["made_at"] + self._life_s(scope) <= self._twin.clock.now():
            self._twin.store.execute(
                "DELETE FROM paypal_request_ids WHERE scope = ? AND key = ?", (scope, key)
            )
            return None
        if row["fingerprint"] != fingerprint(raw):
            raise refused(operation, "DUPLICATE_REQUEST_ID")
        return str(row["about"])

    def begin(self, scope: str, key: str) -> None:
        """Lock the id for a request that is executed now."""
        self._under_way.add((scope, key))

    def end(self, scope: str, key: str) -> None:
        """Release the id's lock."""
        self._under_way.discard((scope, key))

    def keep(self, scope: str, key: str, about: str, raw: bytes) -> None:
        """Store the object that a request made, in the transaction of its effect."""
        self._twin.store.insert(
            "paypal_request_ids",
            scope=scope,
            key=key,
            fingerprint=fingerprint(raw),
            about=about,
            made_at=self._twin.clock.now(),
        )

    def _life_s(self, scope: str) -> float:
        life_s = LIVES_S[scope.partition(".")[0]]
        return self._twin.settings.paypal_order_key_s if life_s is None else life_s


def fingerprint(raw: bytes) -> str:
    """A hash that identifies a body."""
    return hashlib.sha256(raw).hexdigest()


def _in_progress(operation: str) -> PayPalError:
    if operation == "orders.capture":
        return refused(operation, "ORDER_COMPLETION_IN_PROGRESS")
    if operation == "captures.refund":
        return refused(operation, "PREVIOUS_REQUEST_IN_PROGRESS")
    return PayPalError(409)
