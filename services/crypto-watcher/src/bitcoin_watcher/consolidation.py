"""Which small coins are spent to one of our own addresses, and when. Pure, no I/O.

Each coin costs a fee when it is spent, and a withdrawal from many small coins is large. So they are
put together while the network is cheap.
"""

from collections.abc import Sequence

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.payout_drafts import Frame, draft_of
from bitcoin_watcher.sizes import (
    DUST_SATOSHI,
    INPUT_WEIGHT,
    INPUTS_MAX,
    P2WPKH_BYTES,
    fee_at,
    weight_of,
)
from bitcoin_watcher.spend_store import Draft


def consolidation_draft(
    coins: Sequence[Coin], frame: Frame, *, more_than: int, rate: int, fee_max: int
) -> Draft | None:
    """A transaction that spends small coins, the smallest first, to the script of the frame.

    Args:
        coins: the small coins that can be spent.
        frame: the script that is paid, and the lock time.
        more_than: so many coins stay as they are.
        rate: the fee in satoshi for 1000 virtual bytes; a coin that is worth no more than its own
            part of it is left alone.
        fee_max: the highest fee.

    Returns None if there are not enough coins, or the fee is above its limit.
    """
    useful = sorted(
        (one for one in coins if one.satoshi > fee_at(rate, INPUT_WEIGHT)),
        key=lambda one: (one.satoshi, one.reference),
    )
    if len(useful) <= max(more_than, 1):
        return None
    chosen = useful[:INPUTS_MAX]
    fee = fee_at(rate, weight_of(len(chosen), [P2WPKH_BYTES]))
    rest = sum(one.satoshi for one in chosen) - fee
    if fee > fee_max or rest < DUST_SATOSHI:
        return None
    return draft_of(chosen, [], rest, frame)
