"""Filters of the lists, and paging in both directions."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from gateway.http.opaque_ids import OpaqueIds
from gateway.http.paging import Window
from gateway.payments.filters import payments_statement
from gateway.payments.repository import SQL
from gateway.payments.requests import PaymentsQuery
from tests.support.gateway import MERCHANT, OTHER_MERCHANT, RunningGateway
from tests.support.payment_methods import CARD_DETAILS
from tests.support.payments import card_order, order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration


async def ids(client: httpx.AsyncClient, path: str, **query: Any) -> list[str]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["data"]]


class TestFilters:
    async def test_refunds_of_a_payment(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        first = await gateway.funded(client, "c_1", "100.00")
        other = await gateway.funded(client, "c_1", "100.00")
        given = [(await refund(client, first["id"], "10.00")).json()["id"] for _ in range(2)]
        await refund(client, other["id"], "5.00")
        assert await ids(client, "/payments", parent=first["id"]) == given[::-1]
        assert await ids(client, "/payments", parent=given[0]) == []
        assert len(await ids(client, "/payments", type="refund")) == 3
        problem(await client.get("/payments?parent=x"), 422, "validation_failed")

    async def test_metadata(self, client: httpx.AsyncClient) -> None:
        async def made(**metadata: str) -> str:
            return str((await pay(client, order(metadata=metadata))).json()["id"])

        both = await made(order_id="1001", shop="nairobi")
        one = await made(order_id="1001", shop="kisumu")
        await made(order_id="1002")
        await made()
        strange = await made(**{"a]b[c": 'q"\\', "ключ": "é"})
        assert await ids(client, "/payments", **{"metadata[order_id]": "1001"}) == [one, both]
        query = {"metadata[order_id]": "1001", "metadata[shop]": "nairobi"}
        assert await ids(client, "/payments", **query) == [both]
        query = {"metadata[a]b[c]": 'q"\\', "metadata[ключ]": "é"}
        assert await ids(client, "/payments", **query) == [strange]
        assert await ids(client, "/payments", **{"metadata[order_id]": "100"}) == []
        for bad in ("metadata=1", "metadata[]=1", "meta[a]=1", f"metadata[{'k' * 41}]=1"):
            answer = await client.get(f"/payments?{bad}")
            problem(answer, 422, "validation_failed")

    async def test_provider_reference(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        payment = (await pay(client, order())).json()
        await gateway.settle(payment["id"], provider_reference="TIB4K2P9QX")
        card = (await pay(client, card_order())).json()
        await gateway.settle(card["id"], provider_reference="pi_3QaB", card=CARD_DETAILS)
        assert await ids(client, "/payments", provider_reference="TIB4K2P9QX") == [payment["id"]]
        assert await ids(client, "/payments", provider_reference="pi_3QaB") == [card["id"]]
        assert await ids(client, "/payments", provider_reference="TIB4K2P9Q") == []
        other = await gateway.client(merchant=OTHER_MERCHANT)
        assert await ids(other, "/payments", provider_reference="TIB4K2P9QX") == []

    async def test_status_under_way_and_over(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        done = await gateway.funded(client, "c_1", "100.00")
        pending = (await pay(client, order())).json()["id"]
        reviewed = (await pay(client, order())).json()["id"]
        await gateway.result(reviewed, "unknown", reason="no answer")
        await gateway.admin.execute(
            "update ledger.payment set status = 'in_review' where payment_id = $1", UUID(reviewed)
        )
        assert await ids(client, "/payments", status="pending") == [pending]
        assert await ids(client, "/payments", status="in_review") == [reviewed]
        assert await ids(client, "/payments", status="completed") == [done["id"]]
        assert await ids(client, "/payments", status="failed") == []

    async def test_saved_methods(self, client: httpx.AsyncClient) -> None:
        made: dict[str, str] = {}
        for customer, phone in (("c_1", "+254712345678"), ("c_2", "+254712345679")):
            body = {"method": "mpesa", "customer_id": customer, "phone": phone}
            made[customer] = (await client.post("/payment-methods", json=body)).json()["id"]
        body = {"method": "card", "customer_id": "c_1"}
        answer = await client.post("/payment-methods", json=body, headers={"Prefer": "wait=0"})
        card = answer.json()["id"]
        assert await ids(client, "/payment-methods", customer_id="c_2") == [made["c_2"]]
        assert await ids(client, "/payment-methods", method="card") == [card]
        assert await ids(client, "/payment-methods", status="pending") == [card]
        assert len(await ids(client, "/payment-methods", status="active")) == 2

    async def test_statement_of_one_payment(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        first = await gateway.funded(client, "c_1", "100.00")
        await gateway.funded(client, "c_1", "200.00")
        given = (await refund(client, first["id"], "40.00")).json()
        await gateway.settle(given["id"])
        path = "/customers/c_1/statement"
        whole = (await client.get(path)).json()["data"]
        of_first = (await client.get(path, params={"payment_id": first["id"]})).json()["data"]
        assert of_first == [line for line in whole if line["payment_id"] == first["id"]]
        assert [line["amount"] for line in of_first] == ["97.50"]
        nobody = {"payment_id": "019a2f6e-3c1d-7b42-8f10-5a6b7c8d9e0f"}
        assert (await client.get(path, params=nobody)).json()["data"] == []


class TestBothWays:
    @pytest.mark.parametrize("query", ["", "customer_id=c_1", "metadata[k]=v", "status=pending"])
    async def test_payments(
        self, gateway: RunningGateway, client: httpx.AsyncClient, query: str
    ) -> None:
        made = [await self._made(client) for _ in range(7)]
        await there_and_back(client, f"/payments?limit=3&{query}", made[::-1], self._made)

    async def _made(self, client: httpx.AsyncClient) -> str:
        return str((await pay(client, order(metadata={"k": "v"}))).json()["id"])

    async def test_saved_methods(self, client: httpx.AsyncClient) -> None:
        phones = iter(range(10_000_000, 10_000_100))

        async def made(client: httpx.AsyncClient) -> str:
            phone = f"+2547{next(phones)}"
            body = {"method": "mpesa", "customer_id": "c_1", "phone": phone}
            return str((await client.post("/payment-methods", json=body)).json()["id"])

        found = [await made(client) for _ in range(5)]
        await there_and_back(client, "/payment-methods?limit=2", found[::-1], made)

    async def test_disputes(self, gateway: RunningGateway, client: httpx.AsyncClient) -> None:
        payment = (await pay(client, card_order())).json()
        await gateway.settle(payment["id"], card=CARD_DETAILS, provider_reference="pi_1")
        count = iter(range(100, 200))

        async def made(_: httpx.AsyncClient) -> str:
            number = next(count)
            usd = {"minor": "100", "currency": "USD"}
            news = {"reference": f"du_{number}", "status": "needs_response", "reason": "fraud",
                    "amount": usd, "withdrawn": usd}  # fmt: skip
            assert await gateway.result(payment["id"], "disputed", dispute=news) == "applied"
            return f"du_{number}"

        found = [await made(client) for _ in range(5)]
        path = "/disputes?limit=2&provider_reference=pi_1"
        await there_and_back(client, path, found[::-1], made)

    @pytest.mark.parametrize("of_payment", [False, True])
    async def test_statement(
        self, gateway: RunningGateway, client: httpx.AsyncClient, of_payment: bool
    ) -> None:
        path = "/customers/c_1/statement"
        first = await gateway.funded(client, "c_1", "1000.00")

        async def made(client: httpx.AsyncClient) -> None:
            await gateway.funded(client, "c_1", "10.00")

        for _ in range(4):
            await made(client)
        query = f"payment_id={first['id']}&limit=1" if of_payment else "limit=2"
        whole = (await client.get(f"{path}?{query.partition('&')[0]}&limit=100")
                 if of_payment else await client.get(path)).json()["data"]  # fmt: skip
        expected = [line["id"] for line in whole]
        assert len(expected) == (1 if of_payment else 5)
        await there_and_back(client, f"{path}?{query}", expected, made)

    async def test_statement_cursor_at_the_end_of_the_numbers(
        self, gateway: RunningGateway, client: httpx.AsyncClient
    ) -> None:
        await gateway.funded(client, "c_1", "10.00")
        path = "/customers/c_1/statement"
        last = gateway.parts[OpaqueIds].of("entry", 2**63 - 1)
        for name in ("after", "before"):
            answer = await client.get(path, params={name: last})
            assert answer.status_code == 200

    async def test_both_at_once_are_refused(self, client: httpx.AsyncClient) -> None:
        for path in ("/payments", "/payment-methods", "/disputes"):
            answer = await client.get(path, params={"after": "x", "before": "y"})
            (error,) = problem(answer, 422, "validation_failed")["errors"]
            assert (error["parameter"], error["detail"]) == (
                "before", "Send after or before, not both.",
            )  # fmt: skip
        answer = await client.get("/payments?before=nonsense")
        assert problem(answer, 422, "validation_failed")["errors"][0]["parameter"] == "before"


async def there_and_back(
    client: httpx.AsyncClient, path: str, expected: list[Any], add: Any
) -> None:
    """Walk to the end and back by the links; what is added on the way moves nothing."""
    answer = await client.get(path)
    assert "prev" not in answer.links
    pages = [answer]
    while link := pages[-1].links.get("next"):
        pages.append(await client.get(link["url"].removeprefix("/api/v1")))
        assert pages[-1].json()["previous_cursor"]
    assert [item["id"] for page in pages for item in page.json()["data"]] == expected
    await add(client)
    back = [pages[-1]]
    while len(back) < len(pages):
        link = back[-1].links["prev"]
        back.append(await client.get(link["url"].removeprefix("/api/v1")))
    for gone, come in zip(pages, reversed(back), strict=True):
        assert gone.json()["data"] == come.json()["data"]
    if len(pages) > 1 and "/statement" not in path:  # its links keep their `as_of`
        assert back[-1].json()["previous_cursor"], "the new row is before the first page"


async def test_filters_are_read_along_an_index(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    """A large merchant beside a small one: no filter walks through what it doesn't ask for."""
    deposit = await gateway.funded(client, "c_1", "100.00")
    await refund(client, deposit["id"], "10.00")
    await pay(client, order(metadata={"order_id": "1001"}))
    await _multiply(gateway, 5_000)
    uuid = UUID(deposit["id"])
    for query, index in (
        (PaymentsQuery(customer_id="c_77"), "payment_by_customer"),
        (PaymentsQuery(parent=uuid), "payment_refunds"),
        (PaymentsQuery(type="refund"), "payment_refunds_by_merchant"),
        (PaymentsQuery(metadata={"order_id": "1001"}), "payment_by_metadata"),
        (PaymentsQuery(provider_reference="TIB4K2P9QX"), "receipt_pkey"),
        (PaymentsQuery(status="in_review"), "unfinished"),
        (PaymentsQuery(method="card", created_after=datetime.now(UTC)), "payment_by_merchant"),
        (PaymentsQuery(), "payment_by_merchant"),
    ):
        plan = await _plan(gateway, query)
        assert index in plan, (query, plan)
        assert "Seq Scan on payment" not in plan, (query, plan)


