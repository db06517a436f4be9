import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cift_shared.errors import InvalidCommand, SettingsInvalid
from cift_shared.money.amount import Money, parse_money
from cift_shared.money.fees import FeeRule, FeeSchedule, FixedPart, load_schedule
from cift_shared.money.rates import RateTable
from cift_shared.rails.registry import rails, rails_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "direction", "amount", "currency", "fee"),
    [
        ("mpesa", "deposit", "100.00", "KES", "2.50"),
        ("mpesa", "withdrawal", "1000.00", "KES", "25.00"),
        ("card", "deposit", "100.00", "USD", "3.20"),
        ("mpesa", "deposit", "20000", "UGX", "500"),
        ("mpesa", "withdrawal", "101", "RWF", "3"),
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


def test_a_network_fee_in_another_currency_goes_through_the_rates() -> None:
    schedule = FeeSchedule((rule("2.5", NOW, network_fee=True),), load_schedule().rates)
    kind = {"method": "mpesa", "direction": "deposit", "at": NOW}
    charge = schedule.charge(Money(100_00, "KES"), network_fee=Money(1, "USD"), **kind)
    assert charge.network_fee == Money(1_30, "KES")  # 1.2925, rounded up
    assert charge.fee == Money(2_50 + 1_30, "KES")
    assert charge.rate is None
    assert charge.network_rate is not None
    assert charge.network_rate.value == Decimal("129.25")
    same = schedule.charge(Money(100_00, "KES"), network_fee=Money(7, "KES"), **kind)
    assert (same.network_fee, same.network_rate) == (Money(7, "KES"), None)
    free = schedule.charge(Money(100_00, "KES"), network_fee=Money(0, "USD"), **kind)
    assert (free.fee, free.network_fee) == (Money(2_50, "KES"), Money(0, "KES"))


def test_a_network_fee_needs_a_rate_only_where_it_is_charged() -> None:
    no_rates = RateTable("none", ())
    kind = {"method": "mpesa", "direction": "deposit", "at": NOW, "network_fee": Money(1, "USD")}
    plain = FeeSchedule((rule("2.5", NOW),), no_rates)
    assert plain.charge(Money(100_00, "KES"), **kind).fee == Money(2_50, "KES")
    charged = FeeSchedule((rule("2.5", NOW, network_fee=True),), no_rates)
    with pytest.raises(InvalidCommand) as caught:
        charged.charge(Money(100_00, "KES"), **kind)
    assert caught.value.code == "rate_unavailable"


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
        rails()["mpesa"].check_amount(parse_money(amount, "KES"), operation)
    assert caught.value.code == code


def test_other_currencies_and_methods_are_refused() -> None:
    with pytest.raises(InvalidCommand):
        rails()["mpesa"].check_amount(Money(100, "USD"), "deposit")
    for name in ("cheque", "", None, 1, ["mpesa"]):
        with pytest.raises(InvalidCommand):
            rails_of(name)


@pytest.mark.parametrize(
    ("percent", "fits"),
    [("0", True), ("0.5", True), ("99.99", True), ("-0.01", False), ("-1", False), ("100", False)],
)
def test_a_percentage_is_from_zero_to_below_a_hundred(percent: str, fits: bool) -> None:
    if fits:
        schedule = FeeSchedule((rule(percent, NOW),))
        kind = {"method": "mpesa", "direction": "deposit", "at": NOW}
        assert schedule.fee(Money(10_000_00, "KES"), **kind).minor == int(10_000 * Decimal(percent))
        return
    with pytest.raises(ValueError, match="percent"):
        rule(percent, NOW)


@pytest.mark.parametrize(
    "more",
    [
        {"perhaps": 1},
        {"fixed": {"amount": "1", "currency": "KES", "perhaps": 1}},
        {"fixed": {"amount": "0", "currency": "KES"}},
        {"fixed": {"amount": "1", "currency": "XXX"}},
        {"valid_to": NOW},
        {"valid_to": NOW - timedelta(seconds=1)},
        {"valid_to": datetime(2027, 1, 1)},  # noqa: DTZ001  a moment without its zone
        {"minimum": {"amount": "1", "currency": "KES"},
         "maximum": {"amount": "2", "currency": "USD"}},
        {"fixed": {"amount": "1", "currency": "KES"},
         "maximum": {"amount": "2", "currency": "USD"}},
    ],
)  # fmt: skip
def test_a_price_that_says_two_things_or_nothing_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        rule("1", NOW, **more)


def test_a_price_says_who_pays_and_has_a_name() -> None:
    plain = rule("2.5", NOW)
    assert (plain.bearer, plain.network_fee, plain.parts_currency) == ("customer", False, None)
    assert plain.name == "mpesa.deposit.*@2026-01-01T00:00:00+00:00"
    assert rule("1", NOW, currency="KES").name == "mpesa.deposit.KES@2026-01-01T00:00:00+00:00"
    assert rule("1", NOW, valid_to=NOW + timedelta(seconds=1)).valid_to is not None
    for name in ("fixed", "minimum", "maximum"):
        part = FixedPart(amount="1", currency="USD")
        assert rule("1", NOW, **{name: part}).parts_currency == "USD"
    with pytest.raises(ValueError, match="frozen"):
        plain.percent = Decimal(3)  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        FixedPart(amount="1", currency="USD").amount = "2"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("minor", "fee"), [(1_00, 5_00), (199_99, 5_00), (200_00, 5_00), (200_40, 5_01)]
)
def test_a_minimum_holds_up_to_where_the_percentage_passes_it(minor: int, fee: int) -> None:
    schedule = FeeSchedule((rule("2.5", NOW, minimum=FixedPart(amount="5", currency="KES")),))
    kind = {"method": "mpesa", "direction": "deposit", "at": NOW}
    assert schedule.fee(Money(minor, "KES"), **kind) == Money(fee, "KES")


