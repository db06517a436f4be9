"""The answers of both markets, in their own forms.

Source: docs.cdp.coinbase.com (Data API, Prices), docs.kraken.com (Get Ticker Information).
"""

import json
from decimal import Decimal
from typing import Any

from fastapi import Response

from provider_sandbox.rates.market import Market, Mode

_PAGE = b"<!doctype html><html><body><h1>Checking your browser</h1></body></html>"
_KRAKEN_NAMES = {"XBT": "BTC"}


def coinbase_answer(market: Market, pair: str, mode: Mode) -> Response:
    """`GET /v2/prices/BTC-USD/spot`."""
    currency, _, quote = pair.partition("-")
    if mode is Mode.LIMITED:
        errors = [{"id": "rate_limit_exceeded", "message": "Too many requests"}]
        return _json({"errors": errors}, mode, status=429)
    if currency not in market.prices or quote != "USD":
        errors = [{"id": "not_found", "message": "Invalid base currency"}]
        return _json({"errors": errors}, mode, status=404)
    shown = "ETH" if currency == "BTC" else "BTC"
    data = {
        "amount": _price(market, currency, mode),
        "base": shown if mode is Mode.WRONG_PAIR else currency,
        "currency": "USD",
    }
    return _json({"data": data}, mode)


def kraken_answer(market: Market, pair: str, mode: Mode) -> Response:
    """`GET /0/public/Ticker?pair=XBTUSD`; errors have HTTP status 200."""
    code = pair.removesuffix("USD")
    currency = _KRAKEN_NAMES.get(code, code)
    if mode is Mode.LIMITED:
        return _json({"error": ["EGeneral:Too many requests"]}, mode)
    if currency not in market.prices or not pair.endswith("USD"):
        return _json({"error": ["EQuery:Unknown asset pair"]}, mode)
    name = f"X{code}ZUSD" if currency in ("BTC", "ETH") else pair
    if mode is Mode.WRONG_PAIR:
        name = "XXRPZUSD"
    price = _price(market, currency, mode)
    ticker = {
        "a": [price, "1", "1.000"],
        "b": [price, "1", "1.000"],
        "c": [price, "0.00067643"],
        "v": ["4083.67001100", "4412.73601799"],
        "p": [price, price],
        "t": [34619, 38907],
        "l": [price, price],
        "h": [price, price],
        "o": price,
    }
    return _json({"error": [], "result": {name: ticker}}, mode)


def _price(market: Market, currency: str, mode: Mode) -> str | float:
    text = market.shown(currency, mode)
    return float(Decimal(text)) if mode is Mode.NUMBER else text


def _json(document: dict[str, Any], mode: Mode, *, status: int = 200) -> Response:
    if mode is Mode.HTML:
        return Response(_PAGE, media_type="text/html")
    if mode is Mode.BUSY:
        return Response(_PAGE, status_code=503, media_type="text/html")
    raw = b"{}" if mode is Mode.EMPTY else json.dumps(document).encode()
    if mode is Mode.TRUNCATED:
        raw = raw[: len(raw) // 2]
    return Response(raw, status_code=status, media_type="application/json")
