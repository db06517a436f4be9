"""What each method moves: limits on both sides, against lists of their own.

Stripe's minimum amounts and the smallest units it takes: docs.stripe.com/currencies. M-Pesa's:
Daraja, M-Pesa Express and B2C.
"""

from dataclasses import replace
from datetime import timedelta
from importlib.metadata import entry_points

import pytest

from card_method.instruments import CARDS
from card_method.rail import RAIL as CARD
from cift_shared.errors import InvalidCommand, SettingsInvalid
from cift_shared.money.amount import EXPONENTS, Money
from cift_shared.rails.instruments import InstrumentKind, Public
from cift_shared.rails.phones import PhoneIn
from cift_shared.rails.rail import Example, Limits, Rail, Refusal
from cift_shared.rails.registry import (
    by_name,
    example_rail,
    in_country,
    methods,
    rail_for,
    rail_named,
    rail_refusals,
    rails,
    rails_of,
)
from mpesa_method.instruments import PHONES
from mpesa_method.rail import RAIL as MPESA
from provider_sandbox.stripe import money as twin

MINIMA = """
    USD 0.50  AED 2.00  AUD 0.50  BRL 0.50  CAD 0.50  CHF 0.50  CZK 15.00  DKK 2.50  EUR 0.50
    GBP 0.30  HKD 4.00  HUF 175.00  INR 0.50  JPY 50  MXN 10.00  MYR 2.00  NOK 3.00  NZD 0.50
    PLN 2.00  RON 2.00  SEK 3.00  SGD 0.50  THB 10.00
"""
LEAST = dict(zip(MINIMA.split()[::2], MINIMA.split()[1::2], strict=True))
THOUSANDTHS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
BY_HUNDREDS = frozenset(("UGX", "ISK"))
CURRENCIES = sorted(set(EXPONENTS) - {"BTC", "ETH", "USDC", "USDT"})


def least(currency: str) -> int:
    """The smallest deposit, in our minor units."""
    step = 10 if currency in THOUSANDTHS else 1
    if currency not in LEAST:
        return step
    whole, _, places = LEAST[currency].partition(".")
    return int(whole + places)


def most(currency: str) -> int:
    """The largest amount: eight digits as Stripe counts them."""
    if currency in BY_HUNDREDS:
        return 999_999
    return 99_999_990 if currency in THOUSANDTHS else 99_999_999


def takes(method, minor: int, currency: str, operation) -> bool:
    try:
        method.check_amount(Money(minor, currency), operation)
    except InvalidCommand:
        return False
    return True


def test_a_rail_serves_its_countries_or_all_of_them() -> None:
    assert MPESA.countries == {"KE"}
    assert (MPESA.serves("KE"), MPESA.serves("UG")) == (True, False)
    assert CARD.countries == frozenset()
    assert (CARD.serves("KE"), CARD.serves("UG")) == (True, True)


def test_a_card_takes_every_national_currency() -> None:
    assert sorted(CARD.currencies) == CURRENCIES
    for coin in ("BTC", "ETH", "USDC", "USDT"):
        assert not takes(CARD, 10**8, coin, "deposit")


@pytest.mark.parametrize("currency", CURRENCIES)
def test_a_card_takes_what_stripe_takes_and_no_more(currency: str) -> None:
    step = 10 if currency in THOUSANDTHS else 1
    low, high = least(currency), most(currency)
    for minor, fits in ((low, True), (low - step, False), (high, True), (high + step, False)):
        assert takes(CARD, minor, currency, "deposit") is fits
    assert takes(CARD, step, currency, "refund")
    assert takes(CARD, high, currency, "refund")
    assert not takes(CARD, high + step, currency, "refund")
    assert not takes(CARD, 0, currency, "refund")


@pytest.mark.parametrize("currency", sorted(THOUSANDTHS))
def test_thousandths_end_in_a_zero(currency: str) -> None:
    assert takes(CARD, 1_010, currency, "deposit")
    assert not takes(CARD, 1_011, currency, "deposit")
    with pytest.raises(InvalidCommand, match=f"multiples of 0.010 {currency}") as refused:
        CARD.check_amount(Money(1_015, currency), "deposit")
    assert refused.value.code == "amount_not_whole"


