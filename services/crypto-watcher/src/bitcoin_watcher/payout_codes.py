"""Why a withdrawal is refused, in words for the customer. Pure, no I/O."""

from collections.abc import Mapping

from chain_watch.approvals import REJECTED
from cift_shared.messaging.outcomes import Failure, FailureCategory

NOT_OFFERED = Failure(
    "bitcoin_not_offered",
    FailureCategory.INVALID,
    "This can't be done with bitcoin.",
    retryable=False,
)
ADDRESS_INVALID = Failure(
    "address_invalid",
    FailureCategory.INVALID,
    "This is not an address that can be paid on this Bitcoin network.",
    retryable=False,
)
OWN_ADDRESS = Failure(
    "address_is_ours",
    FailureCategory.INVALID,
    "This is an address for deposits: pay to an address of your own wallet.",
    retryable=False,
)
ADDRESS_DENIED = Failure(
    "address_denied",
    FailureCategory.DECLINED,
    "This address can't be paid.",
    retryable=False,
)
ABOVE_CAP = Failure(
    "above_signing_limit",
    FailureCategory.LIMIT,
    "The amount is above the limit of a single withdrawal by Bitcoin.",
    retryable=False,
)
REFUSED = Failure(
    "signer_refused",
    FailureCategory.CONFIGURATION,
    "This withdrawal can't be carried out because of an error on our side.",
    retryable=False,
)
"""The signer found something that must not happen; nothing was signed, and operators are told."""

OF_SIGNER: Mapping[str, Failure] = {
    "above_cap": ABOVE_CAP,
    "denied": ADDRESS_DENIED,
    "rejected": REJECTED,
}
"""Reasons of the signer that say something about the customer's request."""
