"""What a node's refusal of a transaction means. Pure, no I/O.

Source: Bitcoin Core 30 and 31, src/rpc/protocol.h, src/validation.cpp, doc/policy.
"""

from enum import StrEnum


class Broadcast(StrEnum):
    """What became of a transaction that was sent to a node."""

    ACCEPTED = "accepted"
    """It is in the mempool, now or already."""
    CONFIRMED = "confirmed"
    """It is in a block already."""
    INPUT_GONE = "input_gone"
    """An input is spent by another transaction, or the block that made it is undone."""
    CONFLICT = "conflict"
    """Another transaction in the mempool spends an input, and this one does not pay enough more."""
    FEE_TOO_LOW = "fee_too_low"
    """Below what the node relays."""
    WAIT = "wait"
    """Not now: the node starts, or too many unconfirmed transactions depend on one another."""
    REFUSED = "refused"
    """The node's policy or the rules of the network: an operator must look."""
    UNKNOWN = "unknown"
    """No answer, so it may have been accepted: the same bytes are sent again."""


_ALREADY, _VERIFY, _REJECTED, _WARM_UP = -27, -25, -26, -28

_WORDS = (
    (_VERIFY, ("missingorspent", "missing inputs", "missing-inputs"), Broadcast.INPUT_GONE),
    (_REJECTED, ("missingorspent", "missing-inputs"), Broadcast.INPUT_GONE),
    (_REJECTED, ("txn-already-known", "txn-already-in-mempool"), Broadcast.ACCEPTED),
    (_REJECTED, ("min relay fee", "mempool min fee", "min fee not met"), Broadcast.FEE_TOO_LOW),
    (
        _REJECTED,
        ("txn-mempool-conflict", "insufficient fee", "rejecting replacement", "bip125"),
        Broadcast.CONFLICT,
    ),
    (_REJECTED, ("too-long-mempool-chain", "cluster", "too many"), Broadcast.WAIT),
)


def meaning_of(number: int, text: str) -> Broadcast:
    """The meaning of a refusal by `sendrawtransaction`; `text` is in lower case."""
    if number == _ALREADY:
        return Broadcast.CONFIRMED
    if number == _WARM_UP:
        return Broadcast.WAIT
    for code, words, meaning in _WORDS:
        if number == code and any(word in text for word in words):
            return meaning
    return Broadcast.REFUSED
