"""From a node's fee estimate to our terms. Pure, no I/O; amounts are exact."""

from decimal import ROUND_CEILING, Decimal

from cift_shared.money.amount import Money

SATOSHI_PER_BTC = 10**8
DEPOSIT_INPUT_VBYTES = 68
"""The size of an input that spends a P2WPKH output: what it costs to move a deposit.
Source: BIP 141; measured with libwally."""


def rate_of(feerate: Decimal | int | None, *, lowest: int, highest: int, instead: int) -> Decimal:
    """Satoshi per virtual byte from BTC for 1000 virtual bytes, kept between two limits.

    Without a rate that can be used, it is `instead`.
    """
    if feerate is None or not Decimal(feerate).is_finite() or feerate <= 0:
        return Decimal(instead)
    rate = Decimal(feerate) * SATOSHI_PER_BTC / 1000
    return min(max(rate, Decimal(lowest)), Decimal(highest))


WITHDRAWAL_VBYTES = 209
"""The usual size of a withdrawal: two inputs, the recipient's output, and change."""


def withdrawal_fee(rate: Decimal) -> Money:
    """What a withdrawal will cost, rounded up."""
    return _cost(rate, WITHDRAWAL_VBYTES)


def deposit_fee(rate: Decimal) -> Money:
    """What it will cost to move a deposit of one output, rounded up."""
    return _cost(rate, DEPOSIT_INPUT_VBYTES)


def _cost(rate: Decimal, vbytes: int) -> Money:
    return Money(int((rate * vbytes).to_integral_value(ROUND_CEILING)), "BTC")
