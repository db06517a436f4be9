"""The calls of the RPC, by what they are about; importing the package fills the table."""

from provider_sandbox.bitcoin.calls import chain, mining, transactions

__all__ = ["chain", "mining", "transactions"]
