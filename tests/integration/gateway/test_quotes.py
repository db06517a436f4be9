"""A quote keeps its terms for a while, for its merchant, for what it was given for."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.operations.retention import EXPIRED_QUOTE_LIFETIME
from gateway.quotes.service import Quotes
from tests.support.gateway import OTHER_MERCHANT, RunningGateway, running_gateway
from tests.support.payments import order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

WISH = {"type": "deposit", "method": "mpesa", "amount": "100.00", "currency": "KES"}


async def quoted(client: httpx.AsyncClient, **fields: Any) -> Any:
    answer = await client.post("/quotes", json={**WISH, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


def price_list(path: Path, **fields: Any) -> str:
    rules = [
        {"method": "mpesa", "direction": direction, "percent": "4",
         "valid_from": "2025-01-01T00:00:00Z", **fields}
        for direction in ("deposit", "withdrawal")
    ]  # fmt: skip
    path.write_text(json.dumps({"rules": rules}))
    return str(path)


async def pricing(gateway: RunningGateway, payment_id: str) -> Any:
    query = "select pricing from ledger.payment where payment_id = $1"
    return await gateway.admin.fetchval(query, UUID(payment_id))


async def test_a_quote_tells_its_terms(client: httpx.AsyncClient) -> None:
    quote = await quoted(client)
    assert quote.pop("created_at") < quote.pop("expires_at")
    assert quote.pop("id")
    assert quote.pop("estimated_arrival")
    assert quote == {
        **WISH, "fee": "2.50", "network_fee": "0.00", "net": "97.50", "fee_bearer": "customer",
        "rate": None, "exchange": None, "livemode": False, "rail": "mpesa",
    }  # fmt: skip


async def test_a_fixed_part_in_dollars_tells_the_rate(client: httpx.AsyncClient) -> None:
    quote = await quoted(client, method="card", amount="1000.00")
    assert (quote["fee"], quote["net"]) == ("67.78", "932.22")
    assert quote["rate"] == {
        "from": "USD", "to": "KES", "value": "129.25", "source": "cift-static",
        "as_of": "2025-11-15T00:00:00Z",
    }  # fmt: skip


async def test_a_payment_keeps_the_terms_when_the_price_list_has_changed(
    database: str, tmp_path: Path
) -> None:
    async with running_gateway(database) as before:
        quote = await quoted(await before.client())
    async with running_gateway(database, fee_schedule=price_list(tmp_path / "fees")) as after:
        client = await after.client()
        assert (await quoted(client))["fee"] == "4.00"
        dear = (await pay(client, order())).json()
        pinned = (await pay(client, order(amount="100", quote_id=quote["id"]))).json()
        assert (dear["fee"], pinned["fee"], pinned["net"]) == ("4.00", "2.50", "97.50")
        told = await pricing(after, pinned["id"])
        assert told["quote_id"] == quote["id"]
        assert told["rule"].startswith("mpesa.deposit.*@2025-11-15")
        assert "quote_id" not in await pricing(after, dear["id"])


async def test_a_quote_is_for_one_thing(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    quote_id = (await quoted(client))["id"]
    answer = await pay(client, order(amount="101.00", quote_id=quote_id))
    assert problem(answer, 422, "quote_mismatch")["errors"][0]["pointer"] == "/quote_id"
    answer = await pay(client, order(type="withdrawal", quote_id=quote_id))
    problem(answer, 422, "quote_mismatch")
    other = await gateway.client(merchant=OTHER_MERCHANT)
    problem(await pay(other, order(quote_id=quote_id)), 422, "quote_not_found")
    problem(await pay(client, order(quote_id=str(uuid4()))), 422, "quote_not_found")
    problem(await pay(client, order(quote_id="mine")), 422, "validation_failed")
    assert await gateway.count("ledger.payment") == 0


async def test_an_expired_quote_is_refused_but_a_retry_is_not(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    quote_id = (await quoted(client))["id"]
    first = await pay(client, order(quote_id=quote_id), key="k")
    await gateway.admin.execute(
        "update gateway.quote set created_at = created_at - interval '1 day', "
        "expires_at = expires_at - interval '1 day'"
    )
    problem(await pay(client, order(quote_id=quote_id)), 422, "quote_expired")
    again = await pay(client, order(quote_id=quote_id), key="k")
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_what_can_not_be_priced_is_not_quoted(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    for fields, code in (
        ({"amount": "0"}, "amount_invalid"),
        ({"amount": "100.50"}, "amount_not_whole"),
        ({"currency": "USD"}, "currency_unsupported"),
        ({"method": "gold"}, "method_unavailable"),
        ({"method": "card", "type": "withdrawal"}, "card_withdrawal_unsupported"),
        ({"customer_id": "c_1"}, "validation_failed"),
    ):
        problem(await client.post("/quotes", json={**WISH, **fields}), 422, code)
    reader = await gateway.client(scopes=["read"])
    problem(await reader.post("/quotes", json=WISH), 403, "scope_missing")
    assert await gateway.count("gateway.quote") == 0


async def test_quotes_are_forgotten_a_day_after_they_expired(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await quoted(client)
    quotes = gateway.parts[Quotes].repository
    expires_at = await gateway.admin.fetchval("select expires_at from gateway.quote")
    await quotes.delete_old(expired_before=expires_at)
    assert await gateway.count("gateway.quote") == 1
    await quotes.delete_old(expired_before=expires_at + timedelta(seconds=1))
    assert await gateway.count("gateway.quote") == 0
    assert timedelta(hours=1) < EXPIRED_QUOTE_LIFETIME


async def test_the_merchant_may_pay_the_fee(database: str, tmp_path: Path) -> None:
    """The customer is credited and debited in full; the fee is on the merchant's own account."""
    prices = price_list(tmp_path / "fees", bearer="merchant")

    async def balance(gateway: RunningGateway, code: str) -> int:
        query = "select posted from ledger.balance join ledger.account using (account_id)"
        return int(await gateway.admin.fetchval(f"{query} where code = $1", code))

    async with running_gateway(database, fee_schedule=prices) as gateway:
        client = await gateway.client()
        deposit = await gateway.funded(client, "c_1", "1000.00")
        assert (deposit["fee"], deposit["net"]) == ("40.00", "1000.00")
        out = (await pay(client, order(type="withdrawal", amount="100.00"))).json()
        assert (out["fee"], out["net"]) == ("4.00", "100.00")
        await gateway.settle(out["id"])
        assert await balance(gateway, "merchant:KES") == 44_00
        assert await balance(gateway, "customer:c_1:KES") == -900_00
        back = (await refund(client, deposit["id"], "500.00")).json()
        assert (back["fee"], back["net"]) == ("20.00", "500.00")
        await gateway.settle(back["id"])
        assert await balance(gateway, "merchant:KES") == 24_00
        assert await balance(gateway, "customer:c_1:KES") == -400_00
        assert await balance(gateway, "fees:mpesa:KES") == -24_00
        assert await balance(gateway, "provider:mpesa:KES") == 400_00


async def test_the_timeline_explains_the_fee(client: httpx.AsyncClient) -> None:
    quote = await quoted(client)
    payment = (await pay(client, order(quote_id=quote["id"]))).json()
    items = (await client.get(f"/payments/{payment['id']}/timeline")).json()["items"]
    (pricing,) = [item for item in items if item["kind"] == "pricing"]
    assert pricing["name"].startswith("mpesa.deposit.*@")
    assert pricing["detail"]["percent"] == "2.5"
    assert pricing["detail"]["quote_id"] == quote["id"]
