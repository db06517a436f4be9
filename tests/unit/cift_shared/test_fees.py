import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cift_shared.errors import InvalidCommand, SettingsInvalid
from cift_shared.fees import FeeRule, FeeSchedule, FixedPart, load_schedule
from cift_shared.methods import METHODS, method_named
from cift_shared.money import Money, parse_money
from cift_shared.rates import RateTable

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "direction", "amount", "currency", "fee"),
    [
        ("mpesa", "deposit", "100.00", "KES", "2.50"),
        ("mpesa", "withdrawal", "1000.00", "KES", "25.00"),
        ("card", "deposit", "100.00", "USD", "3.20"),
        ("paypal", "deposit", "100.00", "USD", "3.48"),
        ("paypal", "withdrawal", "100.00", "USD", "0.25"),
        ("bank", "deposit", "100.00", "USD", "0.00"),
    ],
)
def test_the_shipped_price_list(method, direction, amount, currency, fee) -> None:
    money = parse_money(amount, currency)
    charged = load_schedule().fee(money, method=method, direction=direction, at=NOW)
    assert charged.text == fee


def test_card_withdrawals_have_no_price() -> None:
    with pytest.raises(InvalidCommand) as caught:
        load_schedule().fee(Money(1, "USD"), method="card", direction="withdrawal", at=NOW)
    assert caught.value.code == "method_unavailable"


@pytest.mark.parametrize(
    ("amount", "currency", "fee"),
    [
        ("1000.00", "KES", "67.78"),  # 29.00, and 30 cents at 129.25: 38.775
        ("10000", "JPY", "336"),  # 290, and 46.35
        ("10.00", "EUR", "0.55"),  # 0.29, and 0.258
    ],
)
def test_a_fixed_part_goes_through_the_rates(amount, currency, fee) -> None:
    money = parse_money(amount, currency)
    charge = load_schedule().charge(money, method="card", direction="deposit", at=NOW)
    assert charge.fee.text == fee
    assert charge.rate is not None
    assert (charge.rate.from_currency, charge.rate.to_currency) == ("USD", currency)
    assert charge.rate.source == "cift-static"
    assert charge.rule.name == "card.deposit.*@2025-11-15T00:00:00+00:00"


def test_a_fixed_part_without_a_rate_is_refused() -> None:
    schedule = FeeSchedule(load_schedule().rules, RateTable("none", ()))
    kind = {"method": "card", "direction": "deposit", "at": NOW}
    assert schedule.charge(Money(100_00, "USD"), **kind).rate is None
    with pytest.raises(InvalidCommand) as caught:
        schedule.fee(Money(100_00, "KES"), **kind)
    assert caught.value.code == "rate_unavailable"


def test_a_network_fee_is_passed_on_where_the_rule_says_so() -> None:
    kind = {"direction": "withdrawal", "at": NOW, "network_fee": Money(4_000, "BTC")}
    charge = load_schedule().charge(Money(10**8, "BTC"), method="bitcoin", **kind)
    assert (charge.fee.minor, charge.network_fee.minor) == (5_263 + 4_000, 4_000)  # $5 at 95,000
    plain = FeeSchedule((rule("2.5", NOW),))
    kind = {"direction": "deposit", "at": NOW, "network_fee": Money(4_000, "KES")}
    charge = plain.charge(Money(100_00, "KES"), method="mpesa", **kind)
    assert (charge.fee.minor, charge.network_fee.minor) == (2_50, 0)


def test_an_amount_of_wei_is_priced_exactly() -> None:
    schedule = FeeSchedule((rule("2.5", NOW),))
    amount = Money(10**37 + 39, "ETH")
    fee = schedule.fee(amount, method="mpesa", direction="deposit", at=NOW)
    assert fee.minor == 25 * 10**34 + 1  # 0.975 rounded


def rule(percent: str, start: datetime, **more: object) -> FeeRule:
    return FeeRule(
        method="mpesa", direction="deposit", percent=Decimal(percent), valid_from=start, **more
    )


def test_a_new_price_leaves_the_past_alone() -> None:
    schedule = FeeSchedule((rule("2.5", NOW), rule("3", NOW + timedelta(days=30))))
    amount = Money(100_00, "KES")
    kind = {"method": "mpesa", "direction": "deposit"}
    assert schedule.fee(amount, **kind, at=NOW + timedelta(days=29)).minor == 2_50
    assert schedule.fee(amount, **kind, at=NOW + timedelta(days=30)).minor == 3_00
    with pytest.raises(InvalidCommand):
        schedule.fee(amount, **kind, at=NOW - timedelta(seconds=1))