@pytest.mark.parametrize("currency", CURRENCIES)
def test_the_smallest_card_deposit_is_one_the_twin_charges(currency: str) -> None:
    """The twin has a table of its own; half a dollar in the currencies Stripe does not list."""
    code = currency.lower()
    places = 3 if currency in THOUSANDTHS else twin._places(code)
    sent = least(currency) * 10 ** (places - EXPONENTS[currency])
    if currency in LEAST:
        twin.check_amount(sent, code)
    twin.check_amount(most(currency) * 10 ** (places - EXPONENTS[currency]), code)


@pytest.mark.parametrize(
    ("operation", "low", "high"),
    [
        ("deposit", 1_00, 250_000_00),
        ("withdrawal", 10_00, 250_000_00),
        ("refund", 1_00, 250_000_00),
    ],
)
def test_mpesas_limits_in_whole_shillings(operation, low: int, high: int) -> None:
    for minor, fits in ((low, True), (low - 1_00, False), (high, True), (high + 1_00, False)):
        assert takes(MPESA, minor, "KES", operation) is fits
    assert not takes(MPESA, low + 1, "KES", operation)
    assert not takes(MPESA, low + 99, "KES", operation)
    assert takes(MPESA, low + 1_00, "KES", operation)
    assert not takes(MPESA, low, "USD", operation)


def test_refusals_name_code_and_place() -> None:
    for amount, code, pointer in (
        (Money(1, "USD"), "currency_unsupported", "/currency"),
        (Money(1_01, "KES"), "amount_not_whole", "/amount"),
        (Money(0, "KES"), "amount_out_of_limits", "/amount"),
    ):
        with pytest.raises(InvalidCommand) as refused:
            MPESA.check_amount(amount, "deposit")
        assert (refused.value.code, refused.value.pointer) == (code, pointer)


@pytest.mark.parametrize(
    ("operation", "least"), [("deposit", "1.00"), ("withdrawal", "10.00"), ("refund", "1.00")]
)
def test_limits_are_shown_in_decimals(operation, least: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        MPESA.check_amount(Money(250_001_00, "KES"), operation)
    assert f"{operation} by mpesa: {least} to 250000.00" in str(refused.value)


def test_a_card_is_never_paid_out() -> None:
    with pytest.raises(InvalidCommand) as refused:
        CARD.check_operation("withdrawal")
    assert (refused.value.code, refused.value.pointer) == ("card_withdrawal_unsupported", "/type")
    for operation in ("deposit", "refund"):
        CARD.check_operation(operation)
    for operation in ("deposit", "refund", "withdrawal"):
        MPESA.check_operation(operation)


@pytest.mark.parametrize(
    ("rail", "operation", "currency", "is_offered"),
    [
        (MPESA, "withdrawal", "KES", True),
        (MPESA, "withdrawal", "UGX", False),
        (CARD, "deposit", "KES", True),
        (CARD, "withdrawal", "KES", False),  # refused
        (replace(MPESA, limits={"KES": {}}), "deposit", "KES", False),  # without limits
    ],
)
def test_an_operation_is_offered_in_the_currencies_that_have_limits(
    rail: Rail, operation, currency: str, is_offered: bool
) -> None:
    assert rail.offers(operation, currency) is is_offered


def test_the_provider_has_a_name_for_people() -> None:
    assert (MPESA.provider_name, replace(MPESA, shown=None).provider_name) == ("M-Pesa", "mpesa")


def test_what_is_told_of_each_method() -> None:
    told = {
        name: (method.name, method.provider, method.cancel_after_submit)
        for name, method in rails().items()
        if name in ("mpesa", "card")
    }
    assert told == {"mpesa": ("mpesa", "mpesa", False), "card": ("card", "stripe", False)}
    assert dict(MPESA.typical_duration) == {
        "deposit": timedelta(seconds=30),
        "withdrawal": timedelta(seconds=30),
        "refund": timedelta(minutes=2),
    }
    assert dict(CARD.typical_duration) == {
        "deposit": timedelta(seconds=5),
        "withdrawal": timedelta(0),
        "refund": timedelta(days=7),
    }


@pytest.mark.parametrize("name", ["", "cash", "MPESA", None, 1, ["card"], {"card": 1}])
def test_a_method_that_is_not_built_is_refused(name: object) -> None:
    with pytest.raises(InvalidCommand) as refused:
        rails_of(name)
    assert (refused.value.code, refused.value.pointer) == ("method_unavailable", "/method")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ((MPESA, "card"), "'card' is not a Rail"),
        ((MPESA, replace(CARD, name="mpesa")), "two rails are named 'mpesa'"),
        (
            (MPESA, replace(CARD, method="mpesa")),
            "card and mpesa serve the same payers",
        ),
        (
            (MPESA, replace(CARD, provider="mpesa")),
            "card and mpesa share numbers in the callback paths of mpesa",
        ),
        (
            (
                replace(MPESA, calls=frozenset({1, 2})),
                replace(CARD, provider="mpesa", calls={2, 3}),
            ),
            "card and mpesa share numbers",
        ),
        (
            (MPESA, replace(CARD, provider="mpesa", calls=frozenset({1}))),
            "card and mpesa share numbers",
        ),
    ],
)
def test_rails_that_contradict_each_other_are_refused(found, words: str) -> None:
    with pytest.raises(SettingsInvalid, match=words):
        by_name(found)


