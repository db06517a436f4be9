"""Idempotency keys: the first answer is stored and returned again.

Source: docs.stripe.com/api/idempotent_requests. The answer is stored in the transaction of its
effect. The lock of a running request is in memory, because a running request ends with the process.
"""

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qsl

from provider_sandbox.stripe.errors import StripeError, invalid
from provider_sandbox.twin import Twin

_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer."""

    status: int
    body: bytes
    request_id: str


class Keys:
    """Stores answers by idempotency key."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._in_progress: set[str] = set()

    def fingerprint(self, method: str, path: str, raw: str) -> str:
        """A keyed hash that identifies a request, independent of the order of its fields."""
        fields = sorted(parse_qsl(raw, keep_blank_values=True))
        settings = self._twin.settings
        secret = settings.stripe_secret_key
        key = b"" if secret is None else secret.get_secret_value().encode()
        return hmac.new(key, f"{method} {path}\n{fields}".encode(), hashlib.sha256).hexdigest()

    def look_up(self, key: str, fingerprint: str) -> Answer | None:
        """The stored answer of a key; None for a new or expired key.

        Raises:
            StripeError: the key is too long (400), was used for another request (400), or is in
                use (409).
        """
        if len(key) > _LONGEST:
            raise invalid(f"Idempotency keys can be at most {_LONGEST} characters")
        if key in self._in_progress:
            raise StripeError(
                409,
                "There is currently another in-progress request using this Idempotency Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {key}. Please try again later.",
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        row = self._twin.store.one("SELECT * FROM stripe_keys WHERE key = ?", (key,))
        if row is None:
            return None
        if row["made_at"] + self._twin.settings.stripe_key_life_s <= self._twin.clock.now():
            self._twin.store.execute("DELETE FROM stripe_keys WHERE key = ?", (key,))
            return None
        if row["fingerprint"] != fingerprint:
            raise StripeError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                kind="idempotency_error",
            )
        return Answer(row["status"], row["body"].encode(), row["request_id"])

    def begin(self, key: str) -> None:
        """Lock the key for a request that is executed now."""
        self._in_progress.add(key)

    def end(self, key: str) -> None:
        """Release the key's lock."""
        self._in_progress.discard(key)

    def store(self, key: str, fingerprint: str, answer: Answer) -> None:
        """Store an answer, in the transaction of its effect."""
        self._twin.store.insert(
            "stripe_keys",
            key=key,
            fingerprint=fingerprint,
            request_id=answer.request_id,
            status=answer.status,
            body=answer.body.decode(),
            made_at=self._twin.clock.now(),
        )
