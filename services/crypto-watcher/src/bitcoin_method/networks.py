"""The names of Bitcoin's networks. Pure, no I/O."""

from typing import Literal

Network = Literal["main", "test", "testnet4", "signet", "regtest"]
"""The networks, by the names that a node uses for them (`getblockchaininfo`)."""
