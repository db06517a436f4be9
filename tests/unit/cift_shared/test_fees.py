from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cift_shared.errors import InvalidCommand, SettingsInvalid
from cift_shared.fees import FeeRule, FeeSchedule, FixedPart, load_schedule
from cift_shared.methods import METHODS, method_named
from cift_shared.money import Money, parse_money

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


def test_a_fixed_part_in_another_currency_is_refused() -> None:
    with pytest.raises(InvalidCommand) as caught:
        load_schedule().fee(Money(100, "KES"), method="card", direction="deposit", at=NOW)
    assert caught.value.code == "currency_unsupported"


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
    path.write_text('{"rules": [{"method": "mpesa"}]}')
    with pytest.raises(SettingsInvalid):
        load_schedule(str(path))


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
    for name in ("card", "", None, 1, ["mpesa"]):
        with pytest.raises(InvalidCommand):
            method_named(name)
