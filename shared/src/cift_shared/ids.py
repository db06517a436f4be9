"""Ids that sort by the time of their creation (UUID version 7, RFC 9562 section 5.7)."""

import secrets
import time
from typing import NewType, Protocol
from uuid import UUID

PaymentId = NewType("PaymentId", UUID)
AttemptId = NewType("AttemptId", UUID)

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


class IdFactory(Protocol):
    """The source of new ids; tests pass one with repeatable ids."""

    def new_id(self) -> UUID:
        """A new id, later than every id that this factory made before (by milliseconds)."""
        ...


class SystemIds:
    """Ids from the machine's clock and its random source."""

    def new_id(self) -> UUID:
        """A new UUIDv7."""
        return uuid7(time.time_ns() // 1_000_000, secrets.randbits(74))


def made_at_ms(id_: UUID) -> int | None:
    """When a UUIDv7 was made, in milliseconds since 1970; None for an id of another version."""
    return id_.int >> 80 if id_.version == 7 else None


def uuid7(unix_ms: int, random_bits: int) -> UUID:
    """Build a UUIDv7 from milliseconds since 1970 (48 bits) and 74 random bits."""
    high_random = random_bits >> 62
    low_random = random_bits & ((1 << 62) - 1)
    return UUID(int=(unix_ms << 80) | _VERSION_7 | (high_random << 64) | _VARIANT | low_random)
