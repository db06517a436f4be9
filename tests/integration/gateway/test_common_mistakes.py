"""Common mistakes of integrators: the answer says what to send instead."""

from typing import Any

import httpx
import pytest

from tests.support.payments import order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

PRICE = {"type": "deposit", "method": "mpesa", "amount": "100.00", "currency": "KES"}
CAPITALS = "Write currency codes in capital letters: KES."
ISO = "Send an ISO 4217 code in capital letters, for example KES or USD."
NUMBER = 'Send decimal text in quotes, "100.00", not a number.'


def the_error(answer: httpx.Response, code: str) -> dict[str, Any]:
    (error,) = problem(answer, 422, code)["errors"]
    assert error["code"] == code
    return dict(error)


@pytest.mark.parametrize(("currency", "told"), [("kes", CAPITALS), ("Kes", CAPITALS), ("X", ISO)])
async def test_an_unknown_currency_is_answered_with_what_to_send(
    client: httpx.AsyncClient, currency: str, told: str
) -> None:
    error = the_error(await pay(client, order(currency=currency)), "currency_unknown")
    assert (error["pointer"], error["detail"]) == ("/currency", told)
    answer = await client.post("/quotes", json={**PRICE, "currency": currency})
    assert the_error(answer, "currency_unknown")["detail"] == told
    answer = await client.get("/fees/quote", params={**PRICE, "currency": currency})
    error = the_error(answer, "currency_unknown")
    assert (error["parameter"], error["detail"]) == ("currency", told)


async def test_currency_of_a_conversion(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    for given, wanted, pointer in (
        ("kes", "USD", "/from/currency"),
        ("KES", "usd", "/to_currency"),
    ):
        body = {"from": {"amount": "1.00", "currency": given}, "to_currency": wanted}
        answer = await client.post("/customers/c_1/conversions", json=body, headers=headers)
        error = the_error(answer, "currency_unknown")
        assert error["pointer"] == pointer
        assert "capital letters" in error["detail"]


@pytest.mark.parametrize("amount", [100, 100.0, 0, -1, 1e300])
async def test_number_as_amount(client: httpx.AsyncClient, amount: float) -> None:
    for path in ("/payments", "/quotes"):
        body = order(amount=amount) if path == "/payments" else {**PRICE, "amount": amount}
        answer = await client.post(path, json=body, headers={"Idempotency-Key": "k"})
        document = problem(answer, 422, "validation_failed")
        (error,) = document["errors"]
        assert (error["pointer"], error["code"]) == ("/amount", "field_invalid")
        assert error["detail"] == document["detail"] == NUMBER


@pytest.mark.parametrize("amount", [True, None, ["100.00"], {}])
async def test_no_text_as_amount(client: httpx.AsyncClient, amount: object) -> None:
    answer = await pay(client, order(amount=amount))
    assert problem(answer, 422, "validation_failed")["errors"][0]["pointer"] == "/amount"


@pytest.mark.parametrize("customer_id", [".", "..", "", "a b", "a/b", "x" * 65, "é"])
async def test_a_wrong_customer_id_is_answered_with_what_to_send(
    client: httpx.AsyncClient, customer_id: str
) -> None:
    error = problem(await pay(client, order(customer_id=customer_id)), 422, "validation_failed")
    (fault,) = error["errors"]
    assert fault["pointer"] == "/customer_id"
    assert fault["detail"].startswith("Send 1 to 64 letters, digits")
    answer = await client.get("/payments", params={"customer_id": customer_id})
    assert problem(answer, 422, "validation_failed")["errors"][0]["detail"] == fault["detail"]


@pytest.mark.parametrize("customer_id", ["...", ".a", "..a", "a.", "x" * 64, "." * 64, "-", "_:"])
async def test_customer_id_with_dots(client: httpx.AsyncClient, customer_id: str) -> None:
    assert (await pay(client, order(customer_id=customer_id))).status_code == 202
