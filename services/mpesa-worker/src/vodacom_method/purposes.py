"""What a notice answers: one byte of the listener's path."""

from enum import IntEnum


class Purpose(IntEnum):
    """Which calls of ours a notice on this path answers."""

    RESULT = 20
    """The result of a payment in asynchronous use; the path belongs to no single attempt. Another
    number than those of the other rails, whose tokens are made with the same key."""
