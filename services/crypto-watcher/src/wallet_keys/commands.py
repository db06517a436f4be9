"""The commands of `cift` for the wallet: an index; each is imported when it runs."""

from cift_shared.cli import Lazy

INDEX = (Lazy("wallet", "wallet_keys.cli:wallet", "The Bitcoin wallet that pays withdrawals."),)
"""The entry point `cift.commands`."""
