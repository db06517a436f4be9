"""The part of the chain that the node shows: all of it, or less while it is behind."""

from dataclasses import dataclass

from provider_sandbox.bitcoin.chain import Chain, Entry
from provider_sandbox.bitcoin.parameters import INVALID, NOT_FOUND
from provider_sandbox.node_rpc.errors import RpcError


@dataclass(frozen=True, slots=True)
class Visible:
    """The active chain up to a height."""

    chain: Chain
    height: int

    @property
    def tip(self) -> Entry:
        """The highest block that is shown."""
        return self.chain.entries[self.chain.active[self.height]]

    def entry(self, block_hash: str) -> Entry:
        """A block, also of another branch.

        Raises:
            RpcError: it is not known.
        """
        entry = self.chain.entries.get(block_hash)
        hidden = entry and entry.height > self.height and self.chain.is_active(block_hash)
        if entry is None or hidden:
            raise RpcError(NOT_FOUND, "Block not found")
        return entry

    def at(self, height: int) -> Entry:
        """The block at a height.

        Raises:
            RpcError: the chain is not that high.
        """
        if not 0 <= height <= self.height:
            raise RpcError(INVALID, "Block height out of range")
        return self.chain.entries[self.chain.active[height]]

    def confirmations(self, entry: Entry) -> int:
        """1 for the highest block; -1 for a block of another branch."""
        if not self.chain.is_active(entry.block.hash):
            return -1
        return self.height - entry.height + 1

    def next_hash(self, entry: Entry) -> str | None:
        """The block on top of this one in the active chain."""
        if entry.height >= self.height or not self.chain.is_active(entry.block.hash):
            return None
        return self.chain.active[entry.height + 1]