async def _multiply(gateway: RunningGateway, times: int) -> None:
    """Copies of the payments there are, one each for many customers."""
    columns = await gateway.admin.fetchval(
        "select string_agg(column_name, ', ') from information_schema.columns"
        " where table_schema = 'ledger' and table_name = 'payment' and column_name not in"
        " ('payment_id', 'customer_id', 'created_at', 'status')"
    )
    await gateway.admin.execute(
        f"insert into ledger.payment (payment_id, customer_id, created_at, status, {columns})"
        f" select gen_random_uuid(), 'c_' || n, created_at - n * interval '1 s', 'completed',"
        f" {columns} from ledger.payment, generate_series(1, {times}) n"
        " where type = 'deposit' and metadata = '{}'"
    )
    await gateway.admin.execute(
        "insert into ledger.receipt (method, reference, payment_id)"
        f" select 'mpesa', 'R' || n, gen_random_uuid() from generate_series(1, {times}) n"
    )
    await gateway.admin.execute("analyze ledger.payment, ledger.unfinished, ledger.receipt")


async def _plan(gateway: RunningGateway, query: PaymentsQuery) -> str:
    asked: Window[Any] = Window(20, None, backwards=False)
    statement, arguments = payments_statement(SQL["payments_page"], query, asked)
    rows = await gateway.admin.fetch(
        f"explain {statement}", MERCHANT, False, asked.rows_max, *arguments
    )
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    "filters",
    [{"metadata[a\0]": "1"}, {"metadata[a]": "\0"}, {"customer_id": "c\0"}, {"\0": "1"}],
)
async def test_nul_in_a_filter_is_refused(
    client: httpx.AsyncClient, filters: dict[str, str]
) -> None:
    """PostgreSQL can't compare it with anything."""
    answer = await client.get("/payments", params=filters)
    document = problem(answer, 422, "validation_failed")
    assert document["errors"][0]["in"] == "query"
