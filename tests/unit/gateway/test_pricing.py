"""A price is fee and net together, and never eats the whole amount."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from cift_shared.errors import InvalidCommand
from cift_shared.fees import FeeRule, FeeSchedule, load_schedule
from gateway.pricing import Ask, Quote, pinned_quote, quote, quote_row

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "amount", "fee", "net"),
    [
        ("deposit", "100", 250, 97_50),
        ("withdrawal", "100.00", 250, 102_50),
        ("deposit", "1", 3, 97),
    ],
)
def test_quote(kind: str, amount: str, fee: int, net: int) -> None:
    price = quote(Ask(kind, "mpesa", amount, "KES"), load_schedule(), at=NOW)
    assert (price.fee.minor, price.net.minor) == (fee, net)
    assert price.estimated_arrival > NOW


@pytest.mark.parametrize(
    ("ask", "code", "pointer"),
    [
        (Ask("deposit", "cash", "1", "KES"), "method_unavailable", "/method"),
        (Ask("deposit", "mpesa", "1", "UGX"), "currency_unsupported", "/currency"),
        (Ask("deposit", "mpesa", "1", "XXX"), "currency_unknown", "/currency"),
        (Ask("deposit", "mpesa", "1.50", "KES"), "amount_not_whole", "/amount"),
        (Ask("deposit", "mpesa", "250001", "KES"), "amount_out_of_limits", "/amount"),
    ],
)
def test_refused(ask: Ask, code: str, pointer: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        quote(ask, load_schedule(), at=NOW)
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


def test_fee_that_eats_the_deposit() -> None:
    rule = FeeRule.model_validate(
        {"method": "mpesa", "direction": "deposit", "percent": "0",
         "fixed": {"amount": "5.00", "currency": "KES"}, "valid_from": NOW}
    )  # fmt: skip
    with pytest.raises(InvalidCommand) as refused:
        quote(Ask("deposit", "mpesa", "5", "KES"), FeeSchedule((rule,)), at=NOW)
    assert refused.value.code == "amount_out_of_limits"


def test_the_merchant_may_pay_the_fee() -> None:
    rules = [
        FeeRule.model_validate(
            {"method": "mpesa", "direction": direction, "percent": "2.5", "bearer": "merchant",
             "valid_from": NOW}
        )
        for direction in ("deposit", "withdrawal")
    ]  # fmt: skip
    for direction in ("deposit", "withdrawal"):
        price = quote(Ask(direction, "mpesa", "100", "KES"), FeeSchedule(tuple(rules)), at=NOW)
        assert (price.fee.minor, price.net.minor, price.bearer) == (250, 100_00, "merchant")


def test_a_price_says_how_it_came_about() -> None:
    price = quote(Ask("deposit", "card", "1000", "KES"), load_schedule(), at=NOW)
    assert price.pricing == {
        "rule": "card.deposit.*@2025-11-15T00:00:00+00:00",
        "bearer": "customer",
        "percent": "2.9",
        "fixed": "0.30 USD",
        "network_fee": "0.00",
        "rate": {"from": "USD", "to": "KES", "value": "129.25", "source": "cift-static",
                 "as_of": "2025-11-15T00:00:00+00:00"},
    }  # fmt: skip


ASK = Ask("deposit", "mpesa", "100.00", "KES")
QUOTE_ID = UUID(int=7)


def stored(price: Quote) -> dict[str, Any]:
    return {
        **quote_row(QUOTE_ID, ASK, price),
        "expires_at": NOW + timedelta(minutes=15),
    }


def test_a_quote_keeps_its_terms_whatever_the_price_list_says_later() -> None:
    price = quote(ASK, load_schedule(), at=NOW)
    later = NOW + timedelta(minutes=14)
    pinned = pinned_quote(Ask("deposit", "mpesa", "100", "KES"), stored(price), at=later)
    assert (pinned.fee, pinned.net, pinned.bearer) == (price.fee, price.net, price.bearer)
    assert pinned.pricing == {**price.pricing, "quote_id": str(QUOTE_ID)}
    assert pinned.estimated_arrival > later


@pytest.mark.parametrize(
    ("ask", "minutes", "code"),
    [
        (ASK, 15, "quote_expired"),
        (Ask("deposit", "mpesa", "101", "KES"), 0, "quote_mismatch"),
        (Ask("withdrawal", "mpesa", "100", "KES"), 0, "quote_mismatch"),
        (Ask("deposit", "card", "100", "KES"), 0, "quote_mismatch"),
        (Ask("deposit", "card", "100", "USD"), 0, "quote_mismatch"),
        (Ask("deposit", "mpesa", "100.50", "KES"), 0, "amount_not_whole"),
    ],
)
def test_a_quote_is_for_one_thing_and_one_while(ask: Ask, minutes: int, code: str) -> None:
    row = stored(quote(ASK, load_schedule(), at=NOW))
    with pytest.raises(InvalidCommand) as refused:
        pinned_quote(ask, row, at=NOW + timedelta(minutes=minutes))
    assert refused.value.code == code


def test_no_such_quote() -> None:
    with pytest.raises(InvalidCommand) as refused:
        pinned_quote(ASK, None, at=NOW)
    assert (refused.value.code, refused.value.pointer) == ("quote_not_found", "/quote_id")
