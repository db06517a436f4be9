"""The head of the books' hash chain, for whoever wants to hold us to it."""

from fastapi import APIRouter

from gateway.replies import LedgerHeadOut
from gateway.routing import ApiRoute, Running, needs, refusals

router = APIRouter(prefix="/api/v1", route_class=ApiRoute, tags=["ledger"])


@router.get("/ledger/head", responses=refusals(), **needs("read"))
async def show_head(gateway: Running) -> LedgerHeadOut:
    """The newest link of the hash chain over every transaction of the platform.

    Keep it: whatever is sealed by then can't be changed without breaking the chain that leads here.
    """
    return LedgerHeadOut(**await gateway.store.ledger_head())
