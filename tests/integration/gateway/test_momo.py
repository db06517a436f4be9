"""A customer asks for mpesa with a phone: in Uganda and Rwanda MTN MoMo carries it."""

from typing import Any

import httpx
import pytest

from cift_shared.ids import SystemIds
from momo_method.calls import Call, purpose
from momo_method.countries import RWANDA, UGANDA
from tests.support.commands import TOKENS
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import pay
from tests.support.problems import problem

IDS = SystemIds()


def wish(**over: Any) -> dict[str, Any]:
    """A deposit from a phone in Uganda."""
    return {
        "type": "deposit",
        "method": "mpesa",
        "amount": "20000",
        "currency": "UGX",
        "customer_id": "c_1",
        "payment_method": {"phone": "0772000777"},
        **over,
    }


@pytest.mark.parametrize(
    ("currency", "phone", "rail"),
    [
        ("UGX", {"phone": "0772000777"}, "momo_ug"),
        ("UGX", {"phone": "+256 772 000 777", "country": "UG"}, "momo_ug"),
        ("RWF", {"phone": "0788000777"}, "momo_rw"),
        ("RWF", {"phone": "250788000777"}, "momo_rw"),
    ],
)
async def test_currency_and_phone_choose_the_rail(
    client: httpx.AsyncClient, currency: str, phone: dict[str, str], rail: str
) -> None:
    answer = await pay(client, wish(currency=currency, payment_method=phone))
    assert answer.status_code == 202, answer.text
    payment = answer.json()
    assert (payment["method"], payment["rail"], payment["provider"]) == ("mpesa", rail, "mtn_momo")
    assert payment["provider_name"] == "MTN MoMo"
    assert payment["fee"] == "500"
    assert payment["amount"] == "20000"


@pytest.mark.parametrize(
    ("over", "pointer", "words"),
    [
        # a phone of one country in the currency of another
        ({"payment_method": {"phone": "+254712345678"}}, "/payment_method/phone", "KE"),
        ({"payment_method": {"phone": "+250788000777"}}, "/payment_method/phone", "RWF"),
        (
            {"payment_method": {"phone": "0772000777", "country": "RW"}},
            "/payment_method/country",
            "Available: UG",
        ),
        ({"payment_method": {"phone": "0412000777"}}, "/payment_method/phone", "mobile number"),
        ({"amount": "20000.50"}, "/amount", "decimal places"),
        ({"amount": "499"}, "/amount", "500 to 5000000"),
        ({"currency": "GHS"}, "/currency", "UGX"),
    ],
)
async def test_what_can_not_be_carried_is_told_with_what_can(
    client: httpx.AsyncClient, over: dict[str, Any], pointer: str, words: str
) -> None:
    answer = await pay(client, wish(**over))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert words in error["detail"]


async def test_the_options_of_a_country_name_its_provider(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/payment-options", params={"country": "UG"})).json()["data"]
    ours = [one for one in shown if one["method"] == "mpesa"]
    assert [(one["rail"], one["currency"]) for one in ours] == [("momo_ug", "UGX")]
    assert (ours[0]["provider"], ours[0]["provider_name"]) == ("mtn_momo", "MTN MoMo")


async def test_a_country_that_is_not_set_up_is_refused(database: str) -> None:
    unset = {"momo_ug": {"collection_api_user": None}}
    async with running_gateway(database, rails=unset) as gateway:
        client = await gateway.client()
        answer = await pay(client, wish())
        problem(answer, 422, "method_unavailable")
        shown = (await client.get("/payment-options", params={"country": "UG"})).json()["data"]
        assert "momo_ug" not in {one["rail"] for one in shown}


@pytest.mark.parametrize("verb", ["POST", "PUT"])
@pytest.mark.parametrize("country", [UGANDA, RWANDA])
async def test_a_callback_is_taken_by_both_methods_on_its_own_path(
    gateway: RunningGateway, verb: str, country: Any
) -> None:
    token = TOKENS.make(IDS.new_id(), purpose(country, Call.COLLECTION))
    place = country.rail.replace("_", "-")
    other = "momo-rw" if country is UGANDA else "momo-ug"
    client = gateway.raw_client()
    body = {"status": "SUCCESSFUL"}
    taken = await client.request(verb, f"/callbacks/{place}/{token}", json=body)
    assert (taken.status_code, taken.json()) == (200, {"status": "accepted"})
    for path in (f"/callbacks/{other}/{token}", f"/callbacks/{place}/{token[:-1]}0{token[-1]}"):
        problem(await client.request(verb, path, json=body), 404, "not_found")
    rows = await gateway.admin.fetch("select provider, purpose from gateway.inbox")
    assert [tuple(row) for row in rows] == [("mtn_momo", purpose(country, Call.COLLECTION))]
