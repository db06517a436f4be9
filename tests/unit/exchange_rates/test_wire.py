"""What is read from the answers of markets, and what is refused."""

from decimal import Decimal
from typing import Any

import pytest

from exchange_rates.sources import SOURCES
from exchange_rates.wire import AnswerUnusable


def coinbase(amount: Any = "95000.015", currency: str = "USD", base: str = "BTC") -> Any:
    return {"data": {"amount": amount, "base": base, "currency": currency}}


def kraken(price: Any = "95000.10000", pair: str = "XXBTZUSD", error: Any = ()) -> Any:
    ticker = {"a": [price, "1", "1.000"], "c": [price, "0.00067643"], "t": [1, 2]}
    return {"error": list(error), "result": {pair: ticker}}


def test_the_prices_of_both() -> None:
    assert SOURCES["coinbase"].price(coinbase(), "BTC") == Decimal("95000.015")
    assert SOURCES["coinbase"].price({"data": {"amount": "1.0", "currency": "USD"}}, "ETH") == 1
    assert SOURCES["kraken"].price(kraken(), "BTC") == Decimal("95000.10000")
    assert SOURCES["kraken"].price(kraken("3150.1", "XETHZUSD"), "ETH") == Decimal("3150.1")
    assert SOURCES["kraken"].price(kraken("0.9999", "USDCUSD"), "USDC") == Decimal("0.9999")
    assert SOURCES["kraken"].price(kraken("0.9998", "USDTZUSD"), "USDT") == Decimal("0.9998")


def test_where_they_are() -> None:
    assert SOURCES["coinbase"].path("BTC") == "/v2/prices/BTC-USD/spot"
    assert SOURCES["kraken"].path("BTC") == "/0/public/Ticker?pair=XBTUSD"
    assert SOURCES["kraken"].path("ETH") == "/0/public/Ticker?pair=ETHUSD"
    assert SOURCES["kraken"].path("DOGE") == "/0/public/Ticker?pair=XDGUSD"


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (10, True), (11, False)])
def test_a_ticker_has_so_many_parts(count: int, fits: bool) -> None:
    document = {"error": [], "result": {"XXBTZUSD": {"c": ["95000.1"] * count}}}
    if fits:
        assert SOURCES["kraken"].price(document, "BTC") == Decimal("95000.1")
    else:
        with pytest.raises(AnswerUnusable):
            SOURCES["kraken"].price(document, "BTC")


WRONG_PRICES = [
    "-95000", "+95000", "0", "0.00", "", " 95000", "95000\n", "NaN", "Infinity", "9.5E4", "1e5",
    "9" * 13, "1." + "0" * 19, "95,000", "0x10", "９５０００", 95000, 95000.5, True, None, ["1"],
    {},
]  # fmt: skip


@pytest.mark.parametrize("price", WRONG_PRICES, ids=repr)
def test_anything_but_plain_positive_text_is_refused(price: Any) -> None:
    for name, document in (("coinbase", coinbase(price)), ("kraken", kraken(price))):
        with pytest.raises(AnswerUnusable):
            SOURCES[name].price(document, "BTC")


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("coinbase", coinbase(currency="EUR")),
        ("coinbase", coinbase(base="ETH")),
        ("coinbase", {"errors": [{"id": "rate_limit_exceeded"}]}),
        ("coinbase", {}),
        ("coinbase", None),
        ("coinbase", []),
        ("kraken", kraken(pair="XXRPZUSD")),
        ("kraken", kraken(pair="XETHZUSD")),
        ("kraken", kraken(error=["EGeneral:Too many requests"])),
        ("kraken", {"error": ["EQuery:Unknown asset pair"]}),
        ("kraken", {"error": [], "result": {}}),
        ("kraken", {"error": [], "result": {**kraken()["result"], "XETHZUSD": {"c": ["1"]}}}),
        ("kraken", {"error": [], "result": {"XXBTZUSD": {"c": []}}}),
        ("kraken", None),
    ],
)
def test_an_answer_of_another_pair_or_form_is_refused(name: str, document: Any) -> None:
    with pytest.raises(AnswerUnusable):
        SOURCES[name].price(document, "BTC")
