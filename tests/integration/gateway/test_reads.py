"""Balances, statements, quotes and what operators look at."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest

from tests.support.gateway import OTHER_MERCHANT, RunningGateway
from tests.support.payments import order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

DECLINE = {
    "code": "payer_canceled",
    "category": "declined",
    "message": "The payer said no.",
    "retryable": True,
}


class TestCustomers:
    async def test_balance_follows_the_books(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        deposit = await gateway.funded(client, "c_1", "1000.00")
        out = (await pay(client, order(type="withdrawal", amount="100.00"))).json()
        await gateway.settle(out["id"])
        await refund(client, deposit["id"], "200.00")
        balances = (await client.get("/customers/c_1/balances")).json()
        assert datetime.fromisoformat(balances.pop("as_of")) <= datetime.now(UTC)
        assert balances == {
            "customer_id": "c_1",
            "livemode": False,
            "balances": [
                {"currency": "KES", "posted": "872.50", "held": "195.00", "available": "677.50"}
            ],
        }

    async def test_balance_as_of_a_moment(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        """Every step leaves a moment behind, and later steps don't change what is said of it."""
        told: list[tuple[datetime, list[tuple[str, str, str]]]] = []

        async def look(as_of: datetime | None = None) -> list[tuple[str, str, str]]:
            query = {"as_of": as_of.isoformat()} if as_of else {}
            answer = await client.get("/customers/c_1/balances", params=query)
            assert answer.status_code == 200, answer.text
            return [(b["posted"], b["held"], b["available"]) for b in answer.json()["balances"]]

        async def remember() -> None:
            moment = await gateway.admin.fetchval("select clock_timestamp()")
            told.append((moment, await look()))

        await gateway.funded(client, "c_1", "1000.00")
        await remember()
        out = (await pay(client, order(type="withdrawal", amount="100.00"))).json()
        await remember()
        await gateway.settle(out["id"], occurred_at="2026-01-01T00:00:00Z")  # learned late
        await remember()
        lost = (await pay(client, order(type="withdrawal", amount="200.00"))).json()
        await remember()
        await gateway.result(lost["id"], "declined", failure=DECLINE)
        await remember()
        assert [balances for _, balances in told] == [
            [("975.00", "0.00", "975.00")],
            [("975.00", "102.50", "872.50")],
            [("872.50", "0.00", "872.50")],
            [("872.50", "205.00", "667.50")],
            [("872.50", "0.00", "872.50")],
        ]
        for moment, balances in told:
            assert await look(moment) == balances
        assert await look(told[0][0] - timedelta(days=1)) == [("0.00", "0.00", "0.00")]
        assert await look(datetime.now(UTC) + timedelta(days=1)) == told[-1][1]

    async def test_as_of_is_refused_where_it_is_no_moment(self, client: httpx.AsyncClient) -> None:
        for bad in ("yesterday", "2026-01-01T00:00:00", "", "99999999999999999999"):
            answer = await client.get("/customers/c_1/balances", params={"as_of": bad})
            problem(answer, 422, "validation_failed")
        moment = {"as_of": "2026-01-01T00:00:00Z"}
        answer = await client.get("/customers/nobody/balances", params=moment)
        problem(answer, 404, "customer_not_found")

    async def test_customer_ids_do_not_run_into_each_other(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        await gateway.funded(client, "a:KES", "100.00")
        problem(await client.get("/customers/a/balances"), 404, "customer_not_found")
        assert (await client.get("/customers/a:KES/balances")).status_code == 200
        problem(await client.get("/customers/a%20b/balances"), 404, "not_found")

    async def test_statement_pages(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        for _ in range(3):
            await gateway.funded(client, "c_1", "100.00")
        out = (await pay(client, order(type="withdrawal", amount="50.00"))).json()
        await gateway.settle(out["id"])
        await gateway.funded(client, "c_2", "100.00")
        first = (await client.get("/customers/c_1/statement?limit=2")).json()
        assert [entry["amount"] for entry in first["data"]] == ["-51.25", "97.50"]
        assert first["data"][0]["balance_after"] == "241.25"
        assert first["data"][0]["payment_id"] == out["id"]
        await gateway.funded(client, "c_1", "100.00")
        query = f"limit=2&after={first['next_cursor']}&as_of={quote(first['as_of'])}"
        second = (await client.get(f"/customers/c_1/statement?{query}")).json()
        assert [entry["balance_after"] for entry in second["data"]] == ["195.00", "97.50"]
        assert second["next_cursor"] is None

    async def test_statement_says_what_each_line_is(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        first = await gateway.funded(client, "c_1", "1000.00")
        second = await gateway.funded(client, "c_1", "1000.00")
        out = (await pay(client, order(type="withdrawal", amount="50.00"))).json()
        await gateway.settle(out["id"], provider_fee={"minor": "2240", "currency": "KES"})
        back = (await refund(client, first["id"], "200.00")).json()
        await gateway.settle(back["id"])
        await gateway.result(back["id"], "reversed", provider_reference="B1", reason="returned")
        wish = {"from": {"amount": "100.00", "currency": "KES"}, "to_currency": "USD"}
        headers = {"Idempotency-Key": "x"}
        await client.post("/customers/c_1/conversions", json=wish, headers=headers)
        await self._dispute_lost(gateway, second["id"])
        review = (await pay(client, order(amount="80.00"))).json()["id"]
        short = {"minor": "7000", "currency": "KES"}
        await gateway.result(review, "settled", amount=short, provider_reference="R1")
        await self._resolved(gateway, review)
        lines = (await client.get("/customers/c_1/statement?limit=50")).json()["data"]
        assert [line["kind"] for line in reversed(lines)] == [
            "deposit", "deposit", "withdrawal", "refund", "reversal", "conversion", "conversion",
            "dispute", "deposit",
        ]  # fmt: skip

    async def _dispute_lost(self, gateway: RunningGateway, payment_id: str) -> None:
        kes = {"minor": "30000", "currency": "KES"}
        news = {"reference": "du_1", "status": "lost", "reason": "fraud", "amount": kes}
        news |= {"withdrawn": kes, "closed": "lost"}
        assert await gateway.result(payment_id, "disputed", dispute=news) == "applied"

    async def _resolved(self, gateway: RunningGateway, payment_id: str) -> None:
        wish = {
            "payment_id": payment_id, "as": "completed", "amount": "70.00", "fee": "0.00",
            "provider_reference": "R2", "operator": "amina", "reason": "it is so",
            "at": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        await gateway.admin.execute("select ledger.resolve($1)", wish)

    async def test_ids_in_a_statement_do_not_count_what_others_do(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        await gateway.funded(client, "c_1", "100.00")
        other = await gateway.client(merchant=OTHER_MERCHANT)
        for _ in range(3):
            await gateway.funded(other, "c_9", "100.00")
        await gateway.funded(client, "c_1", "100.00")
        page = (await client.get("/customers/c_1/statement?limit=1")).json()
        (line,) = page["data"]
        numbers = await gateway.admin.fetch("select tx_id, entry_id from ledger.entry")
        shown = {line["id"], line["transaction_id"], page["next_cursor"]}
        for row in numbers:
            for number in (row["tx_id"], row["entry_id"], row["tx_id"] // 8):
                plain = {str(number), base64.b64encode(f"[{number}]".encode()).decode().rstrip("=")}
                assert not shown & plain
        again = (await client.get("/customers/c_1/statement?limit=1")).json()["data"][0]
        assert again["id"] == line["id"]
        stale = base64.urlsafe_b64encode(f"[{numbers[0]['entry_id']}]".encode()).decode()
        refused = await client.get("/customers/c_1/statement", params={"after": stale.rstrip("=")})
        found = problem(refused, 422, "validation_failed")
        assert found["errors"][0]["parameter"] == "after"

    async def test_statement_as_of(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        await gateway.funded(client, "c_1", "100.00")
        moment = quote(datetime.now(UTC).isoformat())
        await gateway.funded(client, "c_1", "200.00")
        path = "/customers/c_1/statement"
        assert len((await client.get(path)).json()["data"]) == 2
        assert len((await client.get(f"{path}?as_of={moment}")).json()["data"]) == 1
        assert len((await client.get(f"{path}?currency=USD")).json()["data"]) == 0
        answer = await client.get(f"{path}?currency=XXX")
        problem(answer, 422, "currency_unknown")
        answer = await client.get("/customers/nobody/statement")
        problem(answer, 404, "customer_not_found")


class TestQuote:
    async def test_price(self, client: httpx.AsyncClient) -> None:
        for kind, amount, fee, net in (
            ("deposit", "1000", "25.00", "975.00"),
            ("withdrawal", "1000", "25.00", "1025.00"),
            ("deposit", "1", "0.03", "0.97"),
            ("withdrawal", "250000.00", "6250.00", "256250.00"),
        ):
            wish = {"type": kind, "method": "mpesa", "amount": amount, "currency": "KES"}
            answer = await client.get("/fees/quote", params=wish)
            assert answer.status_code == 200
            assert (answer.json()["fee"], answer.json()["net"]) == (fee, net)
            assert datetime.fromisoformat(answer.json()["estimated_arrival"]) > datetime.now(UTC)

    async def test_bad_wish_is_named(self, client: httpx.AsyncClient) -> None:
        wish = {"type": "deposit", "method": "mpesa", "amount": "100", "currency": "KES"}
        for field, value in (("type", "refund"), ("method", "gold"), ("amount", "-1"),
                             ("amount", "1.50"), ("currency", "USD"), ("x", "1")):  # fmt: skip
            answer = await client.get("/fees/quote", params={**wish, field: value})
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["parameter"] == field


class TestOperations:
    async def test_answers_without_a_key(self, gateway: RunningGateway) -> None:
        client = gateway.raw_client()
        client.base_url = httpx.URL("http://gateway.test")
        document = (await client.get("/openapi.json")).json()
        assert document["openapi"].startswith("3.1")
        assert "/api/v1/payments/{payment_id}/timeline" in document["paths"]
        page = await client.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'; style-src 'self';" in policy
        assert "unsafe" not in policy
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "page.js", "page.css"):
            assert f"/docs/{name}" in page.text
            asset = await client.get(f"/docs/{name}")
            assert asset.status_code == 200
            etag = {"If-None-Match": asset.headers["etag"]}
            assert (await client.get(f"/docs/{name}", headers=etag)).status_code == 304
        problem(await client.get("/docs/..%2Fapp.py"), 404, "not_found")
        problem(await client.get("/docs/ORIGIN.md"), 404, "not_found")
        assert 'id="problem-insufficient_funds"' in page.text

    async def test_its_own_port_answers_operators_only(self, gateway: RunningGateway) -> None:
        public, operations = gateway.raw_client(), gateway.ops_client()
        public.base_url = httpx.URL("http://gateway.test")
        assert (await operations.get("/healthz")).json() == {"status": "ok", "dead": []}
        assert (await operations.get("/readyz")).json() == {"status": "ok"}
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await operations.get(path)).status_code == 200
            problem(await public.get(path), 404, "not_found")
            problem(await public.get(f"/api/v1{path}"), 404, "not_found")
        for path in ("/docs", "/openapi.json", "/api/v1/payments", "/asyncapi"):
            assert (await operations.get(path)).status_code == 404

    async def test_metrics_count_requests_by_template(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment = (await pay(client, order(), key="k")).json()
        await pay(client, order(), key="k")
        await client.get(f"/payments/{payment['id']}")
        await client.request("BREW", "/pot")
        text = (await gateway.ops_client().get("/metrics")).text
        assert 'route="/api/v1/payments/{payment_id}",status="200"' in text
        assert payment["id"] not in text
        assert 'method="OTHER",route="unmatched",status="404"' in text
        assert 'cift_payments_accepted_total{method="mpesa",type="deposit"}' in text
        assert 'cift_duplicates_suppressed_total{layer="gateway"}' in text
