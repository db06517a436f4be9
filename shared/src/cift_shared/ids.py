"""Ids that sort by the time they were made (UUID version 7, RFC 9562 section 5.7)."""

import secrets
import time
from typing import NewType, Protocol
from uuid import UUID

PaymentId = NewType("PaymentId", UUID)
AttemptId = NewType("AttemptId", UUID)

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


class IdFactory(Protocol):
    """Where new ids come from; tests pass one that repeats itself."""

    def new_id(self) -> UUID:
        """A fresh id, later than every id this factory made before (by milliseconds)."""
        ...


class SystemIds:
    """Ids from the machine's clock and its random source."""

    def new_id(self) -> UUID:
        """A fresh UUIDv7."""
        return uuid7(time.time_ns() // 1_000_000, secrets.randbits(74))


def uuid7(unix_ms: int, random_bits: int) -> UUID:
    """Lay out a UUIDv7 from milliseconds since 1970 (48 bits) and 74 random bits."""
    high_random = random_bits >> 62
    low_random = random_bits & ((1 << 62) - 1)
    return UUID(int=(unix_ms << 80) | _VERSION_7 | (high_random << 64) | _VARIANT | low_random)
