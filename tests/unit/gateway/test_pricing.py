"""A price is fee and net together, and never eats the whole amount."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import InvalidCommand
from cift_shared.messaging.rail_status import NetworkFee
from cift_shared.money.amount import Money
from cift_shared.money.fees import FeeRule, FeeSchedule, load_schedule
from cift_shared.rails.registry import rail_for
from gateway.problems.problem import Problem
from gateway.quotes.pricing import PriceRequest, Quote, pinned_quote, quote, quote_row

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ask_for(kind: Any, method: str, amount: str, currency: str) -> PriceRequest:
    return PriceRequest(kind, rail_for(method, kind, currency, None), amount, currency)


@pytest.mark.parametrize(
    ("kind", "amount", "fee", "net"),
    [
        ("deposit", "100", 250, 97_50),
        ("withdrawal", "100.00", 250, 102_50),
        ("deposit", "1", 3, 97),
    ],
)
def test_a_price_has_fee_net_and_arrival(kind: str, amount: str, fee: int, net: int) -> None:
    price = quote(ask_for(kind, "mpesa", amount, "KES"), load_schedule(), at=NOW)
    assert (price.fee.minor, price.net.minor) == (fee, net)
    assert (price.network_fee, price.bearer) == (Money(0, "KES"), "customer")
    assert price.estimated_arrival == NOW + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("wish", "code", "pointer"),
    [
        (("deposit", "cash", "1", "KES"), "method_unavailable", "/method"),
        (("deposit", "mpesa", "1", "GHS"), "currency_unsupported", "/currency"),
        (("deposit", "mpesa", "1", "XXX"), "currency_unknown", "/currency"),
        (("deposit", "mpesa", "1.505", "GHS"), "currency_unsupported", "/currency"),
        (("deposit", "mpesa", "1000.50", "UGX"), "amount_invalid", "/amount"),
        (("deposit", "mpesa", "5000001", "UGX"), "amount_out_of_limits", "/amount"),
        (("withdrawal", "mpesa", "2000001", "RWF"), "amount_out_of_limits", "/amount"),
        (("deposit", "mpesa", "1.50", "KES"), "amount_not_whole", "/amount"),
        (("deposit", "mpesa", "250001", "KES"), "amount_out_of_limits", "/amount"),
    ],
)
def test_a_price_that_is_refused_names_code_and_place(
    wish: tuple[Any, str, str, str], code: str, pointer: str
) -> None:
    with pytest.raises(InvalidCommand) as refused:
        quote(ask_for(*wish), load_schedule(), at=NOW)
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


def test_fee_that_eats_the_deposit() -> None:
    rule = FeeRule.model_validate(
        {"method": "mpesa", "direction": "deposit", "percent": "0",
         "fixed": {"amount": "5.00", "currency": "KES"}, "valid_from": NOW}
    )  # fmt: skip
    with pytest.raises(InvalidCommand) as refused:
        quote(ask_for("deposit", "mpesa", "5", "KES"), FeeSchedule((rule,)), at=NOW)
    assert (refused.value.code, refused.value.pointer) == ("amount_out_of_limits", "/amount")
    price = quote(ask_for("deposit", "mpesa", "6", "KES"), FeeSchedule((rule,)), at=NOW)
    assert (price.fee.minor, price.net.minor) == (5_00, 1_00)


def test_the_merchant_may_pay_the_fee() -> None:
    rules = [
        FeeRule.model_validate(
            {"method": "mpesa", "direction": direction, "percent": "2.5", "bearer": "merchant",
             "valid_from": NOW}
        )
        for direction in ("deposit", "withdrawal")
    ]  # fmt: skip
    for direction in ("deposit", "withdrawal"):
        price = quote(ask_for(direction, "mpesa", "100", "KES"), FeeSchedule(tuple(rules)), at=NOW)
        assert (price.fee.minor, price.net.minor, price.bearer) == (250, 100_00, "merchant")


def test_a_price_says_how_it_came_about() -> None:
    price = quote(ask_for("deposit", "card", "1000", "KES"), load_schedule(), at=NOW)
    assert price.pricing == {
        "rule": "card.deposit.*@2025-11-15T00:00:00+00:00",
        "bearer": "customer",
        "percent": "2.9",
        "fixed": "0.30 USD",
        "network_fee": "0.00",
        "rate": {"from": "USD", "to": "KES", "value": "129.25", "source": "cift-static",
                 "as_of": "2025-11-15T00:00:00+00:00"},
    }  # fmt: skip


ASK = ask_for("deposit", "mpesa", "100.00", "KES")
QUOTE_ID = UUID(int=7)


def stored(price: Quote) -> dict[str, Any]:
    return {
        **quote_row(QUOTE_ID, ASK, price),
        "expires_at": NOW + timedelta(minutes=15),
    }


def test_a_quote_keeps_its_terms_whatever_the_price_list_says_later() -> None:
    price = quote(ASK, load_schedule(), at=NOW)
    later = NOW + timedelta(minutes=14)
    pinned = pinned_quote(ask_for("deposit", "mpesa", "100", "KES"), stored(price), at=later)
    assert (pinned.fee, pinned.net, pinned.bearer) == (price.fee, price.net, price.bearer)
    assert pinned.pricing == {**price.pricing, "quote_id": str(QUOTE_ID)}
    assert pinned.estimated_arrival == later + timedelta(seconds=30)
    assert (pinned.amount, pinned.network_fee) == (price.amount, price.network_fee)


@pytest.mark.parametrize(
    ("ask", "minutes", "code"),
    [
        (ASK, 15, "quote_expired"),
        (ask_for("deposit", "mpesa", "101", "KES"), 0, "quote_mismatch"),
        (ask_for("withdrawal", "mpesa", "100", "KES"), 0, "quote_mismatch"),
        (ask_for("deposit", "card", "100", "KES"), 0, "quote_mismatch"),
        (ask_for("deposit", "card", "100", "USD"), 0, "quote_mismatch"),
        (ask_for("deposit", "mpesa", "100.50", "KES"), 0, "amount_not_whole"),
    ],
)
def test_a_quote_is_for_one_thing_and_one_while(ask: PriceRequest, minutes: int, code: str) -> None:
    row = stored(quote(ASK, load_schedule(), at=NOW))
    with pytest.raises(InvalidCommand) as refused:
        pinned_quote(ask, row, at=NOW + timedelta(minutes=minutes))
    assert refused.value.code == code
    assert refused.value.pointer == ("/quote_id" if code.startswith("quote") else "/amount")


def test_no_such_quote() -> None:
    with pytest.raises(InvalidCommand) as refused:
        pinned_quote(ASK, None, at=NOW)
    assert (refused.value.code, refused.value.pointer) == ("quote_not_found", "/quote_id")


def test_a_quote_is_kept_whole() -> None:
    parts = {name: {"amount": amount, "currency": "KES"} for name, amount in
             (("fixed", "1.00"), ("minimum", "5.00"), ("maximum", "50.00"))}  # fmt: skip
    rule = FeeRule.model_validate(
        {"method": "mpesa", "direction": "withdrawal", "percent": "1", "bearer": "merchant",
         "valid_from": NOW, **parts}
    )  # fmt: skip
    ask = ask_for("withdrawal", "mpesa", "200", "KES")
    price = quote(ask, FeeSchedule((rule,)), at=NOW)
    assert quote_row(QUOTE_ID, ask, price) == {
        "quote_id": str(QUOTE_ID),
        "type": "withdrawal",
        "method": "mpesa",
        "rail": "mpesa",
        "minor": "20000",
        "currency": "KES",
        "fee_minor": "500",
        "network_fee_minor": "0",
        "net_minor": "20000",
        "bearer": "merchant",
        "pricing": {
            "rule": "mpesa.withdrawal.*@2026-01-01T00:00:00+00:00",
            "bearer": "merchant",
            "percent": "1",
            "fixed": "1.00 KES",
            "minimum": "5.00 KES",
            "maximum": "50.00 KES",
            "network_fee": "0.00",
            "rate": None,
        },
    }


def test_what_a_quote_promised_counts_and_no_price_list() -> None:
    row = {
        **stored(quote(ASK, load_schedule(), at=NOW)),
        "fee_minor": 321, "network_fee_minor": 21, "net_minor": 9_679, "bearer": "merchant",
    }  # fmt: skip
    pinned = pinned_quote(ASK, row, at=NOW)
    assert pinned == Quote(
        Money(100_00, "KES"), Money(3_21, "KES"), Money(21, "KES"), Money(96_79, "KES"), "merchant",
        NOW + timedelta(seconds=30), {**row["pricing"], "quote_id": str(QUOTE_ID)},
    )  # fmt: skip


def test_a_card_is_not_paid_out_at_any_price() -> None:
    with pytest.raises(InvalidCommand) as refused:
        quote(ask_for("withdrawal", "card", "100", "USD"), load_schedule(), at=NOW)
    assert (refused.value.code, refused.value.pointer) == ("card_withdrawal_unsupported", "/type")


@pytest.mark.parametrize(("amount", "net"), [("1.00", None), ("1.01", 1), ("1.02", 2)])
def test_a_fee_leaves_one_unit_at_least(amount: str, net: int | None) -> None:
    rule = FeeRule.model_validate(
        {"method": "card", "direction": "deposit", "percent": "0",
         "fixed": {"amount": "1.00", "currency": "USD"}, "valid_from": NOW}
    )  # fmt: skip
    ask, fees = ask_for("deposit", "card", amount, "USD"), FeeSchedule((rule,))
    if net is None:
        with pytest.raises(InvalidCommand):
            quote(ask, fees, at=NOW)
    else:
        assert quote(ask, fees, at=NOW).net == Money(net, "USD")


# The fee of a network ---------------------------------------------------------------------------


def asks_network(kind: Any = "deposit", amount: str = "100", *, declared: bool = True) -> Any:
    ask = ask_for(kind, "mpesa", amount, "KES")
    return replace(ask, rail=replace(ask.rail, estimates_network_fee=declared))


def estimated(minor: int, currency: str = "KES") -> NetworkFee:
    fee = Money(minor, currency)
    return NetworkFee(type="deposit", currency="KES", fee=fee, estimated_at=NOW)


def network_prices(*, charged: bool = True) -> FeeSchedule:
    rules = [
        FeeRule.model_validate(
            {"method": "mpesa", "direction": direction, "percent": "2.5", "network_fee": charged,
             "valid_from": NOW}
        )
        for direction in ("deposit", "withdrawal")
    ]  # fmt: skip
    return FeeSchedule(tuple(rules))


@given(network=st.integers(0, 97_49), kind=st.sampled_from(["deposit", "withdrawal"]))
def test_the_network_fee_is_added_to_ours(network: int, kind: Any) -> None:
    price = quote(asks_network(kind), network_prices(), at=NOW, estimate=estimated(network))
    sign = -1 if kind == "deposit" else 1
    assert (price.fee.minor, price.network_fee.minor) == (2_50 + network, network)
    assert price.net.minor == 100_00 + sign * (2_50 + network)


def test_a_network_fee_never_eats_the_deposit() -> None:
    with pytest.raises(InvalidCommand) as refused:
        quote(asks_network(), network_prices(), at=NOW, estimate=estimated(97_50))
    assert refused.value.code == "amount_out_of_limits"


def test_a_price_says_what_was_estimated() -> None:
    price = quote(asks_network(), network_prices(), at=NOW, estimate=estimated(1, "USD"))
    assert price.pricing["network_fee"] == "1.30"
    assert price.pricing["rate"] is None
    assert price.pricing["network_estimate"] == {
        "fee": "0.01 USD",
        "estimated_at": "2026-01-01T00:00:00+00:00",
        "rate": {"from": "USD", "to": "KES", "value": "129.25", "source": "cift-static",
                 "as_of": "2025-11-15T00:00:00+00:00"},
    }  # fmt: skip
    price = quote(asks_network(), network_prices(), at=NOW, estimate=estimated(7))
    assert price.pricing["network_estimate"]["rate"] is None


def test_without_an_estimate_there_is_no_price_but_a_wrong_amount_is_said_first() -> None:
    with pytest.raises(Problem) as unknown:
        quote(asks_network(), network_prices(), at=NOW)
    assert (unknown.value.code, unknown.value.kind.status) == ("network_fee_unknown", 503)
    assert unknown.value.kind.retryable
    with pytest.raises(InvalidCommand) as refused:
        quote(asks_network(amount="0.50"), network_prices(), at=NOW)
    assert refused.value.code == "amount_not_whole"


@pytest.mark.parametrize(("declared", "charged"), [(True, False), (False, True), (False, False)])
@pytest.mark.parametrize("known", [False, True])
def test_no_estimate_counts_where_the_price_does_not_include_it(
    declared: bool, charged: bool, known: bool
) -> None:
    prices, ask = network_prices(charged=charged), asks_network(declared=declared)
    price = quote(ask, prices, at=NOW, estimate=estimated(7) if known else None)
    assert (price.fee.minor, price.network_fee.minor) == (2_50, 0)
    assert "network_estimate" not in price.pricing


def test_a_quote_keeps_the_network_fee() -> None:
    price = quote(asks_network(), network_prices(), at=NOW, estimate=estimated(7))
    pinned = pinned_quote(asks_network(), stored(price), at=NOW)
    assert (pinned.fee.minor, pinned.network_fee.minor) == (2_57, 7)
    assert pinned.pricing["network_estimate"] == price.pricing["network_estimate"]
