"""May this transaction be signed? Pure, no I/O.

The signer trusts neither the watcher nor its tables: it compares the transaction's bytes with what
the customer asked for, and with what it has signed itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from bitcoin_watcher.spending import (
    REPLACEABLE,
    VERSION,
    Spent,
    Transaction,
    TransactionInvalid,
    parse,
)
from chain_watch.approvals import Decision, Terms, held_up
from chain_watch.verdicts import Refuse, Wait

HEIGHT_MAX = 500_000_000
"""A lock time from here on is a date instead of a height (consensus rule)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows."""

    transaction_max: int
    day_max: int
    fee_max: int
    transfers_day_max: int = 0
    """Transfers between our own addresses within 24 hours; 0: none is signed."""
    denied: frozenset[bytes] = field(default=frozenset())
    """Scripts that are never paid."""
    approval_above: int | None = None
    """A withdrawal of more needs a second person's approval; None: none does."""

    @property
    def approvals(self) -> Mapping[str, int]:
        """By currency, the amount above which an approval is needed."""
        return {} if self.approval_above is None else {"BTC": self.approval_above}


@dataclass(frozen=True, slots=True)
class Input:
    """A coin that is to be spent: our key of its address signs it."""

    txid: str
    vout: int
    satoshi: int
    """A signature commits to it: with a wrong amount it is invalid (BIP 143)."""
    chain: int
    index: int

    @property
    def reference(self) -> str:
        """Its name on the chain."""
        return f"{self.txid}:{self.vout}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A transaction that the watcher wants to have signed."""

    txid: str
    payment_id: UUID
    version: int
    unsigned: bytes
    change_index: int | None
    inputs: Sequence[Input]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest:
    """A transfer between our own addresses that the watcher wants to have signed."""

    txid: str
    transfer_id: UUID
    unsigned: bytes
    change_index: int | None
    inputs: Sequence[Input]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the customer asked for, from the command itself."""

    script: bytes
    satoshi: int


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed before for the same payment."""

    version: int
    script: bytes
    satoshi: int
    inputs: frozenset[str]


@dataclass(frozen=True, slots=True)
class History:
    """What was signed before."""

    versions: Sequence[Signed]
    """Of this payment, the first one first."""
    day_satoshi: int
    """Paid by other withdrawals within 24 hours; each counts once."""
    decision: Decision | None = None
    """What a second person has decided about this payment; None: nothing."""
    unfunded: str | None = None
    """Why the ledger does not have the money for it; None: it is set aside."""


@dataclass(frozen=True, slots=True)
class Sign:
    """It may be signed."""

    paid: Asked
    fee: int


@dataclass(frozen=True, slots=True)
class TransferHistory:
    """What was signed before, as far as it concerns a transfer."""

    day_count: int
    """Transfers within 24 hours."""
    are_coins_new: bool
    """False if one of its coins was signed for anything else."""


Verdict = Sign | Wait | Refuse


def judge(
    request: Request,
    asked: Asked | None,
    limits: Limits,
    history: History,
    change_script: Callable[[int], bytes],
) -> Verdict:
    """What becomes of the request of one withdrawal; as `judge_all`."""
    return judge_all(request, [asked], limits, [history], change_script)


def judge_all(
    request: Request,
    asked: Sequence[Asked | None],
    limits: Limits,
    histories: Sequence[History],
    change_script: Callable[[int], bytes],
) -> Verdict:
    """What becomes of a request that pays withdrawals; None: no open one asks for it.

    Each of them has its output, and its own history; the limits of a transaction hold for each
    amount, those of the day for the sum.
    """
    known = [one for one in asked if one is not None]
    if len(known) != len(asked) or not known:
        return Refuse("not_requested")
    try:
        transaction = parse(request.unsigned)
    except TransactionInvalid:
        return Refuse("not_a_transaction")
    fee = sum(one.satoshi for one in request.inputs) - sum(
        one.satoshi for one in transaction.outputs
    )
    pairs = list(zip(known, histories, strict=True))
    reason = (
        _form(request, transaction)
        or _outputs(request, transaction, known, change_script)
        or next(filter(None, (_versions(request, *pair) for pair in pairs)), None)
        or next(filter(None, (_funds(history) for history in histories)), None)
        or next(filter(None, (_limits(one, fee, limits) for one in known)), None)
    )
    if reason:
        return Refuse(reason)
    total = sum(one.satoshi for one in known)
    is_first = not any(history.versions for history in histories)
    held = [one for one in (_approval(*pair, limits) for pair in pairs) if one is not None]
    if is_first and held:
        return held[0]
    if is_first and histories[0].day_satoshi + total > limits.day_max:
        return Wait("day_cap")
    return Sign(Asked(known[0].script, total), fee)


