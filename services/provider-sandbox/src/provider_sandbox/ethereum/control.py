"""`/control`: routes that mine, pay, reorganise and disturb. Not a part of geth."""

import os
from typing import Annotated, Any

from eth.abc import SignedTransactionAPI
from eth_utils import is_address, to_canonical_address, to_checksum_address
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from provider_sandbox.ethereum.contracts import selector
from provider_sandbox.ethereum.node import GWEI, Fee, Node, ReorgPlan, ReorgRefused
from provider_sandbox.ethereum.parameters import bytes_shown
from provider_sandbox.ethereum.pool import PoolRefused
from provider_sandbox.node_rpc.behaviour import Mode

Hash = Annotated[str, StringConstraints(pattern="^0x[0-9a-fA-F]{64}$")]
Amount = Annotated[str, StringConstraints(pattern="^[0-9]{1,70}$")]
"""Wei, or the smallest unit of a token, decimal: it can be more than a JSON number holds."""
_CALL_GAS = 200_000


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Mine(_Order):
    """Blocks to add."""

    blocks: int = Field(default=1, ge=1, le=5_000)
    transactions: list[Hash] | None = None
    """Only these; an empty list: none. Without it what fits and pays."""


class Pay(_Order):
    """A payment of the faucet."""

    address: str
    amount: Amount
    token: str | None = None
    """`USDC` or `USDT`; without it ether."""
    fake: bool = False
    """Of a contract that only calls itself USDC."""
    by_contract: bool = False
    """A contract passes the ether on, so no transaction has this recipient."""
    fails: bool = False
    """A contract that accepts nothing is in between: the transaction fails and moves nothing."""
    max_fee_gwei: int | None = Field(default=None, ge=1)
    tip_gwei: int = Field(default=1, ge=0)
    nonce: int | None = Field(default=None, ge=0)
    """The nonce of a waiting payment, to replace it."""
    confirm: int = Field(default=0, ge=0, le=200)
    """Blocks that are added afterwards."""


class Replacement(_Order):
    """What stands in the place of a payment in the new branch."""

    txid: Hash
    address: str
    amount: Amount


class Reorg(_Order):
    """A new branch."""

    depth: int = Field(ge=1)
    """How many of the highest blocks are replaced."""
    blocks: int | None = Field(default=None, ge=1)
    """How many blocks the new branch has; without it as many."""
    drop: list[Hash] = []
    """Transactions of the old blocks that the new branch does not have."""
    drop_all: bool = False
    forget: bool = False
    """The dropped ones do not wait for a block afterwards, either."""
    replace: list[Replacement] = []
    """Payments of the faucet that are replaced by others with the same nonce."""


class FinalityOrder(_Order):
    """Which blocks are safe and final."""

    safe_lag: int = Field(default=4, ge=0)
    finalized_lag: int = Field(default=8, ge=0)
    safe: int | None = Field(default=None, ge=0)
    """The number of the safe block, as long as it is set."""
    finalized: int | None = Field(default=None, ge=0)
    """The same for the final one: finality stands still."""


class FeeLevel(_Order):
    """Fees; what is not named becomes normal."""

    base_fee_gwei: int | None = Field(default=None, ge=0)
    """Of the next blocks; without it the base fee follows from the blocks."""
    min_tip_wei: int = Field(default=1, ge=0)
    """The lowest priority fee that the pool takes."""
    pool_full: bool = False


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
    _add_blocks(router, node)
    _add_payments(router, node)
    _add_disturbances(router, node)
    return router


def _add_views(router: APIRouter, node: Node) -> None:
    @router.get("/health")
    async def health() -> dict[str, str]:
        """Report that the node is running."""
        return {"status": "ok"}

    @router.get("/contracts")
    async def contracts() -> dict[str, str]:
        """The addresses of the tokens, by symbol."""
        return {symbol: _shown(address) for symbol, address in node.tokens.items()}

    @router.get("/book")
    async def book() -> dict[str, Any]:
        """What moved between the platform and others in the active chain."""
        return {"entries": node.outside.movements(node.chain, node.tokens)}

    @router.get("/pool")
    async def pool() -> dict[str, list[str]]:
        """The transactions that wait for a block."""
        return {"txids": [bytes_shown(one.hash) for one in node.pool.all()]}

    @router.post("/addresses", status_code=201)
    async def addresses() -> dict[str, str]:
        """A new address of somebody who is not the platform."""
        return {"address": _shown(node.outside.new_address())}

    @router.put("/addresses/{address}")
    async def outside(address: str) -> dict[str, str]:
        """Declare that an address is not the platform's."""
        node.outside.addresses.add(_address(address))
        return {"address": address}


