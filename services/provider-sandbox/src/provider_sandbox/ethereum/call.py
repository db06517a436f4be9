"""The table of RPC calls: name, parameters, function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provider_sandbox.ethereum import parameters as given
from provider_sandbox.ethereum.chain import Chain, Entry, Place
from provider_sandbox.ethereum.node import Node
from provider_sandbox.node_rpc.errors import RpcError

_HEADER_MISSING = "header not found"


@dataclass(frozen=True, slots=True)
class Context:
    """What a call works on, and what the node shows of its chain."""

    node: Node

    @property
    def chain(self) -> Chain:
        """The chain."""
        return self.node.chain

    @property
    def height(self) -> int:
        """The number of the highest block that is shown."""
        return max(self.chain.height - self.node.behaviour.behind, 0)

    @property
    def latest(self) -> Entry:
        """The highest block that is shown."""
        return self.chain.entries[self.chain.active[self.height]]

    def by_number(self, tag: Any, place: int = 0) -> Entry | None:
        """A block by its number or tag; None: there is none.

        Raises:
            RpcError: not a number or tag.
        """
        named = {
            "latest": self.height,
            "pending": self.height,
            "earliest": 0,
            "safe": self.chain.finality.safe_number(self.height),
            "finalized": self.chain.finality.finalized_number(self.height),
        }
        wanted = named.get(tag) if isinstance(tag, str) else None
        if wanted is None:
            wanted = given.number(tag, place)
        return self.chain.at(wanted) if wanted <= self.height else None

    def by_hash(self, block_hash: bytes) -> Entry | None:
        """A block by its hash, also of another branch."""
        entry = self.chain.entries.get(block_hash)
        if entry and entry.number > self.height and self.chain.is_active(entry):
            return None
        return entry

    def state_at(self, block: Any, place: int) -> Entry:
        """The block whose state is asked for: a number, a tag, or an object with a hash.

        Raises:
            RpcError: there is none.
        """
        if isinstance(block, dict) and "blockHash" in block:
            entry = self.by_hash(given.hash_of(block["blockHash"], place))
            if entry and block.get("requireCanonical") and not self.chain.is_active(entry):
                raise RpcError(given.FAILED, "hash is not currently canonical")
        elif isinstance(block, dict):
            entry = self.by_number(block.get("blockNumber"), place)
        else:
            entry = self.by_number("latest" if block is None else block, place)
        if entry is None:
            raise RpcError(given.FAILED, _HEADER_MISSING)
        return entry

    def place(self, transaction_hash: bytes) -> Place | None:
        """Where a transaction is in what is shown of the active chain."""
        place = self.chain.places.get(transaction_hash)
        return place if place and place.entry.number <= self.height else None


Function = Callable[..., Any]
"""Takes the context and the parameters in their order; a missing one is None."""


@dataclass(frozen=True, slots=True)
class Call:
    """One method."""

    function: Function
    most: int
    required: int

    def run(self, context: Context, params: list[Any]) -> Any:
        """The result.

        Raises:
            RpcError: the parameters are wrong, or the call fails.
        """
        if len(params) > self.most:
            raise RpcError(given.INVALID, f"too many arguments, want at most {self.most}")
        for place in range(self.required):
            if place >= len(params) or params[place] is None:
                raise RpcError(given.INVALID, f"missing value for required argument {place}")
        return self.function(context, *params, *[None] * (self.most - len(params)))


CALLS: dict[str, Call] = {}
"""Every call by its name."""


def call(most: int = 0, required: int | None = None) -> Callable[[Function], Function]:
    """Add a function to the table, under its own name.

    Args:
        most: how many parameters it takes.
        required: how many of them must be given; None: all.
    """

    def add(function: Function) -> Function:
        CALLS[function.__name__] = Call(function, most, most if required is None else required)
        return function

    return add
