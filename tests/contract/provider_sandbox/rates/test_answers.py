"""The twins of markets answer as their documentation shows, and as their control routes say."""

from collections.abc import AsyncIterator

import httpx
import pytest

from provider_sandbox.rates.app import create_app
from provider_sandbox.rates.market import Markets, Mode


@pytest.fixture
async def market() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(Markets()))
    async with httpx.AsyncClient(transport=transport, base_url="http://market.test") as client:
        yield client


async def test_coinbase(market: httpx.AsyncClient) -> None:
    answer = await market.get("/v2/prices/BTC-USD/spot")
    assert answer.json() == {"data": {"amount": "95000", "base": "BTC", "currency": "USD"}}
    missing = await market.get("/v2/prices/XXX-USD/spot")
    assert missing.status_code == 404
    assert missing.json()["errors"][0]["id"] == "not_found"


async def test_kraken(market: httpx.AsyncClient) -> None:
    answer = (await market.get("/0/public/Ticker", params={"pair": "XBTUSD"})).json()
    assert answer["error"] == []
    assert answer["result"]["XXBTZUSD"]["c"][0] == "95000"
    ether = (await market.get("/0/public/Ticker", params={"pair": "ETHUSD"})).json()
    assert ether["result"]["XETHZUSD"]["c"][0] == "3150"
    missing = await market.get("/0/public/Ticker", params={"pair": "XXXUSD"})
    assert (missing.status_code, missing.json()) == (200, {"error": ["EQuery:Unknown asset pair"]})


async def test_a_frozen_market_keeps_its_price(market: httpx.AsyncClient) -> None:
    await market.put("/control/sources/kraken", json={"frozen": True})
    await market.put("/control/prices/BTC", json={"usd": "96000.5"})
    prices = (await market.get("/control/prices")).json()
    assert (prices["coinbase"]["BTC"], prices["kraken"]["BTC"]) == ("96000.5", "95000")
    await market.put("/control/prices/BTC", json={"usd": "1", "source": "kraken"})
    assert (await market.get("/control/prices")).json()["kraken"]["BTC"] == "1"


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode not in (Mode.NORMAL, Mode.HANG)])
async def test_a_mode_lasts_for_so_many_answers(market: httpx.AsyncClient, mode: Mode) -> None:
    usual = await market.get("/v2/prices/BTC-USD/spot")
    order = {"mode": mode.value, "times": 1}
    assert (await market.put("/control/sources/coinbase", json=order)).status_code == 200
    assert (await market.get("/v2/prices/BTC-USD/spot")).content != usual.content
    assert (await market.get("/v2/prices/BTC-USD/spot")).content == usual.content


async def test_orders_that_are_refused(market: httpx.AsyncClient) -> None:
    assert (await market.put("/control/sources/nowhere", json={})).status_code == 404
    assert (await market.put("/control/prices/BTC", json={"usd": "-1"})).status_code == 422
