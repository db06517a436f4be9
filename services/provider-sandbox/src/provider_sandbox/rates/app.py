"""The markets as an ASGI app: their public routes, and `/control`."""

from fastapi import FastAPI, Response

from provider_sandbox.rates.answers import coinbase_answer, kraken_answer
from provider_sandbox.rates.control import control_router
from provider_sandbox.rates.market import Markets


def create_app(markets: Markets) -> FastAPI:
    """The app."""
    app = FastAPI(title="Markets")
    app.include_router(control_router(markets))

    @app.get("/v2/prices/{pair}/spot")
    async def spot(pair: str) -> Response:
        """Coinbase: the price of a pair."""
        return coinbase_answer(markets.coinbase, pair, await markets.coinbase.take())

    @app.get("/0/public/Ticker")
    async def ticker(pair: str) -> Response:
        """Kraken: the last trade of a pair."""
        return kraken_answer(markets.kraken, pair, await markets.kraken.take())

    return app
