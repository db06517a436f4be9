"""May this transfer of ether or of a token be signed? Pure, no I/O.

The signer trusts neither the watcher nor its tables: it compares the transaction's bytes with what
the customer asked for, with its own addresses, and with what it has signed itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
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


class Purpose(StrEnum):
    """What a transaction is for: it follows from who sends it."""

    PAYOUT = "payout"
    """A withdrawal; or it pays nothing to ourselves, and uses a nonce up."""
    CONSOLIDATION = "consolidation"
    """From the address of a deposit to the account that pays."""
    GAS = "gas"
    """Ether from that account to the address of a deposit, for the fee of its next transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A transaction that the watcher wants to have signed."""

    payment_id: UUID
    version: int
    unsigned: bytes
    sender: bytes
    """The account whose transaction it is."""
    index: int | None = None
    """Of the deposit's address that it is about; None: about none."""


@dataclass(frozen=True, slots=True)
class Own:
    """Our accounts, as the signer derives them itself."""

    hot: bytes
    """The account that pays."""
    deposit: bytes | None = None
    """The address of the request's index; None: it has none."""

    def purpose(self, request: Request) -> Purpose | None:
        """What a request is for; None: its sender is none of the two."""
        if request.sender == self.hot:
            return Purpose.PAYOUT if self.deposit is None else Purpose.GAS
        return Purpose.CONSOLIDATION if request.sender == self.deposit else None


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
    fee_max: int = 0
    """The most that the network could take for it, in wei."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was signed before."""

    versions: Sequence[Signed] = ()
    """Of this payment, the first one first."""
    sender: bytes | None = None
    nonce: int | None = None
    """The one that this payment has, and the account whose it is; None: none yet."""
    nonce_owner: UUID | None = None
    """The payment that the request's nonce belongs to; None: it is unused."""
    nonce_max: int = -1
    """The highest that any transaction has."""
    day_wei: int = 0
    """What others count for the day in the same currency (`counted`); each counts once."""
    decision: Decision | None = None
    """What a second person has decided about this payment; None: nothing."""
    unfunded: str | None = None
    """Why the ledger does not have the money for it; None: it is set aside, or nobody asked."""


@dataclass(frozen=True, slots=True)
class Sign:
    """It may be signed."""

    transfer: Transfer
    purpose: Purpose = Purpose.PAYOUT


Verdict = Sign | Wait | Refuse


def counted(transfer: Transfer, purpose: Purpose) -> tuple[int, bytes | None]:
    """What a transfer counts for the cap of the day, and of which token; None: ether.

    What is moved to ourselves is still ours, except for the fee.
    """
    if purpose is Purpose.CONSOLIDATION:
        return transfer.fee_max, None
    return transfer.wei, transfer.contract


def judge(
    request: Request, asked: Asked | None, limits: Limits, history: History, *, own: Own
) -> Verdict:
    """What becomes of a request.

    Args:
        request: what the watcher wants.
        asked: None if no open withdrawal asks for it.
        limits: of the operator.
        history: what was signed before.
        own: our accounts.
    """
    try:
        transfer = parse(request.unsigned)
    except TransferInvalid:
        return Refuse("not_a_transfer")
    purpose, caps = own.purpose(request), limits.caps(transfer)
    if purpose is None:
        return Refuse("foreign_sender")
    if caps is None:
        return Refuse("token_unknown")
    reason = (
        _paid(transfer, asked, purpose, caps.currency, own)
        or _nonce(request, transfer, history, is_filler=_is_filler(transfer, own))
        or _versions(request, transfer, history, purpose)
        or (None if history.versions else history.unfunded)
        or _limits(transfer, limits, caps, purpose)
    )
    if reason:
        return Refuse(reason)
    held = _approval(transfer, caps, history)
    if purpose is Purpose.PAYOUT and held is not None:
        return held
    amount, contract = counted(transfer, purpose)
    day_max = limits.ether.day_max if contract is None else caps.day_max
    if not history.versions and history.day_wei + amount > day_max:
        return Wait("day_cap")
    return Sign(transfer, purpose)


def _approval(transfer: Transfer, caps: Caps, history: History) -> Wait | Refuse | None:
    """Why a first version waits for a person, or is refused by one."""
    if history.versions:
        return None
    terms = Terms(transfer.account, transfer.wei, caps.currency)
    return held_up(terms, caps.approval_above, history.decision)


def _is_filler(transfer: Transfer, own: Own) -> bool:
    return (transfer.account, transfer.wei, transfer.contract) == (own.hot, 0, None)


def _paid(
    transfer: Transfer, asked: Asked | None, purpose: Purpose, currency: str, own: Own
) -> str | None:
    if purpose is Purpose.PAYOUT:
        return _payment(transfer, asked, currency, is_filler=_is_filler(transfer, own))
    if asked is not None:
        return "other_payment"
    return _to_ourselves(transfer, purpose, own)


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


def _to_ourselves(transfer: Transfer, purpose: Purpose, own: Own) -> str | None:
    """It moves something to our own account, which no command asks for."""
    is_gas = purpose is Purpose.GAS
    if transfer.account != (own.deposit if is_gas else own.hot):
        return "not_to_ourselves"
    if not transfer.wei or (is_gas and transfer.contract is not None):
        return "moves_nothing"
    if not is_gas and transfer.contract is None and transfer.wei < transfer.fee_max:
        return "fee_above_worth"
    return None


def _nonce(
    request: Request, transfer: Transfer, history: History, *, is_filler: bool
) -> str | None:
    """One payment has one nonce, for ever, and so has one nonce of an account one payment."""
    if history.nonce is not None and transfer.nonce != history.nonce:
        return "independent_version"
    if history.sender not in (None, request.sender):
        return "independent_version"
    if history.nonce_owner not in (None, request.payment_id):
        return "nonce_of_another"
    if is_filler and transfer.nonce >= history.nonce_max:
        return "no_gap"
    return None


def _versions(
    request: Request, transfer: Transfer, history: History, purpose: Purpose
) -> str | None:
    """A later version pays the same with the same nonce: one of them can be confirmed.

    Of a consolidation of ether, amount and highest fee stay the same sum.
    """
    if not history.versions:
        return None if request.version == 1 else "no_first_version"
    is_all = purpose is Purpose.CONSOLIDATION and transfer.contract is None

    def paid(one: Signed | Transfer) -> tuple[bytes, int, bytes | None]:
        return one.account, one.wei + (one.fee_max if is_all else 0), one.contract

    if any(paid(one) != paid(transfer) for one in history.versions):
        return "paid_otherwise"
    if request.version in [one.version for one in history.versions]:
        return "signed_already"
    return None


def _limits(transfer: Transfer, limits: Limits, caps: Caps, purpose: Purpose) -> str | None:
    if transfer.chain_id != limits.chain_id:
        return "other_chain"
    if transfer.account in limits.denied:
        return "denied"
    # What is moved to ourselves may be more than a customer gets at once.
    if purpose is not Purpose.CONSOLIDATION and transfer.wei > caps.transaction_max:
        return "above_cap"
    # Gas is for the fee of one transaction.
    if purpose is Purpose.GAS and transfer.wei > limits.fee_max:
        return "gas_above_limit"
    if not 0 < transfer.fee_max <= limits.fee_max or transfer.tip > transfer.max_fee:
        return "fee_above_limit"
    return None
