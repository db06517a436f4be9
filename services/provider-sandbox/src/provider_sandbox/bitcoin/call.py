"""The table of RPC calls: name, parameters, function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provider_sandbox.bitcoin.node import Node
from provider_sandbox.bitcoin.parameters import INVALID, MISC, expect
from provider_sandbox.bitcoin.visible import Visible
from provider_sandbox.node_rpc.errors import RpcError


@dataclass(frozen=True, slots=True)
class Context:
    """What a call works on."""

    node: Node
    stop: Callable[[], None]
    """Ends the process."""

    @property
    def seen(self) -> Visible:
        """The part of the chain that the node shows."""
        chain = self.node.chain
        return Visible(chain, max(chain.height - self.node.behaviour.behind, 0))


Function = Callable[..., Any]
"""Takes the context and the parameters in their order; a missing one is None."""


@dataclass(frozen=True, slots=True)
class Call:
    """One method."""

    function: Function
    names: tuple[str, ...]
    required: int

    def run(self, context: Context, params: Any) -> Any:
        """The result.

        Raises:
            RpcError: the parameters are wrong, or the call fails.
        """
        values = self._named(params) if isinstance(params, dict) else list(params or [])
        if len(values) > len(self.names) or None in values[: self.required]:
            raise RpcError(MISC, self._help())
        if len(values) < self.required:
            raise RpcError(MISC, self._help())
        values += [None] * (len(self.names) - len(values))
        return self.function(context, *values)

    def _named(self, params: dict[str, Any]) -> list[Any]:
        given = dict(params)
        values = list(expect(given.pop("args", []), "array"))
        for place, name in enumerate(self.names):
            if name in given and place < len(values):
                raise RpcError(INVALID, f"Parameter {name} specified twice")
            if place >= len(values):
                values.append(given.pop(name, None))
        if given:
            raise RpcError(INVALID, f"Unknown named parameter {min(given)}")
        return values

    def _help(self) -> str:
        optional = (f"( {name} )" for name in self.names[self.required :])
        return " ".join([self.function.__name__, *self.names[: self.required], *optional])


CALLS: dict[str, Call] = {}
"""Every call by its name."""


def call(*names: str, required: int = 0) -> Callable[[Function], Function]:
    """Add a function to the table, under its own name.

    Args:
        names: its parameters.
        required: how many of them must be given.
    """

    def add(function: Function) -> Function:
        CALLS[function.__name__] = Call(function, names, required)
        return function

    return add