@pytest.mark.parametrize(
    ("mpesa", "card"),
    [
        ({"calls": frozenset({1, 2})}, {"calls": frozenset({3})}),
        ({}, {"has_notices": False}),
        ({"has_notices": False}, {}),
    ],
)
def test_rails_of_one_provider_need_numbers_of_their_own(mpesa, card) -> None:
    one, other = replace(MPESA, **mpesa), replace(CARD, provider="mpesa", **card)
    assert list(by_name([one, other])) == ["card", "mpesa"]


def test_rails_are_read_from_entry_points_in_alphabetical_order() -> None:
    assert list(by_name([MPESA, CARD])) == ["card", "mpesa"]
    assert list(rails()) == sorted(rails())
    assert {point.name for point in entry_points(group="cift.rails")} == set(rails())


def test_rails_are_found_by_method_and_by_name() -> None:
    assert MPESA in rails_of("mpesa")
    assert rail_named("card") is CARD
    with pytest.raises(InvalidCommand) as refused:
        rail_named("gone")
    assert (refused.value.code, refused.value.pointer) == ("method_unavailable", "/method")


MPESA_TZ = replace(
    MPESA,
    name="mpesa_tz",
    provider="vodacom",
    countries=frozenset({"TZ"}),
    limits={"TZS": MPESA.limits["KES"]},
    fee_key="mpesa_tz",
)
MPESA_UG = replace(MPESA, name="mpesa_ug", provider="mtn", countries=frozenset({"UG"}))
"""The same currency as MPESA, in another country."""


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method with three rails."""
    found = by_name([MPESA, MPESA_TZ, MPESA_UG, CARD])
    monkeypatch.setattr("cift_shared.rails.registry.rails", lambda: found)


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    ("currency", "country", "rail"),
    [
        ("TZS", None, MPESA_TZ),  # the currency decides alone
        ("TZS", "KE", MPESA_TZ),
        ("KES", "KE", MPESA),
        ("KES", "UG", MPESA_UG),
    ],
)
def test_currency_and_country_choose_the_rail(
    currency: str, country: str | None, rail: Rail
) -> None:
    assert rail_for("mpesa", "deposit", currency, country) is rail
    assert methods() == ["card", "mpesa"]


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(
    ("currency", "country", "code", "pointer", "words"),
    [
        ("USD", None, "currency_unsupported", "/currency", "the method mpesa moves KES, TZS"),
        ("ZZZ", None, "currency_unknown", "/currency", "send an ISO 4217 code"),
        ("KES", None, "country_unsupported", "/country", "available: KE, UG"),
        ("KES", "RW", "country_unsupported", "/country", "available: KE, UG"),
    ],
)
def test_a_payment_that_fits_no_rail_is_refused(
    currency: str, country: str | None, code: str, pointer: str, words: str
) -> None:
    with pytest.raises(InvalidCommand, match=words) as refused:
        rail_for("mpesa", "deposit", currency, country)
    assert (refused.value.code, refused.value.pointer) == (code, pointer)


def test_a_rail_that_does_not_offer_the_operation_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = Refusal("No payouts in Tanzania", "Use another method.")
    found = by_name([MPESA, replace(MPESA_TZ, refusals={"withdrawal": refusal})])
    monkeypatch.setattr("cift_shared.rails.registry.rails", lambda: found)
    assert rail_for("mpesa", "deposit", "TZS", None) is found["mpesa_tz"]
    assert rail_for("mpesa", "withdrawal", "KES", None) is MPESA
    with pytest.raises(InvalidCommand, match=r"the method mpesa moves KES$"):
        rail_for("mpesa", "withdrawal", "TZS", None)
    assert rail_refusals() == {"mpesa_withdrawal_unsupported": refusal}


@pytest.mark.usefixtures("several")
def test_refused_operations_are_listed_by_the_code_of_their_problem() -> None:
    assert rail_refusals() == {"card_withdrawal_unsupported": CARD.refusals["withdrawal"]}


@pytest.mark.parametrize("is_example", [False, True])
def test_the_documents_show_the_rail_made_for_it_else_the_last_by_name(
    is_example: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    mpesa, last = replace(MPESA, is_example=is_example), replace(CARD, name="zcard")
    others = [replace(MPESA_TZ, is_example=False), replace(MPESA_UG, is_example=False)]
    monkeypatch.setattr("cift_shared.rails.registry.rails", lambda: by_name([last, mpesa, *others]))
    assert example_rail() is (mpesa if is_example else last)


def test_an_operation_that_no_rail_offers_is_refused_first() -> None:
    with pytest.raises(InvalidCommand) as refused:
        rail_for("card", "withdrawal", "ZZZ", None)
    assert refused.value.code == "card_withdrawal_unsupported"


def test_a_rail_without_countries_serves_every_country() -> None:
    everywhere = replace(MPESA, countries=frozenset())
    assert in_country([MPESA_TZ, everywhere], "KE") is everywhere


def test_rails_of_one_method_may_share_a_currency_or_a_country() -> None:
    assert not MPESA.competes_with(MPESA_TZ)
    assert not MPESA.competes_with(MPESA_UG)
    assert not MPESA.competes_with(replace(MPESA_TZ, countries=MPESA.countries))
    assert MPESA.competes_with(replace(MPESA, name="other", countries=frozenset()))


def test_prices_are_listed_by_method_or_by_a_name_of_their_own() -> None:
    assert (MPESA.priced_as, MPESA_TZ.priced_as) == ("mpesa", "mpesa_tz")


VISA: Public = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
PHONE = PHONES.read(PhoneIn(phone="0712 345 678"), "").public


@pytest.mark.parametrize(
    ("rail", "kind", "amount", "reference", "public", "country"),
    [
        (CARD, CARDS, Money(30_00, "USD"), "pi_3Qb1", VISA, {}),
        (MPESA, PHONES, Money(1000_00, "KES"), "TIB4K2P9QX", PHONE, {"country": "KE"}),
    ],
    ids=["card", "mpesa"],
)
def test_the_example_of_a_rail_is_a_deposit_that_it_takes(
    rail: Rail,
    kind: InstrumentKind,
    amount: Money,
    reference: str,
    public: Public,
    country: dict[str, str],
) -> None:
    example = rail.example
    rail.check_amount(example.amount, "deposit")
    assert (example.amount, example.reference) == (amount, reference)
    shown = {"kind": kind.kind, "display": kind.display(public), "public": public, **country}
    assert example.instrument == shown
    assert kind.saving is not None
    assert example.keeps_at_provider is kind.saving.at_provider


def test_what_a_rail_does_not_say_is_the_plain_case() -> None:
    """Every amount to the minor unit, in every country, settled as requested, with notices."""
    plain = Rail(
        name="plain",
        method="plain",
        provider="plain",
        limits={"USD": {"deposit": Limits(1, 100)}},
        typical_duration={"deposit": timedelta(seconds=1)},
        example=Example(
            amount=Money(1, "USD"), reference="p_1", instrument={}, evidence=("plain.seen", {})
        ),
        cancel_after_submit=False,
    )
    for minor in (1, 99, 100):
        plain.check_amount(Money(minor, "USD"), "deposit")
    for operation in ("deposit", "withdrawal", "refund"):
        plain.check_operation(operation)
    assert plain.serves("KE")
    assert plain.priced_as == "plain"
    assert plain.has_notices
    assert plain.amount_policy == "exact"
    assert plain.cost_steps == frozenset()
    assert plain.provider_name == "plain"
    assert not plain.is_example
    assert not plain.estimates_network_fee
    assert (plain.example.callback, plain.example.keeps_at_provider) == (None, False)
