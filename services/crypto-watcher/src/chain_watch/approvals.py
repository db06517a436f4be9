"""Withdrawals that a second person must approve: the rule, the same for every chain. Pure, no I/O.

The signer says which amounts need it, and signs nothing above without a decision about exactly this
recipient and amount. The watcher plans nothing before: so what waits for a person takes no nonce
and no coin, and holds back no other withdrawal.
"""

from dataclasses import dataclass

from chain_watch.verdicts import Refuse, Wait
from cift_shared.messaging.outcomes import Failure, FailureCategory

REJECTED = Failure(
    "withdrawal_rejected",
    FailureCategory.DECLINED,
    "This withdrawal was not approved.",
    retryable=False,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a withdrawal pays."""

    script: bytes
    """Of the recipient."""
    minor: int
    """In the smallest unit of the currency."""
    currency: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person has decided about a withdrawal."""

    is_approved: bool
    terms: Terms


def held_up(terms: Terms, above: int | None, decision: Decision | None) -> Wait | Refuse | None:
    """Why a withdrawal may not be signed; None: it may.

    Args:
        terms: what it pays, from the command.
        above: the amount above which it needs an approval; None: none needs it.
        decision: None: there is none.
    """
    if decision is not None and not decision.is_approved:
        return Refuse("rejected")
    if above is None or terms.minor <= above:
        return None
    if decision is None:
        return Wait("approval")
    return None if decision.terms == terms else Refuse("approved_otherwise")