def test_a_price_may_end() -> None:
    later = NOW + timedelta(days=30)
    kes = rule("1", NOW, currency="KES", valid_to=later)
    schedule = FeeSchedule((rule("2.5", NOW), rule("3", later), kes))
    amount = Money(100_00, "KES")
    kind = {"method": "mpesa", "direction": "deposit"}
    assert schedule.fee(amount, **kind, at=later - timedelta(seconds=1)).minor == 1_00
    assert schedule.fee(amount, **kind, at=later).minor == 3_00


def test_the_price_of_a_currency_goes_before_a_newer_one_of_all() -> None:
    later = NOW + timedelta(days=30)
    schedule = FeeSchedule((rule("1", NOW, currency="KES"), rule("3", later)))
    kind = {"method": "mpesa", "direction": "deposit", "at": later}
    assert schedule.fee(Money(100_00, "KES"), **kind).minor == 1_00
    assert schedule.fee(Money(100_00, "USD"), **kind).minor == 3_00


@pytest.mark.parametrize(
    "second",
    [
        rule("3", NOW),
        rule("3", NOW + timedelta(days=1)),
        rule("3", NOW - timedelta(days=1), valid_to=NOW + timedelta(seconds=1)),
    ],
)
def test_two_prices_for_one_thing_at_one_time_are_refused(second) -> None:
    first = rule("2.5", NOW, valid_to=NOW + timedelta(days=30))
    with pytest.raises(SettingsInvalid, match="overlap"):
        FeeSchedule((first, second))
    FeeSchedule((first, second.model_copy(update={"currency": "KES"})))
    FeeSchedule((first, rule("3", NOW + timedelta(days=30))))


def test_minimum_and_maximum() -> None:
    bounds = {
        "minimum": FixedPart(amount="5.00", currency="KES"),
        "maximum": FixedPart(amount="50.00", currency="KES"),
    }
    schedule = FeeSchedule((rule("2.5", NOW, **bounds),))
    kind = {"method": "mpesa", "direction": "deposit", "at": NOW}
    assert schedule.fee(Money(10_00, "KES"), **kind).minor == 5_00
    assert schedule.fee(Money(1000_00, "KES"), **kind).minor == 25_00
    assert schedule.fee(Money(100_000_00, "KES"), **kind).minor == 50_00


def test_a_broken_price_list_stops_the_start(tmp_path) -> None:
    path = tmp_path / "fees.json"
    good = {"method": "mpesa", "direction": "deposit", "percent": "1", "valid_from": str(NOW)}
    for bad in (
        {"method": "mpesa"},
        {**good, "percent": "100"},
        {**good, "bearer": "bank"},
        {**good, "fixed": {"amount": "0.001", "currency": "KES"}},
        {**good, "fixed": {"amount": "1", "currency": "KES"},
         "minimum": {"amount": "1", "currency": "USD"}},
        {**good, "valid_to": str(NOW)},
    ):  # fmt: skip
        path.write_text(json.dumps({"rules": [bad]}))
        with pytest.raises(SettingsInvalid):
            load_schedule.__wrapped__(str(path))
    path.write_text(json.dumps([good]))
    with pytest.raises(SettingsInvalid):
        load_schedule.__wrapped__(str(path))


@pytest.mark.parametrize(
    ("amount", "operation", "code"),
    [
        ("100.50", "deposit", "amount_not_whole"),
        ("250001", "deposit", "amount_out_of_limits"),
        ("9", "withdrawal", "amount_out_of_limits"),
    ],
)
def test_what_mpesa_can_not_move(amount, operation, code) -> None:
    with pytest.raises(InvalidCommand) as caught:
        METHODS["mpesa"].check_amount(parse_money(amount, "KES"), operation)
    assert caught.value.code == code


def test_other_currencies_and_methods_are_refused() -> None:
    with pytest.raises(InvalidCommand):
        METHODS["mpesa"].check_amount(Money(100, "USD"), "deposit")
    for name in ("cheque", "", None, 1, ["mpesa"]):
        with pytest.raises(InvalidCommand):
            method_named(name)
