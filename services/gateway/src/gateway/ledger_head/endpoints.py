"""The endpoint of the ledger's hash chain: its head, which a client can keep as proof."""

from typing import Annotated

from fastapi import APIRouter

from gateway.http.api_route import ApiRoute, needs, refusals
from gateway.http.parts import part
from gateway.ledger_head.repository import LedgerHead
from gateway.ledger_head.responses import LedgerHeadOut

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["ledger"])


@router.get("/ledger/head", responses=refusals(), **needs("read"))
async def show_head(head: Annotated[LedgerHead, part(LedgerHead)]) -> LedgerHeadOut:
    """The newest link of the hash chain over every transaction of the platform.

    Store it as proof: a transaction that is sealed already can't be changed without changing this
    hash.
    """
    return LedgerHeadOut(**await head.read())