def _add_blocks(router: APIRouter, node: Node) -> None:
    @router.post("/mine")
    async def mine(order: Mine) -> dict[str, Any]:
        """Add blocks."""
        only = None
        if order.transactions is not None:
            only = frozenset(bytes.fromhex(one[2:]) for one in order.transactions)
        return _branch(node, node.mine(order.blocks, only=only))

    @router.post("/reorg")
    async def reorg(order: Reorg) -> dict[str, Any]:
        """Replace the highest blocks by other ones."""
        old = [bytes_shown(one) for one in node.chain.active[-order.depth :]]
        plan = ReorgPlan(
            depth=order.depth,
            blocks=order.depth if order.blocks is None else order.blocks,
            drop=frozenset(bytes.fromhex(one[2:]) for one in order.drop),
            drop_all=order.drop_all,
            forget=order.forget,
            replace={bytes.fromhex(one.txid[2:]): _conflict(node, one) for one in order.replace},
        )
        try:
            branch = node.reorganise(plan)
        except ReorgRefused as error:
            raise HTTPException(422, str(error)) from error
        return {**_branch(node, branch), "replaced": old}

    @router.put("/finality")
    async def finality(order: FinalityOrder) -> dict[str, int]:
        """Change which blocks are safe and final."""
        current = node.chain.finality
        for name, value in order.model_dump().items():
            setattr(current, name, value)
        latest = node.chain.height
        return {
            "latest": latest,
            "safe": current.safe_number(latest),
            "finalized": current.finalized_number(latest),
        }


def _add_payments(router: APIRouter, node: Node) -> None:
    @router.post("/pay", status_code=201)
    async def pay(order: Pay) -> dict[str, Any]:
        """Pay an address."""
        try:
            sent = _signed(node, order)
            node.send(sent)
        except PoolRefused as error:
            raise HTTPException(422, str(error)) from error
        hashes = node.mine(order.confirm) if order.confirm else []
        return {
            "txid": bytes_shown(sent.hash),
            "hex": bytes_shown(sent.encode()),
            "nonce": sent.nonce,
            "blocks": [bytes_shown(one) for one in hashes],
        }

    @router.delete("/pool/{txid}")
    async def evict(txid: Hash) -> dict[str, str]:
        """Remove a waiting transaction, as a full pool does."""
        if not node.pool.remove(bytes.fromhex(txid[2:])):
            raise HTTPException(404, "no such waiting transaction")
        return {"txid": txid}


def _add_disturbances(router: APIRouter, node: Node) -> None:
    @router.put("/fees")
    async def fees(level: FeeLevel) -> FeeLevel:
        """Change fees."""
        node.base_fee = None if level.base_fee_gwei is None else level.base_fee_gwei * GWEI
        node.pool.min_tip, node.pool.full = level.min_tip_wei, level.pool_full
        return level

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
        os._exit(1)


def _signed(node: Node, order: Pay) -> SignedTransactionAPI:
    fee = None
    if order.max_fee_gwei is not None:
        fee = Fee(order.max_fee_gwei * GWEI, order.tip_gwei * GWEI)
    to, value, data = _call(node, order)
    gas = _CALL_GAS if data or order.fails else 21_000
    return node.sign(to, value, data, gas=gas, nonce=order.nonce, fee=fee)


def _call(node: Node, order: Pay) -> tuple[bytes, int, bytes]:
    """Recipient, value and data of the transaction."""
    recipient, amount = _address(order.address), int(order.amount)
    padded = recipient.rjust(32, b"\0")
    if order.token is not None or order.fake:
        contract = node.impostor if order.fake else node.tokens.get(order.token or "")
        if contract is None:
            raise HTTPException(422, "unknown token")
        start = selector("transfer(address,uint256)").to_bytes(4)
        return contract, 0, start + padded + amount.to_bytes(32)
    if order.fails:
        return node.refuser, amount, b""
    return (node.forwarder, amount, padded) if order.by_contract else (recipient, amount, b"")


def _conflict(node: Node, order: Replacement) -> SignedTransactionAPI:
    place = node.chain.places.get(bytes.fromhex(order.txid[2:]))
    if place is None or bytes(place.executed.transaction.sender) != node.faucet:
        raise HTTPException(422, "not a payment of the faucet in the chain")
    nonce = place.executed.transaction.nonce
    return node.sign(_address(order.address), int(order.amount), nonce=nonce)


def _branch(node: Node, hashes: list[bytes]) -> dict[str, Any]:
    return {"blocks": [bytes_shown(one) for one in hashes], "height": node.chain.height}


def _address(text: str) -> bytes:
    if not is_address(text):
        raise HTTPException(422, "not an address")
    return to_canonical_address(text)


def _shown(address: bytes) -> str:
    return str(to_checksum_address(address))
