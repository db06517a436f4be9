"""The commands of `cift` for the wallet: an index; each is imported when it runs."""

from cift_shared.cli import Lazy

INDEX = (
    Lazy(
        "wallet",
        "wallet_keys.cli:wallet",
        "The wallet that pays withdrawals in coins.",
    ),
)
"""The entry point `cift.commands`."""
