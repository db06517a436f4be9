"""One method, several countries: phone and currency choose the rail, and the answer says it."""

from typing import Any

import httpx
import pytest

from cift_shared.rails.registry import rails_of
from tests.support import vodacom
from tests.support.commands import TOKENS
from tests.support.gateway import RunningGateway, running_gateway
from vodacom_method.webhooks import listener_path

LISTENER_PATH = listener_path(TOKENS).removeprefix("/api/v1")


def order(phone: str, currency: str, country: str | None = None, **over: Any) -> dict[str, Any]:
    instrument = {"phone": phone} | ({"country": country} if country else {})
    return {
        "type": "deposit",
        "method": "mpesa",
        "amount": "20000.00",
        "currency": currency,
        "customer_id": "c_42",
        "payment_method": instrument,
        **over,
    }


async def pay(client: httpx.AsyncClient, body: dict[str, Any]) -> httpx.Response:
    return await client.post("/payments", json=body, headers={"Idempotency-Key": "k1"})


@pytest.mark.parametrize(
    ("phone", "currency", "country", "rail", "name"),
    [
        ("0754123456", "TZS", "TZ", "mpesa_tz", "M-Pesa (Vodacom)"),
        ("0754123456", "TZS", None, "mpesa_tz", "M-Pesa (Vodacom)"),
        ("+255754123456", "TZS", None, "mpesa_tz", "M-Pesa (Vodacom)"),
        ("0712345678", "KES", None, "mpesa", "M-Pesa"),
        ("+254712345678", "KES", "KE", "mpesa", "M-Pesa"),
    ],
)
async def test_the_rail_follows_and_the_payment_shows_it(
    gateway: RunningGateway, phone: str, currency: str, country: str | None, rail: str, name: str
) -> None:
    client = await gateway.client()
    made = await pay(client, order(phone, currency, country))
    assert made.status_code == 202, made.text
    shown = (await client.get(f"/payments/{made.json()['id']}")).json()
    for payment in (made.json(), shown):
        assert (payment["method"], payment["rail"]) == ("mpesa", rail)
        assert payment["provider"] == {"mpesa": "mpesa", "mpesa_tz": "vodacom"}[rail]
        assert payment["provider_name"] == name
    assert len(await gateway.outbox(f"payments.commands.{rail}")) == 1


@pytest.mark.parametrize(
    ("phone", "currency", "country", "code", "words"),
    [
        ("+254712345678", "TZS", None, "phone_invalid", "KE is served by mpesa with KES"),
        ("+255754123456", "KES", None, "phone_invalid", "TZ is served by mpesa with TZS"),
        ("0712345678", "TZS", "KE", "country_unsupported", "TZ"),
        ("0222123456", "TZS", "TZ", "phone_invalid", "a mobile number of TZ"),
        ("+27821234567", "TZS", None, "phone_invalid", "not of TZ"),
    ],
)
async def test_a_phone_of_another_country_is_refused_with_what_serves_it(
    gateway: RunningGateway,
    phone: str,
    currency: str,
    country: str | None,
    code: str,
    words: str,
) -> None:
    client = await gateway.client()
    refused = await pay(client, order(phone, currency, country))
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert words in refused.text
    assert await gateway.outbox("payments.commands.mpesa_tz") == []
    assert await gateway.outbox("payments.commands.mpesa") == []


async def test_the_options_of_a_country(gateway: RunningGateway) -> None:
    client = await gateway.client()
    found = (await client.get("/payment-options?country=TZ&currency=TZS")).json()["data"]
    [option] = [one for one in found if one["method"] == "mpesa"]
    assert option["rail"] == "mpesa_tz"
    assert option["provider_name"] == "M-Pesa (Vodacom)"
    assert option["limits"] == {"min": "1.00", "max": "10000000.00"}


@pytest.mark.parametrize(
    ("off", "rail", "body"),
    [
        ({"mpesa": {"offered": False}}, "mpesa", order("0712345678", "KES", "KE")),
        (
            {"mpesa_tz": {"service_provider_code": None}},
            "mpesa_tz",
            order("0754123456", "TZS", "TZ"),
        ),
    ],
    ids=["kenya", "tanzania"],
)
async def test_a_rail_that_is_not_set_up_is_refused_and_the_other_works(
    database: str, off: dict[str, Any], rail: str, body: dict[str, Any]
) -> None:
    async with running_gateway(database, rails=off) as gateway:
        client = await gateway.client()
        refused = await pay(client, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "method_unavailable")
        options = (await client.get("/payment-options")).json()["data"]
        rails = {one["rail"] for one in options if one["method"] == "mpesa"}
        assert rails == {one.name for one in rails_of("mpesa")} - {rail}


class TestListener:
    async def test_a_notice_is_stored_and_its_ids_repeated(self, gateway: RunningGateway) -> None:
        client = await gateway.client()
        body = vodacom.notice("0" * 32, conversation="conv-7")
        for _ in range(2):  # a repeat is answered in the same way
            taken = await client.post(LISTENER_PATH, content=body)
            assert taken.status_code == 200
            assert taken.json()["output_OriginalConversationID"] == "conv-7"
            assert taken.json()["output_ThirdPartyConversationID"] == "0" * 32
        [notice] = await gateway.outbox("payments.webhooks.vodacom")
        assert "conv-7" not in str(notice)  # it is sealed

    async def test_another_path_is_not_found(self, gateway: RunningGateway) -> None:
        client = await gateway.client()
        forged = await client.post(LISTENER_PATH[:-1] + "z", content=vodacom.notice("0" * 32))
        assert forged.status_code == 404
        assert await gateway.count("gateway.inbox") == 0