@pytest.mark.parametrize(
    ("minor", "fee"), [(2_000_00, 51_00), (1_960_00, 50_00), (1_999_99, 51_00), (9_999_99, 51_00)]
)
def test_a_maximum_holds_for_all_of_the_fee_but_the_networks(minor: int, fee: int) -> None:
    parts = {name: FixedPart(amount=amount, currency="KES") for name, amount in
             (("fixed", "1"), ("maximum", "51"))}  # fmt: skip
    schedule = FeeSchedule((rule("2.5", NOW, network_fee=True, **parts),))
    kind = {"method": "mpesa", "direction": "deposit", "at": NOW}
    assert schedule.fee(Money(minor, "KES"), **kind) == Money(fee, "KES")
    charge = schedule.charge(Money(minor, "KES"), network_fee=Money(7, "KES"), **kind)
    assert (charge.fee, charge.network_fee) == (Money(fee + 7, "KES"), Money(7, "KES"))


def test_the_price_in_force_is_of_the_method_the_direction_and_the_currency() -> None:
    usd = rule("9", NOW, currency="USD")
    other = FeeRule(method="card", direction="deposit", percent=Decimal(8), valid_from=NOW)
    out = FeeRule(method="mpesa", direction="withdrawal", percent=Decimal(7), valid_from=NOW)
    schedule = FeeSchedule((usd, other, out, rule("1", NOW)))
    kind = {"method": "mpesa", "direction": "deposit", "at": NOW}
    assert schedule.fee(Money(100_00, "KES"), **kind).minor == 1_00
    assert schedule.fee(Money(100_00, "USD"), **kind).minor == 9_00
    with pytest.raises(InvalidCommand, match="no withdrawal by card") as refused:
        schedule.fee(Money(1, "KES"), method="card", direction="withdrawal", at=NOW)
    assert refused.value.pointer == "/method"


def test_a_price_list_of_ones_own_is_read_with_its_rates(tmp_path) -> None:
    prices, rates = tmp_path / "fees.json", tmp_path / "rates.json"
    fixed = {"amount": "1", "currency": "USD"}
    one = {"method": "card", "direction": "deposit", "percent": 0.1, "valid_from": str(NOW)}
    prices.write_text(json.dumps({"rules": [{**one, "fixed": fixed}]}))
    kind = {"method": "card", "direction": "deposit", "at": NOW}
    load = load_schedule.__wrapped__
    assert load(str(prices)).fee(Money(1_000_00, "KES"), **kind).minor == 1_00 + 129_25
    with pytest.raises(SettingsInvalid):
        load(str(prices), str(rates))
    digits = "0.12345678901234567890123"  # more than a float holds
    prices.write_text(json.dumps({"rules": [one]}).replace("0.1", digits))
    assert load(str(prices)).rules[0].percent == Decimal(digits)
    with pytest.raises(SettingsInvalid, match="fee schedule"):
        load(str(tmp_path / "none.json"))
    prices.write_text(json.dumps({"prices": []}))
    with pytest.raises(SettingsInvalid, match="fee schedule"):
        load(str(prices))
