"""From coins to a transfer between our own addresses, before it is signed. Pure, no I/O.

A sweep moves what the hot wallet has above its target to the cold address; the network's fee is
taken from what is moved, so the hot wallet keeps its target to the satoshi.
"""

from collections.abc import Sequence

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.hot_limits import Leaving
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

COLD_MIN = 10_000
"""A sweep that brings less to the cold address is not made: it is hardly worth its fee."""


def sweep_draft(
    coins: Sequence[Coin], frame: Frame, cold: bytes, leaving: Leaving, *, rate: int, fee_max: int
) -> Draft | None:
    """A transaction that moves the excess to the cold address, from the largest coins.

    Args:
        coins: what can be spent.
        frame: the script of change, and the lock time.
        cold: the script of the cold address.
        leaving: what the hot wallet loses.
        rate: the fee in satoshi for 1000 virtual bytes.
        fee_max: the highest fee.

    Returns None if that is not possible: too little would arrive, too much would leave, or the fee
    is above its limit.
    """
    chosen: list[Coin] = []
    for one in sorted(coins, key=lambda one: (-one.satoshi, one.reference)):
        if len(chosen) == INPUTS_MAX or sum(coin.satoshi for coin in chosen) >= leaving.wanted:
            break
        chosen.append(one)
    total = sum(one.satoshi for one in chosen)
    change = total - leaving.wanted
    if change < max(DUST_SATOSHI, fee_at(rate, INPUT_WEIGHT)):
        change = 0
    sizes = [len(cold), *([P2WPKH_BYTES] if change else [])]
    fee = fee_at(rate, weight_of(len(chosen), sizes))
    paid = total - change - fee
    if paid < COLD_MIN or total - change > leaving.most or fee > fee_max:
        return None
    return draft_of(chosen, [(cold, paid)], change, frame)