def judge_transfer(
    request: TransferRequest,
    limits: Limits,
    history: TransferHistory,
    change_script: Callable[[int], bytes],
) -> Verdict:
    """What becomes of a transfer: everything it spends, less the fee, stays ours."""
    try:
        transaction = parse(request.unsigned)
    except TransactionInvalid:
        return Refuse("not_a_transaction")
    outputs = transaction.outputs
    index = request.change_index
    reason = _form(request, transaction)
    if reason is None and not history.are_coins_new:
        reason = "coin_signed_before"
    if reason is None and (
        index is None or len(outputs) != 1 or outputs[0].script != change_script(index)
    ):
        reason = "foreign_output"
    if reason is not None:
        return Refuse(reason)
    fee = sum(one.satoshi for one in request.inputs) - outputs[0].satoshi
    if not 0 < fee <= limits.fee_max:
        return Refuse("fee_above_limit")
    if history.day_count >= limits.transfers_day_max:
        return Wait("day_transfers")
    return Sign(Asked(outputs[0].script, outputs[0].satoshi), fee)


def _form(request: Request | TransferRequest, transaction: Transaction) -> str | None:
    """It is the transaction of the request, with its inputs, and can be replaced and mined now."""
    if transaction.txid != request.txid:
        return "another_transaction"
    wanted = [Spent(one.txid, one.vout, REPLACEABLE) for one in request.inputs]
    if list(transaction.inputs) != wanted or len(set(wanted)) != len(wanted) or not wanted:
        return "other_inputs"
    if transaction.version != VERSION or transaction.lock_time >= HEIGHT_MAX:
        return "unusual_form"
    return None


def _outputs(
    request: Request,
    transaction: Transaction,
    asked: Sequence[Asked],
    change_script: Callable[[int], bytes],
) -> str | None:
    """One output pays each of what was asked for; one more may be change to our own branch."""
    others = [(one.script, one.satoshi) for one in transaction.outputs]
    for one in asked:
        if (one.script, one.satoshi) not in others:
            return "other_payment"
        others.remove((one.script, one.satoshi))
    if not others:
        return None
    if request.change_index is None or len(others) > 1:
        return "foreign_output"
    return None if others[0][0] == change_script(request.change_index) else "foreign_output"


def _versions(request: Request, asked: Asked, history: History) -> str | None:
    """A later version pays the same, and spends all that the first spends: one can be confirmed."""
    if not history.versions:
        return None if request.version == 1 else "no_first_version"
    first = history.versions[0]
    if any((one.script, one.satoshi) != (asked.script, asked.satoshi) for one in history.versions):
        return "paid_otherwise"
    if request.version in [one.version for one in history.versions]:
        return "signed_already"
    if not first.inputs <= {one.reference for one in request.inputs}:
        return "independent_version"
    return None


def _funds(history: History) -> str | None:
    """A first version is signed for money that is set aside; a later one replaces it."""
    return None if history.versions else history.unfunded


def _approval(asked: Asked, history: History, limits: Limits) -> Wait | Refuse | None:
    terms = Terms(asked.script, asked.satoshi, "BTC")
    return held_up(terms, limits.approval_above, history.decision)


def _limits(asked: Asked, fee: int, limits: Limits) -> str | None:
    if asked.script in limits.denied:
        return "denied"
    if asked.satoshi > limits.transaction_max:
        return "above_cap"
    if not 0 < fee <= limits.fee_max:
        return "fee_above_limit"
    return None
