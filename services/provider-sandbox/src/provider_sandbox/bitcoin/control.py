"""`/control`: routes that mine, pay, reorganise and disturb. Not a part of bitcoind."""

import os
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from provider_sandbox.bitcoin.addresses import BadAddress, script_of
from provider_sandbox.bitcoin.chain import BlockRefused
from provider_sandbox.bitcoin.faucet import NOT_SIGNALING, REPLACEABLE, SCRIPT, FaucetRefused
from provider_sandbox.bitcoin.node import Node
from provider_sandbox.bitcoin.policy import COIN, Rejected
from provider_sandbox.bitcoin.reorg import ReorgPlan, ReorgRefused, reorganise
from provider_sandbox.bitcoin.transaction import Output, Transaction
from provider_sandbox.node_rpc.behaviour import Mode

Satoshi = Annotated[int, Field(ge=0, le=21_000_000 * COIN)]
FeeRate = Annotated[Decimal, Field(ge=0, le=100_000, decimal_places=3)]
"""Satoshi per virtual byte."""


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Paid(_Order):
    """One output."""

    address: str
    sats: Satoshi


class Mine(_Order):
    """Blocks to mine."""

    blocks: int = Field(default=1, ge=1, le=5_000)
    transactions: list[str] | None = None
    """Only these and their unconfirmed parents, whatever they pay; an empty list: none. Without
    it what miners take."""
    address: str | None = None
    """Receives the rewards instead of the faucet."""


class Pay(_Order):
    """A payment of the faucet."""

    outputs: list[Paid] = Field(min_length=1, max_length=3_000)
    fee_rate: FeeRate = Decimal(2)
    signals_replacement: bool = True
    confirm: int = Field(default=0, ge=0, le=100)
    """Blocks that are mined afterwards."""


class Replace(_Order):
    """A replacement of an unconfirmed payment of the faucet."""

    txid: str
    fee_rate: FeeRate
    outputs: list[Paid] | None = None
    """What is paid instead; without it the same."""


class Replacement(_Order):
    """What the coins of a payment pay in the new branch."""

    txid: str
    outputs: list[Paid] = Field(min_length=1)


class Reorg(_Order):
    """A new branch."""

    depth: int = Field(ge=1)
    """How many of the highest blocks are replaced."""
    blocks: int | None = None
    """How many blocks the new branch has; without it one more."""
    drop: list[str] = []
    """Transactions of the old blocks that the new branch does not have."""
    drop_all: bool = False
    forget: bool = False
    """The dropped transactions are not in the mempool afterwards, either."""
    replace: list[Replacement] = []


class FeeLevel(_Order):
    """Fee rates in satoshi per virtual byte; what is not named stays."""

    min_relay: FeeRate | None = None
    mempool_min: FeeRate | None = None
    incremental: FeeRate | None = None
    block_min: FeeRate | None = None
    estimate: FeeRate | None = None
    """0: not enough data."""


class Misbehave(_Order):
    """How the RPC answers; what is not named becomes normal."""

    mode: Mode = Mode.NORMAL
    methods: list[str] = []
    """Only calls of these methods; empty: all."""
    times: int | None = Field(default=None, ge=1)
    """For how many requests; without it until it is changed."""
    delay_s: float = Field(default=0, ge=0, le=600)
    behind: int = Field(default=0, ge=0)
    wrong_chain: bool = False
    corrupt_blocks: bool = False


def control_router(node: Node) -> APIRouter:
    """The control routes."""
    router = APIRouter(prefix="/control", tags=["control"])
    _add_views(router, node)
    _add_mining(router, node)
    _add_payments(router, node)
    _add_disturbances(router, node)
    return router


def _add_views(router: APIRouter, node: Node) -> None:
    @router.get("/health")
    async def health() -> dict[str, str]:
        """Report that the node is running."""
        return {"status": "ok"}

    @router.get("/faucet")
    async def faucet() -> dict[str, Any]:
        """The satoshi that the faucet can pay now."""
        return {"sats": node.faucet.balance()}

    @router.get("/book")
    async def book() -> dict[str, Any]:
        """What moved between the platform and others in the active chain."""
        return {"entries": node.outside.movements(node.chain)}

    @router.get("/mempool")
    async def mempool() -> dict[str, Any]:
        """The ids of the unconfirmed transactions, oldest first."""
        return {"txids": list(node.pool.pooled)}

    @router.post("/addresses", status_code=201)
    async def addresses() -> dict[str, str]:
        """A new address of somebody who is not the platform."""
        return {"address": node.outside.new_address()}

    @router.put("/addresses/{address}")
    async def outside(address: str) -> dict[str, str]:
        """Declare that an address is not the platform's."""
        node.outside.scripts.add(_script(address))
        return {"address": address}


