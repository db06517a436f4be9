"""The unguessable token in a provider's callback path: the attempt, the call, and a MAC.

A token is lower-case hex (16 bytes attempt id, 1 byte purpose, 16 bytes of HMAC-SHA-256),
so the gateway can reject a forged path without a database query, and no word that a provider
refuses in a callback address ("exec", "query", "sql" ...) can appear in it.
"""

import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from cift_shared.ids import AttemptId

_TOKEN_BYTES = 33
_PROOF_BYTES = 16


NO_ATTEMPT = AttemptId(UUID(int=0))
"""The attempt id in a path that belongs to no single attempt."""


@dataclass(frozen=True, slots=True)
class CallbackAddress:
    """The content of a valid token."""

    attempt_id: AttemptId
    purpose: int
    """Which call of the attempt the provider answers; the rail numbers its calls."""


class CallbackTokens:
    """Makes and checks tokens under one key, shared by the gateway and the workers."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, attempt_id: AttemptId, purpose: int) -> str:
        """The token for one call of one attempt: 66 hex digits, always the same.

        Args:
            attempt_id: the attempt.
            purpose: the number of the call, 0 to 255.
        """
        claim = attempt_id.bytes + bytes([purpose])
        return (claim + self._proof(claim)).hex()

    def read(self, token: str) -> CallbackAddress | None:
        """The content of the token; None when it isn't one of ours (constant-time comparison)."""
        try:
            raw = bytes.fromhex(token)
        except ValueError:
            return None
        if len(raw) != _TOKEN_BYTES or token != raw.hex():  # fromhex accepts spaces and capitals
            return None
        claim, proof = raw[:-_PROOF_BYTES], raw[-_PROOF_BYTES:]
        if not hmac.compare_digest(proof, self._proof(claim)):
            return None
        return CallbackAddress(AttemptId(UUID(bytes=claim[:16])), claim[16])

    def _proof(self, claim: bytes) -> bytes:
        return hmac.new(self._key, claim, hashlib.sha256).digest()[:_PROOF_BYTES]
