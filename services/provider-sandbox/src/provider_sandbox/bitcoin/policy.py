"""Rules for unconfirmed transactions that need no chain: Bitcoin Core 30's defaults and reasons.

Sources: Bitcoin Core's release notes for 28 to 30, `doc/policy`, and its reject reasons.
"""

from dataclasses import dataclass
from decimal import Decimal

from provider_sandbox.bitcoin.addresses import pushes_only, script_type
from provider_sandbox.bitcoin.transaction import NO_OUTPOINT, Output, Transaction

COIN = 10**8
MAX_MONEY = 21_000_000 * COIN
MATURITY = 100
"""Blocks from a block reward to the first block that may spend it."""
CHAIN_LIMIT = 25
"""Most unconfirmed ancestors or descendants of a transaction, itself included."""
CHAIN_SIZE_LIMIT = 101_000
"""The same in virtual bytes."""
REPLACED_LIMIT = 100
"""Most transactions that one replacement may remove."""
MAX_BLOCK_WEIGHT = 4_000_000
_MAX_WEIGHT = 400_000
_MIN_SIZE = 65
_MAX_SCRIPT_SIG = 1650
_MAX_DATA = 100_000
_DUST_RATE = 3
"""Satoshi per virtual byte at which the cost of spending is compared with the value."""
_STANDARD_VERSIONS = (1, 2)
_LOCK_TIME_IS_TIME = 500_000_000
_FINAL = 0xFFFFFFFF
_MAX_BIP125 = 0xFFFFFFFD
_NO_RELATIVE_LOCK = 1 << 31
_RELATIVE_TIME = 1 << 22


class Rejected(Exception):
    """A transaction is not accepted."""

    def __init__(self, reason: str, details: str = "") -> None:
        super().__init__(f"{reason}, {details}" if details else reason)
        self.reason = reason
        """Bitcoin Core's short reason."""
        self.details = details


@dataclass(slots=True)
class Fees:
    """Fee rates in satoshi per 1000 virtual bytes."""

    min_relay: int = 100
    mempool_min: int = 0
    """What a full mempool asks for."""
    incremental: int = 100
    """What a replacement must add for its own size."""
    block_min: int = 1
    """Miners leave out transactions below it."""
    estimate: int | None = None
    """The answer of `estimatesmartfee`; None: not enough data."""