def _add_mining(router: APIRouter, node: Node) -> None:
    @router.post("/mine")
    async def mine(order: Mine) -> dict[str, Any]:
        """Mine blocks."""
        script = SCRIPT if order.address is None else _script(order.address)
        only = None if order.transactions is None else frozenset(order.transactions)
        if only and (unknown := only - node.pool.pooled.keys()):
            raise HTTPException(422, f"not in the mempool: {', '.join(sorted(unknown))}")
        try:
            hashes = node.mine(order.blocks, script=script, only=only)
        except BlockRefused as error:
            raise HTTPException(422, str(error)) from error
        return {"blocks": hashes, "height": node.chain.height}

    @router.post("/reorg")
    async def reorg(order: Reorg) -> dict[str, Any]:
        """Replace the highest blocks by a branch with more work."""
        plan = ReorgPlan(
            depth=order.depth,
            blocks=order.depth + 1 if order.blocks is None else order.blocks,
            drop=frozenset(order.drop),
            drop_all=order.drop_all,
            forget=order.forget,
            replace=[(one.txid, _outputs(one.outputs)) for one in order.replace],
        )
        old = node.chain.active[-order.depth :]
        try:
            hashes = reorganise(node, plan)
        except (ReorgRefused, FaucetRefused) as error:
            raise HTTPException(422, str(error)) from error
        return {"blocks": hashes, "replaced": old, "height": node.chain.height}


def _add_payments(router: APIRouter, node: Node) -> None:
    @router.post("/pay", status_code=201)
    async def pay(order: Pay) -> dict[str, Any]:
        """Pay addresses in one transaction."""
        sequence = REPLACEABLE if order.signals_replacement else NOT_SIGNALING
        outputs = _outputs(order.outputs)
        try:
            paid = node.faucet.payment(outputs, rate=_rate(order.fee_rate), sequence=sequence)
            node.send(paid)
        except (FaucetRefused, Rejected) as error:
            raise HTTPException(422, str(error)) from error
        hashes = node.mine(order.confirm) if order.confirm else []
        return {**_sent(paid), "blocks": hashes}

    @router.post("/replace", status_code=201)
    async def replace(order: Replace) -> dict[str, Any]:
        """Replace an unconfirmed payment."""
        outputs = None if order.outputs is None else _outputs(order.outputs)
        try:
            paid = node.faucet.replacement(order.txid, outputs, rate=_rate(order.fee_rate))
            node.send(paid)
        except (FaucetRefused, Rejected) as error:
            raise HTTPException(422, str(error)) from error
        return _sent(paid)

    @router.delete("/mempool/{txid}")
    async def evict(txid: str) -> dict[str, Any]:
        """Remove an unconfirmed transaction and its descendants, as a full mempool does."""
        if txid not in node.pool.pooled:
            raise HTTPException(404, "no such unconfirmed transaction")
        removed = node.pool.remove(txid)
        return {"removed": [{"txid": one.id, "hex": one.raw().hex()} for one in removed]}


def _add_disturbances(router: APIRouter, node: Node) -> None:
    @router.put("/fees")
    async def fees(level: FeeLevel) -> dict[str, Any]:
        """Change fee rates."""
        for name, value in level.model_dump(exclude_none=True).items():
            setattr(node.fees, name, _rate(value))
        node.fees.estimate = node.fees.estimate or None
        names = ("min_relay", "mempool_min", "incremental", "block_min", "estimate")
        return {name: _shown_rate(getattr(node.fees, name)) for name in names}

    @router.put("/behaviour")
    async def behaviour(order: Misbehave) -> Misbehave:
        """Change how the RPC answers."""
        current = node.behaviour
        current.change(order.mode, frozenset(order.methods), order.times)
        current.delay_s, current.behind = order.delay_s, order.behind
        current.wrong_chain, current.corrupt_blocks = order.wrong_chain, order.corrupt_blocks
        return order

    @router.post("/die")
    async def die() -> None:
        """End the process at once; its chain is lost."""
        node.close()
        os._exit(1)


def _sent(paid: Transaction) -> dict[str, Any]:
    outputs = [
        {"vout": index, "sats": output.value, "change": output.script == SCRIPT}
        for index, output in enumerate(paid.outputs)
    ]
    return {"txid": paid.id, "hex": paid.raw().hex(), "outputs": outputs}


def _outputs(wanted: list[Paid]) -> list[Output]:
    return [Output(one.sats, _script(one.address)) for one in wanted]


def _script(address: str) -> bytes:
    try:
        return script_of(address)
    except BadAddress as error:
        raise HTTPException(422, str(error)) from error


def _rate(value: Decimal) -> int:
    return int(value * 1000)


def _shown_rate(rate: int | None) -> str | None:
    return None if rate is None else f"{Decimal(rate) / 1000:f}"
