"""`/control`: routes that move, freeze and break prices. Not a part of any market."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from provider_sandbox.rates.market import Market, Markets, Mode

PriceText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(\.[0-9]{1,18})?$")]


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewPrice(_Order):
    """A price in US dollars."""

    usd: PriceText
    source: str | None = None
    """Only at this market; without it at all that are not frozen."""


class Misbehave(_Order):
    """How a market answers; what is not named becomes normal."""

    mode: Mode = Mode.NORMAL
    times: int | None = Field(default=None, ge=1)
    frozen: bool = False


def control_router(markets: Markets) -> APIRouter:
    """The control routes."""
    router = APIRouter(prefix="/control", tags=["control"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Report that the markets are running."""
        return {"status": "ok"}

    @router.get("/prices")
    async def prices() -> dict[str, Any]:
        """The prices of each market, and how often it was asked."""
        named = {"coinbase": markets.coinbase, "kraken": markets.kraken}
        return {
            name: {"asked": one.asked, **{code: f"{usd:f}" for code, usd in one.prices.items()}}
            for name, one in named.items()
        }

    @router.put("/prices/{currency}")
    async def move(currency: str, order: NewPrice) -> NewPrice:
        """Change the price of a currency."""
        usd = Decimal(order.usd)
        if order.source is None:
            markets.move(currency, usd)
        else:
            _market(markets, order.source).prices[currency] = usd
        return order

    @router.put("/sources/{name}")
    async def behave(name: str, order: Misbehave) -> Misbehave:
        """Change how a market answers."""
        market = _market(markets, name)
        market.change(order.mode, order.times)
        market.frozen = order.frozen
        return order

    return router


def _market(markets: Markets, name: str) -> Market:
    market = markets.named(name)
    if market is None:
        raise HTTPException(404, "no such market")
    return market
