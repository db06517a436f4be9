"""Our ids of payouts and of their batches, and what an attempt remembers of them; pure.

The memory fields are stored with attempts: never rename them.
"""

from cift_shared.attempts.processor import Attempt

BATCH = "batch"
"""Memory field: PayPal's id of the batch."""
SHARED = "shared"
"""Memory field: our id of the batch, if other payouts travel in it."""
ROUND = "round"
"""Memory field: how many batches of this withdrawal PayPal has denied."""


def round_of(attempt: Attempt) -> int:
    """How many batches of this withdrawal PayPal has denied."""
    return int(attempt.memory.get(ROUND) or 0)


def item_key(attempt: Attempt) -> str:
    """Our id of the item; finds the attempt of a notice, and the item in its batch."""
    return str(attempt.attempt_id)


def own_key(attempt: Attempt) -> str:
    """Our id of the withdrawal's own batch: another one only after PayPal denied the one before."""
    number = round_of(attempt)
    return f"{attempt.attempt_id}.{number}" if number else str(attempt.attempt_id)


def batch_key(attempt: Attempt) -> str:
    """Our id of the batch in which PayPal has the withdrawal."""
    return attempt.memory.get(SHARED) or own_key(attempt)
