"""Which call to Daraja a callback answers: one byte of the callback path."""

from enum import IntEnum


class Purpose(IntEnum):
    """Which call of the attempt the provider answers on this path."""

    STK_PUSH = 1
    """Result of a push to the payer's phone."""
    PAYOUT = 2
    """Result of a payout to a phone."""
    PAYOUT_TIMEOUT = 3
    """The payout timed out in the provider's queue: its result is unknown."""
    STATUS = 4
    """Result of a transaction status query."""
    STATUS_TIMEOUT = 5
    """The status query itself timed out in the provider's queue."""
    REVERSAL = 6
    """Result of a reversal."""
    REVERSAL_TIMEOUT = 7
    """The reversal timed out in the provider's queue: its result is unknown."""
    RECORD = 8
    """A row of the provider's own records that the worker has read; it has no callback path."""
    CONFIRMATION = 9
    """What the provider posts about every incoming payment, under `NO_ATTEMPT`."""


def purpose_name(purpose: int | None) -> str:
    """The call's name for the timeline; its number when only a later release knows it."""
    if purpose is None:
        return "general"
    known = {int(one): one.name.lower() for one in Purpose}
    return known.get(purpose, str(purpose))
