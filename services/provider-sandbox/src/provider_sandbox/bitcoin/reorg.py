"""Reorganisations on command: a new branch with other contents and more work."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from provider_sandbox.bitcoin.block import Block
from provider_sandbox.bitcoin.chain import BlockRefused, Chain
from provider_sandbox.bitcoin.node import Node
from provider_sandbox.bitcoin.transaction import Outpoint, Output, Transaction

_CONFLICT_RATE = 2_000
"""Satoshi per 1000 virtual bytes that the replacements in a new branch pay."""


class ReorgRefused(ValueError):
    """The reorganisation is not possible."""


@dataclass(frozen=True, slots=True)
class ReorgPlan:
    """A new branch that replaces the highest blocks."""

    depth: int
    """How many blocks are replaced."""
    blocks: int
    """How many the new branch has; more than `depth`."""
    drop: AbstractSet[str] = frozenset()
    """Transactions of the old blocks that the new ones do not have; with their descendants."""
    drop_all: bool = False
    """Leave out every transaction of the old blocks."""
    forget: bool = False
    """The dropped ones are not in the mempool afterwards, either."""
    replace: Sequence[tuple[str, Sequence[Output]]] = ()
    """Transactions of the faucet, and what the same coins pay in the new branch instead."""


def reorganise(node: Node, plan: ReorgPlan) -> list[str]:
    """Replace the highest blocks by a branch with more work; returns its hashes.

    The chain moves once, when the last block of the branch arrives.

    Raises:
        ReorgRefused: the plan is not possible on this chain.
        FaucetRefused: a replacement is not possible.
    """
    chain = node.chain
    if not 0 < plan.depth <= chain.height or plan.blocks <= plan.depth:
        raise ReorgRefused("the depth is not in the chain, or the new branch is not longer")
    old = [chain.entries[one].block for one in chain.active[-plan.depth :]]
    contents, left_out = _contents(old, _conflicts(node, old, plan), plan)
    contents += [[] for _ in range(plan.blocks - plan.depth)]
    hashes = _branch(node, old[0].previous, contents)
    for txid in left_out if plan.forget else ():
        if txid in node.pool.pooled:
            node.pool.remove(txid)
    return hashes


def _conflicts(node: Node, old: Sequence[Block], plan: ReorgPlan) -> dict[str, Transaction]:
    """The replacements by the id of the replaced transaction."""
    known = {one.id: one for block in old for one in block.transactions}
    missing = (plan.drop | {txid for txid, _ in plan.replace}) - known.keys()
    if missing:
        raise ReorgRefused(f"not in the replaced blocks: {', '.join(sorted(missing))}")
    return {
        txid: node.faucet.conflict(known[txid], outputs, rate=_CONFLICT_RATE)
        for txid, outputs in plan.replace
    }


def _branch(node: Node, below: str, contents: Sequence[Sequence[Transaction]]) -> list[str]:
    hashes = []
    values = _values(node.chain, below)
    for transactions in contents:
        try:
            block = node.build(node.chain.entries[below], transactions, _fees(transactions, values))
            node.submit(block.raw)
        except KeyError as error:
            raise ReorgRefused("a replacement spends what the branch does not have") from error
        except BlockRefused as error:
            raise ReorgRefused(f"a block of the branch is not valid: {error}") from error
        below = block.hash
        hashes.append(below)
    return hashes


def _values(chain: Chain, block_hash: str) -> dict[Outpoint, int]:
    """The values of the outputs that exist now, or that a block above this one has spent."""
    values = {outpoint: coin.output.value for outpoint, coin in chain.coins.items()}
    for one in chain.active[chain.entries[block_hash].height + 1 :]:
        spent = chain.entries[one].spent
        values.update((outpoint, coin.output.value) for outpoint, coin in spent.items())
    return values


def _contents(
    blocks: Sequence[Block], conflicts: Mapping[str, Transaction], plan: ReorgPlan
) -> tuple[list[list[Transaction]], set[str]]:
    """The transactions of the new branch by block, and the ids of those it does not have.

    A replacement stands where the replaced one stood. Descendants of what is left out are left
    out, too.
    """
    left_out = set(plan.drop)
    contents = []
    for block in blocks:
        left_out.add(block.transactions[0].id)
        content = []
        for one in block.transactions[1:]:
            if one.id in conflicts:
                content.append(conflicts[one.id])
            orphan = any(spent.outpoint[0] in left_out for spent in one.inputs)
            if plan.drop_all or orphan or one.id in left_out or one.id in conflicts:
                left_out.add(one.id)
            else:
                content.append(one)
        contents.append(content)
    return contents, left_out


def _fees(transactions: Sequence[Transaction], values: dict[Outpoint, int]) -> int:
    total = 0
    for one in transactions:
        total += sum(values[i.outpoint] for i in one.inputs) - sum(o.value for o in one.outputs)
        values.update((one.outpoint(i), output.value) for i, output in enumerate(one.outputs))
    return total