def fee_at(rate: int, size: int) -> int:
    """The fee for `size` virtual bytes, rounded up as Bitcoin Core does."""
    return -(-rate * size // 1000)


def rate_of(fee: int, size: int) -> int:
    """The fee rate per 1000 virtual bytes, rounded down."""
    return fee * 1000 // size


def money_text(satoshi: int) -> str:
    """An amount in reasons: at least two decimals, no zeros after these."""
    whole, rest = f"{Decimal(satoshi).scaleb(-8):.8f}".split(".")
    return f"{whole}.{rest[:2]}{rest[2:].rstrip('0')}"


def rate_text(rate: int) -> str:
    """A fee rate in reasons."""
    return f"{Decimal(rate).scaleb(-8):.8f} BTC/kvB"


def check_form(transaction: Transaction) -> None:
    """Rules of consensus that one transaction alone must keep.

    Raises:
        Rejected: it does not.
    """
    if not transaction.inputs:
        raise Rejected("bad-txns-vin-empty")
    if not transaction.outputs:
        raise Rejected("bad-txns-vout-empty")
    if transaction.stripped_size * 4 > MAX_BLOCK_WEIGHT:
        raise Rejected("bad-txns-oversize")
    _check_values([output.value for output in transaction.outputs])
    spent = [one.outpoint for one in transaction.inputs]
    if len(set(spent)) != len(spent):
        raise Rejected("bad-txns-inputs-duplicate")
    if transaction.is_coinbase:
        raise Rejected("coinbase")
    if NO_OUTPOINT in spent:
        raise Rejected("bad-txns-prevout-null")


def _check_values(values: list[int]) -> None:
    for value in values:
        if value >> 63:
            raise Rejected("bad-txns-vout-negative")
        if value > MAX_MONEY:
            raise Rejected("bad-txns-vout-toolarge")
    if sum(values) > MAX_MONEY:
        raise Rejected("bad-txns-txouttotal-toolarge")


def check_standard(transaction: Transaction) -> None:
    """What nodes relay: version, size, kinds of scripts, at most one dust output.

    Version 3 is refused: its additional rules are not implemented here.

    Raises:
        Rejected: the transaction is not standard.
    """
    if transaction.version not in _STANDARD_VERSIONS:
        raise Rejected("version")
    if transaction.weight > _MAX_WEIGHT:
        raise Rejected("tx-size")
    for one in transaction.inputs:
        if len(one.script) > _MAX_SCRIPT_SIG:
            raise Rejected("scriptsig-size")
        if not pushes_only(one.script):
            raise Rejected("scriptsig-not-pushonly")
    _check_outputs(transaction.outputs)
    if transaction.stripped_size < _MIN_SIZE:
        raise Rejected("tx-size-small")


def _check_outputs(outputs: tuple[Output, ...]) -> None:
    data = 0
    for output in outputs:
        kind = script_type(output.script)
        if kind == "nonstandard":
            raise Rejected("scriptpubkey")
        data += len(output.script) if kind == "nulldata" else 0
    if data > _MAX_DATA:
        raise Rejected("datacarrier")
    if sum(is_dust(output) for output in outputs) > 1:
        raise Rejected("dust")


def check_spent(spent: list[Output]) -> None:
    """Whether the spent outputs are of kinds that nodes relay.

    Raises:
        Rejected: one is not.
    """
    for number, output in enumerate(spent):
        if script_type(output.script) in ("nonstandard", "witness_unknown"):
            raise Rejected("bad-txns-nonstandard-inputs", f"input {number}")


def check_dust(transaction: Transaction, fee: int) -> None:
    """Dust is only allowed without a fee, for a child that spends it in the same package.

    Raises:
        Rejected: there is an output below the dust limit.
    """
    if fee and any(is_dust(output) for output in transaction.outputs):
        raise Rejected("dust", "tx with dust output must be 0-fee")


def is_dust(output: Output) -> bool:
    """True if spending the output costs more than it is worth."""
    return output.value < dust_limit(output.script)


def dust_limit(script: bytes) -> int:
    """The smallest value that is not dust, in satoshi; 0 for outputs that nobody can spend."""
    kind = script_type(script)
    if kind == "nulldata":
        return 0
    witness = kind.startswith("witness_") or kind == "anchor"
    spending = 32 + 4 + 1 + (107 // 4 if witness else 107) + 4
    length_size = 1 if len(script) < 0xFD else 3
    return _DUST_RATE * (8 + length_size + len(script) + spending)


def is_final(transaction: Transaction, height: int, median_time: int) -> bool:
    """True if the lock time allows the transaction in a block of this height."""
    limit = height if transaction.lock_time < _LOCK_TIME_IS_TIME else median_time
    return transaction.lock_time < limit or all(
        one.sequence == _FINAL for one in transaction.inputs
    )


def signals_replacement(transaction: Transaction) -> bool:
    """True if it says that it may be replaced (BIP 125); nodes replace any transaction."""
    return any(one.sequence <= _MAX_BIP125 for one in transaction.inputs)


@dataclass(frozen=True, slots=True)
class RelativeLock:
    """How old the output of an input must be (BIP 68)."""

    blocks: int = 0
    seconds: int = 0


def relative_lock(version: int, sequence: int) -> RelativeLock | None:
    """The relative lock in a sequence number; None: it has none."""
    if version < 2 or sequence & _NO_RELATIVE_LOCK:
        return None
    value = sequence & 0xFFFF
    if sequence & _RELATIVE_TIME:
        return RelativeLock(seconds=value << 9)
    return RelativeLock(blocks=value)
