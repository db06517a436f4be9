"""The unguessable path of one provider callback: which attempt, which call, and a proof.

A token is lower-case hex (16 bytes attempt id, 1 byte purpose, 16 bytes of HMAC-SHA-256),
so the gateway can refuse a stranger without a look-up, and no word that Daraja refuses in a
callback address ("exec", "query", "sql" ...) can appear in it.
"""

import hashlib
import hmac
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from cift_shared.ids import AttemptId

_TOKEN_BYTES = 33
_PROOF_BYTES = 16


class Purpose(IntEnum):
    """Which call of the attempt the provider answers on this path."""

    STK_PUSH = 1
    """Result of a push to the payer's phone."""
    PAYOUT = 2
    """Result of a payout to a phone."""
    PAYOUT_TIMEOUT = 3
    """The provider's queue gave up on the payout in time: no verdict."""
    STATUS = 4
    """Result of a transaction status query."""
    STATUS_TIMEOUT = 5
    """The status query itself timed out in the provider's queue."""
    REVERSAL = 6
    """Result of a reversal."""
    REVERSAL_TIMEOUT = 7
    """The reversal timed out in the provider's queue: no verdict."""


@dataclass(frozen=True, slots=True)
class CallbackAddress:
    """What a valid token stands for."""

    attempt_id: AttemptId
    purpose: Purpose


class CallbackTokens:
    """Makes and checks tokens under one key, shared by the gateway and the workers."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, attempt_id: AttemptId, purpose: Purpose) -> str:
        """The token for one call of one attempt: 66 hex digits, always the same."""
        claim = attempt_id.bytes + bytes([purpose])
        return (claim + self._proof(claim)).hex()

    def read(self, token: str) -> CallbackAddress | None:
        """What the token stands for, None when it isn't one of ours (constant time)."""
        try:
            raw = bytes.fromhex(token)
        except ValueError:
            return None
        if len(raw) != _TOKEN_BYTES or token != raw.hex():  # fromhex takes blanks and capitals too
            return None
        claim, proof = raw[:-_PROOF_BYTES], raw[-_PROOF_BYTES:]
        if not hmac.compare_digest(proof, self._proof(claim)) or claim[16] not in _PURPOSES:
            return None
        return CallbackAddress(AttemptId(UUID(bytes=claim[:16])), Purpose(claim[16]))

    def _proof(self, claim: bytes) -> bytes:
        return hmac.new(self._key, claim, hashlib.sha256).digest()[:_PROOF_BYTES]


_PURPOSES = frozenset(int(purpose) for purpose in Purpose)
