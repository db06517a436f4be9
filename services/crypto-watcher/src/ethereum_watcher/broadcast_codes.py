"""What a node's refusal of a transaction means. Pure, no I/O.

Clients have no common codes for these errors, so their texts are compared.

Source: go-ethereum core/txpool/errors.go and core/error.go; reth crates/rpc; nethermind
AcceptTxResult; besu TransactionInvalidReason; anvil crates/anvil.
"""

from enum import StrEnum


class Broadcast(StrEnum):
    """What became of a transaction that was sent to a node. The best answer is first."""

    ACCEPTED = "accepted"
    """It waits for a block, from now on or already."""
    NONCE_USED = "nonce_used"
    """A transaction with this nonce is in a block: this one, another version, or another's."""
    UNDERPRICED = "underpriced"
    """One with this nonce waits already, and this one does not offer enough more."""
    FEE_TOO_LOW = "fee_too_low"
    """Below what the node takes now."""
    WAIT = "wait"
    """Not now: no room in the node's pool, or nonces below are missing there."""
    NO_FUNDS = "no_funds"
    """The account has too little for amount and fee."""
    REFUSED = "refused"
    """The node's policy or the rules of the network: an operator must look."""
    UNKNOWN = "unknown"
    """No answer, so it may have been accepted: the same bytes are sent again."""


_WORDS = (
    (
        Broadcast.ACCEPTED,
        ("already known", "already imported", "known transaction", "alreadyknown"),
    ),
    (Broadcast.NONCE_USED, ("nonce too low", "nonce is too low", "oldnonce")),
    (
        Broadcast.UNDERPRICED,
        (
            "replacement transaction underpriced",
            "insufficient gas price to replace",
            "replacementnotallowed",
            "replacement not allowed",
        ),
    ),
    (
        Broadcast.FEE_TOO_LOW,
        (
            "transaction underpriced",
            "less than block base fee",
            "fee cap less than block",
            "feetoolow",
            "fee too low",
            "gas price below",
            "gas tip cap",
        ),
    ),
    (
        Broadcast.WAIT,
        (
            "txpool is full",
            "pool is full",
            "account limit exceeded",
            "future transaction tries to replace pending",
            "nonce too high",
            "noncetoofarinfuture",
            "nonce gap",
            "gapped",
        ),
    ),
    (
        Broadcast.NO_FUNDS,
        ("insufficient funds", "insufficientfunds", "have enough funds", "upfront cost exceeds"),
    ),
)
"""In this order: the text of a weak replacement contains that of a low fee."""


def meaning_of(text: str) -> Broadcast:
    """The meaning of a refusal by `eth_sendRawTransaction`; `text` is in lower case."""
    for meaning, words in _WORDS:
        if any(word in text for word in words):
            return meaning
    return Broadcast.REFUSED
