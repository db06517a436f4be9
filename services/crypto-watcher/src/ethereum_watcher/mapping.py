"""From a node's fee history to our terms. Pure, no I/O; amounts are exact."""

from statistics import median_low

from cift_shared.money.amount import Money
from cift_shared.money.fees import Direction
from ethereum_watcher.wire import FeeHistory

GWEI = 10**9
TRANSFER_GAS = 21_000
"""What a transfer of ether needs (Yellow Paper, appendix G)."""
PAYOUT_TOKEN_GAS = 65_000
"""What paying a token needs: one of USDC or USDT takes 40,000 to 63,000, most of it to an account
that has none yet."""
TOKEN_GAS = TRANSFER_GAS + PAYOUT_TOKEN_GAS
"""What moving a token that was paid in needs: ether must be sent to its address first, to pay the
transfer."""
TOKEN_GAS_MAX = 200_000
"""The highest limit that a transfer of a token gets: whatever needs more is no usual token."""


def price_of(history: FeeHistory) -> int:
    """Wei per gas that gets a transaction into one of the next blocks: the next base fee, and the
    usual priority fee of recent blocks.
    """
    tips = [of_block[0] for of_block in history.tips if of_block]
    return history.base_fees[-1] + (median_low(tips) if tips else 0)


def gas_of(direction: Direction, *, is_token: bool) -> int:
    """What a payment needs: a withdrawal itself, and a deposit when it is moved later."""
    if not is_token:
        return TRANSFER_GAS
    return PAYOUT_TOKEN_GAS if direction == "withdrawal" else TOKEN_GAS


def transfer_fee(price: int, *, lowest: int, highest: int, gas: int = TRANSFER_GAS) -> Money:
    """What it costs to move ether or a token, at a price that is kept between two limits."""
    return Money(min(max(price, lowest), highest) * gas, "ETH")
