"""A card number is refused wherever a caller may put one, and leaves no trace."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from tests.support.gateway import RunningGateway
from tests.support.payments import card_order, order, pay
from tests.support.problems import problem

pytestmark = pytest.mark.integration

CARD = "4242424242424242"
DRESSED = "4242 4242.4242-4242"


def found_in(text: object) -> bool:
    return CARD in str(text) or DRESSED in str(text) or "4242424242" in str(text)


async def test_a_card_number_in_a_body_is_refused(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    bodies: list[dict[str, Any]] = [
        order(description=f"card {CARD}"),
        order(description=DRESSED),
        order(metadata={"note": f"x{CARD}y"}),
        order(metadata={CARD: "x"}),
        order(metadata={DRESSED: "x"}),
        order(customer_id=CARD),
        order(return_url=f"https://shop.example/?pan={CARD[:4]}%20{CARD[4:]}"),
        order(surprise={"deep": [CARD]}),
        order(amount=int(CARD)),
        order(amount=CARD),
        order(payment_method={"phone": CARD}),
        card_order(payment_method={"token": CARD}),
        card_order(payment_method={"token": f"pm_{CARD}"}),
        card_order(payment_method={"number": CARD, "cvc": "123"}),
    ]
    with capture_logs() as lines:
        for body in bodies:
            answer = await pay(client, body)
            problem(answer, 422, "card_number_refused")
            assert not found_in(answer.text)
    assert not found_in(lines)
    for table in ("gateway.idempotency_key", "ledger.payment", "gateway.outbox"):
        assert await gateway.count(table) == 0


async def test_parameters_and_headers(client: httpx.AsyncClient) -> None:
    some_id = uuid4()
    calls: list[tuple[str, str, dict[str, Any], str]] = [
        ("GET", f"/payments/{CARD}", {}, "path"),
        ("GET", f"/payments?customer_id={CARD}", {}, "query"),
        ("GET", f"/payments?after={CARD}", {}, "query"),
        ("GET", f"/payments?note={DRESSED}", {}, "query"),
        ("GET", f"/payments?{CARD}=1", {}, "query"),
        ("GET", f"/customers/{CARD}/balances", {}, "path"),
        ("GET", "/customers/4242-4242-4242-4242/statement", {}, "path"),
        ("GET", f"/disputes/{CARD}", {}, "path"),
        ("GET", f"/fees/quote?type=deposit&method=card&amount={CARD}&currency=USD", {}, "query"),
        ("DELETE", f"/payment-methods/{CARD}", {}, "path"),
        ("POST", "/payments", {"json": order(), "key": CARD}, "header"),
        ("POST", "/payments", {"json": order(), "key": "order-4242-4242-4242-4242"}, "header"),
        ("POST", f"/payments/{some_id}/refunds", {"key": CARD}, "header"),
        ("POST", "/payment-methods", {"json": {"phone": "0712345678"}, "key": CARD}, "header"),
    ]
    with capture_logs() as lines:
        for method, path, more, place in calls:
            headers = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
            answer = await client.request(method, path, headers=headers, **more)
            document = problem(answer, 422, "card_number_refused")
            assert document["errors"][0]["in"] == place
            assert not found_in(answer.text), path
        answer = await client.get(f"/nothing/{CARD}")
        problem(answer, 404, "not_found")
        assert not found_in(answer.text)
    assert not found_in(lines)


async def test_what_is_no_card_passes(client: httpx.AsyncClient) -> None:
    metadata = {
        "order": str(uuid4()),
        "digest": "ab" + "12" * 31,
        "when": "2025-11-15 10:30:00",
        "until": "15.11.2025 - 30.11.2025",
        "phone": "+254 712 345 678",
        "phones": "0712345678 0723456789",
        "rate": "0.4242424242424242",
        "epoch_us": "1763200000000000",
        "snowflake": "1234567890123456789",
        "receipt": "NLJ7RT61SV",
    }
    key = f"order-{uuid4()}"
    answer = await pay(client, order(metadata=metadata, description="250,000.00 KES"), key=key)
    assert answer.status_code == 202, answer.text
    assert answer.json()["metadata"] == metadata


async def test_strangers_are_told_nothing_before_their_key(gateway: RunningGateway) -> None:
    nobody = gateway.raw_client()
    answer = await nobody.get(f"/payments?customer_id={CARD}")
    problem(answer, 401, "unauthenticated")
