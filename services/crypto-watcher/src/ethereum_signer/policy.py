"""May this transfer of ether or of a token be signed? Pure, no I/O.

The signer trusts neither the watcher nor its tables: it compares the transaction's bytes with what
the customer asked for, and with what it has signed itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chain_watch.approvals import Decision, Terms, held_up
from chain_watch.verdicts import Refuse, Wait
from ethereum_watcher.domain import COIN
from ethereum_watcher.ether_transfers import Transfer, TransferInvalid, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How much of one currency is paid, in its smallest unit."""

    currency: str
    transaction_max: int
    day_max: int
    """Within 24 hours."""
    approval_above: int | None = None
    """A withdrawal of more needs a second person's approval; None: none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the operator allows."""

    chain_id: int
    ether: Caps
    tokens: Mapping[bytes, Caps] = field(default_factory=dict)
    """By contract; no other token is paid."""
    fee_max: int
    """The most that one transaction may cost, in wei."""
    denied: frozenset[bytes] = field(default=frozenset())
    """Accounts that are never paid."""

    def caps(self, transfer: Transfer) -> Caps | None:
        """The caps of what a transfer pays; None: a token that is not paid."""
        return self.ether if transfer.contract is None else self.tokens.get(transfer.contract)

    @property
    def approvals(self) -> Mapping[str, int]:
        """By currency, the amount above which an approval is needed."""
        every = (self.ether, *self.tokens.values())
        return {one.currency: one.approval_above for one in every if one.approval_above is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A transaction that the watcher wants to have signed."""

    payment_id: UUID
    version: int
    unsigned: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """What the customer asked for, from the command itself."""

    account: bytes
    wei: int
    """In the smallest unit of the currency."""
    currency: str = COIN


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed before for the same payment."""

    version: int
    account: bytes
    wei: int
    """In the smallest unit of what is paid."""
    contract: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was signed before."""

    versions: Sequence[Signed] = ()
    """Of this payment, the first one first."""
    nonce: int | None = None
    """The one that this payment has; None: none yet."""
    nonce_owner: UUID | None = None
    """The payment that the request's nonce belongs to; None: it is unused."""
    nonce_max: int = -1
    """The highest that any transaction has."""
    day_wei: int = 0
    """Paid by other withdrawals of the same currency within 24 hours; each counts once."""
    decision: Decision | None = None
    """What a second person has decided about this payment; None: nothing."""


@dataclass(frozen=True, slots=True)
class Sign:
    """It may be signed."""

    transfer: Transfer


Verdict = Sign | Wait | Refuse


def judge(
    request: Request, asked: Asked | None, limits: Limits, history: History, *, own: bytes
) -> Verdict:
    """What becomes of a request.

    Args:
        request: what the watcher wants.
        asked: None if no open withdrawal asks for it.
        limits: of the operator.
        history: what was signed before.
        own: the account that pays.
    """
    try:
        transfer = parse(request.unsigned)
    except TransferInvalid:
        return Refuse("not_a_transfer")
    caps = limits.caps(transfer)
    if caps is None:
        return Refuse("token_unknown")
    is_filler = (transfer.account, transfer.wei, transfer.contract) == (own, 0, None)
    reason = (
        _payment(transfer, asked, caps.currency, is_filler=is_filler)
        or _nonce(request, transfer, history, is_filler=is_filler)
        or _versions(request, transfer, history)
        or _limits(transfer, limits, caps)
    )
    if reason:
        return Refuse(reason)
    terms = Terms(transfer.account, transfer.wei, caps.currency)
    held = held_up(terms, caps.approval_above, history.decision)
    if held is not None and not history.versions:
        return held
    if not history.versions and history.day_wei + transfer.wei > caps.day_max:
        return Wait("day_cap")
    return Sign(transfer)


def _payment(
    transfer: Transfer, asked: Asked | None, currency: str, *, is_filler: bool
) -> str | None:
    """It pays what was asked for; or nothing to ourselves, which no command asks for."""
    if is_filler and asked is None:
        return None
    if asked is None:
        return "not_requested"
    if Asked(transfer.account, transfer.wei, currency) != asked:
        return "other_payment"
    return None


def _nonce(
    request: Request, transfer: Transfer, history: History, *, is_filler: bool
) -> str | None:
    """One payment has one nonce, for ever, and so has one nonce one payment."""
    if history.nonce is not None and transfer.nonce != history.nonce:
        return "independent_version"
    if history.nonce_owner not in (None, request.payment_id):
        return "nonce_of_another"
    if is_filler and transfer.nonce >= history.nonce_max:
        return "no_gap"
    return None


def _versions(request: Request, transfer: Transfer, history: History) -> str | None:
    """A later version pays the same with the same nonce: one of them can be confirmed."""
    if not history.versions:
        return None if request.version == 1 else "no_first_version"
    paid = (transfer.account, transfer.wei, transfer.contract)
    if any((one.account, one.wei, one.contract) != paid for one in history.versions):
        return "paid_otherwise"
    if request.version in [one.version for one in history.versions]:
        return "signed_already"
    return None


def _limits(transfer: Transfer, limits: Limits, caps: Caps) -> str | None:
    if transfer.chain_id != limits.chain_id:
        return "other_chain"
    if transfer.account in limits.denied:
        return "denied"
    if transfer.wei > caps.transaction_max:
        return "above_cap"
    if not 0 < transfer.fee_max <= limits.fee_max or transfer.tip > transfer.max_fee:
        return "fee_above_limit"
    return None
