"""The calls of the RPC, by what they are about; importing the package fills the table."""

from provider_sandbox.ethereum.calls import blocks, state, transactions

__all__ = ["blocks", "state", "transactions"]
