"""Disputes and reversals are shown as the books know them, to the payment's merchant only."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.gateway import OTHER_MERCHANT, RunningGateway
from tests.support.payments import card_order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

DUE = datetime(2026, 12, 1, tzinfo=UTC)


def usd(minor: int) -> dict[str, str]:
    return {"minor": str(minor), "currency": "USD"}


async def settled(client: httpx.AsyncClient, gateway: RunningGateway, **fields: Any) -> Any:
    payment = (await pay(client, card_order(**fields))).json()
    await gateway.settle(payment["id"])
    return payment


async def dispute(
    gateway: RunningGateway, payment_id: str, reference: str = "du_1", **fields: Any
) -> str:
    """Tell the books of a dispute, as the worker does."""
    at = fields.pop("at", None) or datetime.now(UTC)
    news = {
        "reference": reference,
        "status": "needs_response",
        "reason": "fraudulent",
        "amount": usd(20_00),
        "withdrawn": usd(20_00),
        "fee": usd(15_00),
        "evidence_due_by": DUE.isoformat(),
        **fields,
    }
    return await gateway.result(payment_id, "disputed", dispute=news, occurred_at=at.isoformat())


async def test_a_dispute_is_shown_with_its_fields(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = await settled(client, gateway)
    assert await dispute(gateway, payment["id"]) == "applied"
    answer = await client.get("/disputes/du_1")
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["opened_at"] == shown["updated_at"]
    assert {name: shown[name] for name in shown if not name.endswith("_at")} == {
        "id": "du_1",
        "payment_id": payment["id"],
        "method": "card",
        "rail": "card",
        "status": "needs_response",
        "reason": "fraudulent",
        "amount": "20.00",
        "currency": "USD",
        "withdrawn": "20.00",
        "reinstated": "0.00",
        "money_currency": "USD",
        "fee": "15.00",
        "fee_currency": "USD",
        "evidence_due_by": "2026-12-01T00:00:00Z",
        "outcome": None,
    }
    seen = (await client.get(f"/payments/{payment['id']}")).json()
    assert (seen["status"], seen["disputed"], seen["reversed"]) == ("completed", "20.00", "0.00")
    problem(await refund(client, payment["id"]), 422, "refund_exceeds_captured")
    (row,) = await gateway.admin.fetch("select body from ledger.outbox order by id desc limit 1")
    told = json.loads(row["body"])
    assert told["type"] == "payment.disputed"
    assert told["payment"]["disputed"] == seen["disputed"]
    # an event names the rail; which provider is behind it, only the API says
    assert set(told["payment"]) == set(seen) - {"provider", "provider_name"}


async def test_won_in_the_end(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    payment = await settled(client, gateway)
    await dispute(gateway, payment["id"])
    await dispute(
        gateway, payment["id"], status="won", closed="won", reinstated=usd(20_00),
        fee_reinstated=usd(15_00),
    )  # fmt: skip
    shown = (await client.get("/disputes/du_1")).json()
    assert (shown["status"], shown["outcome"], shown["reinstated"]) == ("won", "won", "20.00")
    assert shown["fee"] == "0.00"
    assert (await client.get(f"/payments/{payment['id']}")).json()["disputed"] == "0.00"


async def test_timeline_tells_it_in_words(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = await settled(client, gateway)
    await dispute(gateway, payment["id"])
    await dispute(gateway, payment["id"], status="lost", closed="lost")
    items = (await client.get(f"/payments/{payment['id']}/timeline")).json()["items"]
    postings = {item["name"]: item["detail"] for item in items if item["kind"] == "posting"}
    assert {"dispute_withdrawn", "dispute_lost"} <= set(postings)
    assert "dispute_fee" not in postings  # what the provider charges us
    assert "bank took the amount back" in postings["dispute_withdrawn"]["told"]
    assert "was lost" in postings["dispute_lost"]["told"]
    assert "told" not in postings["settlement"]
    events = [item["detail"] for item in items if item["name"] == "disputed"]
    assert [event["dispute"]["status"] for event in events] == ["needs_response", "lost"]
    assert events[1]["dispute"] == {
        "id": "du_1",
        "status": "lost",
        "reason": "fraudulent",
        "outcome": "lost",
    }
    (hold,) = [item for item in items if item["kind"] == "hold"]
    assert hold["name"] == "hold.captured"
    assert "can't be spent" in hold["detail"]["told"]


async def test_refund_that_failed_after_all(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = await settled(client, gateway)
    back = (await refund(client, payment["id"], "5.00")).json()
    await gateway.settle(back["id"])
    assert (await client.get(f"/payments/{payment['id']}")).json()["refunded"] == "5.00"
    reference = {"provider_reference": "re_1:failed", "reason": "expired_or_canceled_card"}
    assert await gateway.result(back["id"], "reversed", **reference) == "applied"
    shown = (await client.get(f"/payments/{back['id']}")).json()
    assert (shown["status"], shown["reversed"]) == ("completed", "5.00")
    assert (await client.get(f"/payments/{payment['id']}")).json()["refunded"] == "0.00"
    items = (await client.get(f"/payments/{back['id']}/timeline")).json()["items"]
    (posting,) = [item for item in items if item["name"] == "reversal"]
    assert "undid" in posting["detail"]["told"]


async def test_disputes_are_listed(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    first = await settled(client, gateway)
    second = await settled(client, gateway, customer_id="c_2")
    start = datetime.now(UTC)
    for number in range(5):
        payment = first if number < 3 else second
        status = "needs_response" if number % 2 else "under_review"
        at = start + timedelta(seconds=number)
        await dispute(
            gateway, payment["id"], f"du_{number}", status=status, at=at,
            amount=usd(2_00), withdrawn=usd(2_00),
        )  # fmt: skip

    async def ids(query: str) -> list[str]:
        answer = await client.get(f"/disputes?{query}")
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["data"]]

    assert await ids("") == ["du_4", "du_3", "du_2", "du_1", "du_0"]
    assert await ids("status=needs_response") == ["du_3", "du_1"]
    assert await ids(f"payment_id={first['id']}") == ["du_2", "du_1", "du_0"]
    assert await ids("customer_id=c_2&status=under_review") == ["du_4"]
    seen: list[str] = []
    path = "/disputes?limit=2"
    while path:
        answer = await client.get(path)
        seen += [item["id"] for item in answer.json()["data"]]
        link = answer.links.get("next", {}).get("url", "")
        assert bool(link) == bool(answer.json()["next_cursor"])
        path = link.removeprefix("/api/v1")
    assert seen == ["du_4", "du_3", "du_2", "du_1", "du_0"]
    for query in ("limit=0", "after=nonsense", "status=Ω", "payment_id=x", "stat=open",
                  "after=W10", "after=WyIyMDI1LTEwLTEwIiwgMV0"):  # fmt: skip
        answer = await client.get(f"/disputes?{query}")
        (error,) = problem(answer, 422, "validation_failed")["errors"]
        assert error["parameter"] == query.partition("=")[0]


async def test_another_merchants_dispute_is_not_found(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment = await settled(client, gateway)
    await dispute(gateway, payment["id"])
    stranger = await gateway.client(merchant=OTHER_MERCHANT)
    problem(await stranger.get("/disputes/du_1"), 404, "dispute_not_found")
    assert (await stranger.get("/disputes")).json()["data"] == []
    assert (await stranger.get(f"/disputes?payment_id={payment['id']}")).json()["data"] == []
    for missing in ("du_2", "x" * 100):
        problem(await client.get(f"/disputes/{missing}"), 404, "dispute_not_found")
    for no_id in ("%00", "x" * 101, "é"):
        assert (await client.get(f"/disputes/{no_id}")).status_code == 404
    writer = await gateway.client(scopes=["payments:write"])
    for path in ("/disputes", "/disputes/du_1"):
        problem(await writer.get(path), 403, "scope_missing")
