"""On which block do enough nodes agree?

The majority of the configured nodes must have the same block at a height. So one node that lies,
is behind, follows another chain or does not answer moves nothing: not the cursor, and no money.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from chain_watch.rpc import NodeFailed
from cift_shared.observability.log import get_logger

STEPS_BACK_MAX = 12
"""Nodes that have just received different blocks agree on one a little below."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Head:
    """A block by height and hash."""

    height: int
    hash: str


class Node(Protocol):
    """The calls that the agreement needs."""

    @property
    def name(self) -> str:
        """Its name in logs."""
        ...

    async def head(self) -> Head:
        """The node's best block.

        Raises:
            NodeFailed: it does not answer, or it can't be used, such as one of another network.
        """
        ...

    async def hash_at(self, height: int) -> str:
        """The block at a height of the node's best chain; raises as `head`."""
        ...


NodeType = TypeVar("NodeType", bound=Node)
Answer = TypeVar("Answer")


class NodesDisagree(NodeFailed):
    """There is no block that enough nodes have."""


@dataclass(frozen=True, slots=True)
class Agreed(Generic[NodeType]):
    """The highest block that enough nodes have."""

    head: Head
    nodes: Sequence[NodeType]
    """The nodes that have it; at least one."""
    needed: int = 1
    """How many nodes must say the same."""

    async def hash_at(self, height: int) -> str:
        """The block at a height, the same at every one of the nodes.

        Raises:
            NodesDisagree: it differs.
            NodeFailed: a node does not answer.
        """
        found = {await node.hash_at(height) for node in self.nodes}
        if len(found) != 1:
            raise NodesDisagree(f"nodes differ at height {height}")
        return found.pop()

    async def answer(self, ask: Callable[[NodeType], Awaitable[Answer]]) -> Answer:
        """The answer that enough of the nodes give, for what nobody can compute from a hash.

        Raises:
            NodesDisagree: too few of them answer the same.
        """
        found: list[Answer] = []
        for given in await asyncio.gather(*map(ask, self.nodes), return_exceptions=True):
            if isinstance(given, NodeFailed):
                log.warning("chain.node_unusable", error=str(given))
            elif isinstance(given, BaseException):
                raise given
            else:
                found.append(given)
        for one in found:
            if found.count(one) >= self.needed:
                return one
        raise NodesDisagree(f"{len(found)} answers, {self.needed} must be the same")


def quorum_of(configured: int) -> int:
    """How many of the configured nodes must agree: more than half."""
    return configured // 2 + 1


async def agree(nodes: Sequence[NodeType]) -> Agreed[NodeType]:
    """The highest block that a majority of the configured nodes has.

    Raises:
        NodesDisagree: too few nodes answer, or they have no recent block in common.
    """
    needed = quorum_of(len(nodes))
    heads = [(node, await head) for node, head in _asked(nodes)]
    usable = [(node, head) for node, head in heads if head is not None]
    if len(usable) < needed:
        raise NodesDisagree(f"{len(usable)} of {len(nodes)} nodes can be used, {needed} are needed")
    top = sorted((head.height for _, head in usable), reverse=True)[needed - 1]
    for height in range(top, max(top - STEPS_BACK_MAX, -1), -1):
        group = await _largest_group(usable, height)
        if group is not None and len(group.nodes) >= needed:
            return replace(group, needed=needed)
    raise NodesDisagree(f"no block in common at {top} or just below")


def _asked(
    nodes: Sequence[NodeType],
) -> "list[tuple[NodeType, asyncio.Task[Head | None]]]":
    """All nodes are asked at once."""
    return [(node, asyncio.create_task(_head_or_none(node))) for node in nodes]


async def _head_or_none(node: Node) -> Head | None:
    try:
        return await node.head()
    except NodeFailed as error:
        log.warning("chain.node_unusable", node=node.name, error=str(error))
        return None


async def _largest_group(
    usable: Sequence[tuple[NodeType, Head]], height: int
) -> Agreed[NodeType] | None:
    groups: dict[str, list[NodeType]] = defaultdict(list)
    for node, head in usable:
        if head.height >= height:
            found = head.hash if head.height == height else await _hash_or_none(node, height)
            if found is not None:
                groups[found].append(node)
    if not groups:
        return None
    best = max(groups, key=lambda name: len(groups[name]))
    return Agreed(Head(height, best), groups[best])


async def _hash_or_none(node: Node, height: int) -> str | None:
    try:
        return await node.hash_at(height)
    except NodeFailed as error:
        log.warning("chain.node_unusable", node=node.name, error=str(error))
        return None
