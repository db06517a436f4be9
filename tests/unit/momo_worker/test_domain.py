"""The rules of ids, waits, phones and countries."""

from datetime import timedelta
from decimal import Decimal
from itertools import accumulate
from uuid import UUID

import pytest

from cift_shared.ids import AttemptId, SystemIds
from cift_shared.rails.registry import rails
from momo_method.calls import Call, purpose, purposes
from momo_method.countries import COUNTRIES, RWANDA, UGANDA, Country
from momo_method.phones import PLANS, is_msisdn
from momo_method.rail import rail_of
from momo_worker import domain, wire
from tests.support.commands import VAULT

IDS = SystemIds()
ONE = Decimal(1)


def test_the_reference_is_a_random_uuid_to_mtn_and_always_the_same_to_us() -> None:
    attempts = [AttemptId(IDS.new_id()) for _ in range(200)]
    found = [domain.reference_id(VAULT, one) for one in attempts]
    assert {one.version for one in found} == {4}
    assert len(set(found)) == len(attempts)
    assert found == [domain.reference_id(VAULT, one) for one in attempts]
    assert not set(found) & set(attempts)


def test_the_reference_is_the_same_in_every_release() -> None:
    """Requests under way are found by it; a change here loses them."""
    attempt = AttemptId(UUID("01890000-0000-7000-8000-00000000000a"))
    assert domain.reference_id(VAULT, attempt) == UUID("846dd32f-b10d-434e-a944-ace2e2990524")


def test_queries_follow_the_payer_and_end_by_age() -> None:
    gaps = [domain.check_delay(number, None, speed=ONE) for number in range(7)]
    assert gaps == [timedelta(seconds=s) for s in (5, 5, 10, 10, 30, 60, 180)]
    many = len(domain.CHECK_GAPS_S)
    assert sum(domain.CHECK_GAPS_S) >= domain.GIVE_UP_AFTER_S
    day = timedelta(days=1)
    assert domain.check_delay(many, day - timedelta(seconds=1), speed=ONE) == timedelta(minutes=15)
    assert domain.check_delay(many, day, speed=ONE) is None
    assert domain.check_delay(many, None, speed=ONE) is None
    assert domain.check_delay(0, day, speed=Decimal(5)) == timedelta(seconds=1)


def test_the_queries_of_a_day() -> None:
    moments = list(accumulate(domain.CHECK_GAPS_S))
    assert moments[:10] == [5, 10, 20, 30, 60, 120, 300, 600, 1200, 2100]
    assert set(domain.CHECK_GAPS_S[9:]) == {900}
    assert moments[-2] < 86_400 <= moments[-1]


def test_a_request_that_mtn_does_not_show_is_sent_again_after_minutes_and_within_the_hour() -> None:
    assert (domain.RESEND_AFTER_S, domain.PROMPT_AGAIN_S_MAX) == (120, 3600)


@pytest.mark.parametrize(
    ("number", "country", "fits"),
    [
        ("256772000777", UGANDA, True),
        ("256312000777", UGANDA, True),
        ("256412000777", UGANDA, False),
        ("25677200077", UGANDA, False),
        ("0772000777", UGANDA, False),
        ("250788000777", UGANDA, False),
        ("250788000777", RWANDA, True),
        ("250728000777", RWANDA, True),
        ("250748000777", RWANDA, False),
        ("256772000777", RWANDA, False),
        ("772000777", UGANDA, False),
    ],
)
def test_whose_number_it_is(number: str, country: object, fits: bool) -> None:
    assert is_msisdn(number, country) is fits


@pytest.mark.parametrize(
    ("country", "written", "number"),
    [(UGANDA, "0772 000 777", "256772000777"), (RWANDA, "0788 000 777", "250788000777")],
)
def test_each_plan_reads_the_numbers_of_its_country(
    country: Country, written: str, number: str
) -> None:
    assert PLANS[country.code].normalised(written, country.code) == number


def test_the_calls_of_the_countries_are_apart() -> None:
    assert purposes(UGANDA) == {33, 34, 35}
    assert purposes(RWANDA) == {49, 50, 51}
    assert purpose(RWANDA, Call.TRANSFER) == 50


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_rail_of_whole_units_in_one_country(country: object) -> None:
    rail = rail_of(country)
    assert rails()[rail.name] == rail
    assert (rail.method, rail.provider, rail.provider_name) == ("mpesa", "mtn_momo", "MTN MoMo")
    assert rail.calls == purposes(country)
    (limits,) = rail.limits.values()
    assert limits["deposit"] == limits["withdrawal"]
    assert (limits["refund"].min_minor, rail.priced_as) == (1, "mpesa")


def test_a_request_names_one_party_and_a_refund_none() -> None:
    fields = {"amount": "1", "currency": "UGX", "external_id": "x"}
    paid = wire.Move(**fields, payer="256772000777").document()
    out = wire.Move(**fields, payee="256772000777").document()
    back = wire.Move(**fields, refunds="ref").document()
    assert paid["payer"] == out["payee"] == {"partyIdType": "MSISDN", "partyId": "256772000777"}
    assert (paid.keys() ^ out.keys(), back["referenceIdToRefund"]) == ({"payer", "payee"}, "ref")
    assert not {"payer", "payee"} & back.keys()
    for note in (paid["payerMessage"], paid["payeeNote"]):
        assert note.isascii()
        assert len(note) < 160


@pytest.mark.parametrize(
    ("told", "result"), [(True, True), (False, False), ("true", True), ("False", False)]
)
def test_an_account_holder_may_be_told_in_words(told: object, result: bool) -> None:
    assert wire.Holder.model_validate({"result": told}).result is result


@pytest.mark.parametrize(
    ("text", "units"),
    [("1000", 1000), ("1000.99", 1000), ("0", 0), ("-25", -25),
     ("", None), ("1e9", None), ("NaN", None), ("9" * 16, None), ("1,000", None)],
)  # fmt: skip
def test_a_balance_is_an_amount_in_whole_units(text: str, units: int | None) -> None:
    assert domain.balance_units(text) == units


@pytest.mark.parametrize(
    ("text", "receipt"),
    [("23503452", "23503452"), ("AB-1_2", "AB-1_2"), ("x" * 64, "x" * 64),
     ("x" * 65, None), ("", None), (None, None), ("a\0b", None), ("1 2", None)],
)  # fmt: skip
def test_a_receipt_has_the_form_of_one(text: str | None, receipt: str | None) -> None:
    assert domain.receipt_in(text) == receipt
