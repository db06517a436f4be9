"""A refusal that another moment could reverse is bound to its idempotency key."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from cift_shared.money.rates import RateTable
from cift_shared.rails.registry import rails
from gateway.conversions.service import Conversions
from gateway.payment_methods.instrument_resolver import InstrumentResolver
from gateway.payments.service import Payments
from tests.support.gateway import RunningGateway, running_gateway
from tests.support.payments import card_order, order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

Send = Callable[[], Awaitable[httpx.Response]]
Change = Callable[[], Awaitable[Any]]


def withdrawal(amount: str = "100.00", **fields: Any) -> dict[str, Any]:
    return order(type="withdrawal", amount=amount, **fields)


async def convert(
    client: httpx.AsyncClient, amount: str = "500.00", to: str = "USD", *, key: str
) -> httpx.Response:
    body = {"from": {"amount": amount, "currency": "KES"}, "to_currency": to}
    path = "/customers/c_1/conversions"
    return await client.post(path, json=body, headers={"Idempotency-Key": key})


async def stays_refused(send: Send, status: int, code: str, reverse: Change) -> None:
    """The refusal of a request, and of its copy after the state has changed."""
    first = await send()
    problem(first, status, code)
    assert "idempotency-replayed" not in first.headers
    await reverse()
    again = await send()
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == "application/problem+json"


async def test_a_withdrawal_without_funds(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await stays_refused(
        lambda: pay(client, withdrawal(), key="k"), 422, "insufficient_funds",
        lambda: gateway.funded(client, "c_1", "1000.00"),
    )  # fmt: skip
    problem(await pay(client, withdrawal("90.00"), key="k"), 422, "idempotency_key_reused")
    assert (await pay(client, withdrawal(), key="new")).status_code == 202


async def test_a_refused_request_leaves_nothing_but_its_key(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    problem(await pay(client, withdrawal(), key="k"), 422, "insufficient_funds")
    for table in ("ledger.payment", "ledger.hold", "ledger.account", "gateway.outbox"):
        assert await gateway.count(table) == 0, table
    (kept,) = await gateway.admin.fetch("select * from gateway.idempotency_key")
    assert (kept["status"], kept["resource_id"], kept["location"]) == (422, None, None)


async def test_a_refund_of_a_deposit_that_completes_later(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = (await pay(client, order())).json()["id"]
    await stays_refused(
        lambda: refund(client, deposit, "10.00", key="k"), 409, "not_refundable",
        lambda: gateway.settle(deposit),
    )  # fmt: skip


async def test_a_refund_of_what_is_under_way_back(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = (await gateway.funded(client, "c_1", "100.00"))["id"]
    first = (await refund(client, deposit, "60.00")).json()["id"]
    await stays_refused(
        lambda: refund(client, deposit, "50.00", key="k"), 422, "refund_exceeds_captured",
        lambda: gateway.result(first, "declined", failure=NO_MONEY),
    )  # fmt: skip


async def test_a_refund_of_money_that_was_spent(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = (await gateway.funded(client, "c_1", "100.00"))["id"]
    await pay(client, withdrawal("90.00"))
    await stays_refused(
        lambda: refund(client, deposit, "50.00", key="k"), 422, "insufficient_funds",
        lambda: gateway.funded(client, "c_1", "1000.00"),
    )  # fmt: skip


async def test_a_conversion_without_funds(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await stays_refused(
        lambda: convert(client, key="k"), 422, "insufficient_funds",
        lambda: gateway.funded(client, "c_1", "1000.00"),
    )  # fmt: skip
    assert await gateway.count("ledger.conversion") == 0


async def test_a_conversion_without_a_rate(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    conversions = gateway.parts[Conversions]
    rates, conversions.rates = conversions.rates, RateTable("none", ())

    async def rates_come_in() -> None:
        conversions.rates = rates

    await stays_refused(lambda: convert(client, key="k"), 422, "rate_unavailable", rates_come_in)


async def quoted(gateway: RunningGateway, client: httpx.AsyncClient, valid: bool) -> str:
    """A quote for the usual deposit; one that is not valid expired a minute ago."""
    body = {"type": "deposit", "method": "mpesa", "amount": "100.00", "currency": "KES"}
    quote: str = (await client.post("/quotes", json=body)).json()["id"]
    if not valid:
        await expire(gateway, quote, "- interval '1 minute'")
    return quote


async def expire(gateway: RunningGateway, quote: str, when: str) -> None:
    await gateway.admin.execute(
        f"update gateway.quote set created_at = now() - interval '1 hour',"
        f" expires_at = now() {when} where quote_id = $1",
        UUID(quote),
    )


async def test_a_quote_that_has_expired(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    quote = await quoted(gateway, client, valid=False)
    await stays_refused(
        lambda: pay(client, order(quote_id=quote), key="k"), 422, "quote_expired",
        lambda: expire(gateway, quote, "+ interval '1 hour'"),
    )  # fmt: skip


async def test_a_quote_that_is_forgotten(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    quote = await quoted(gateway, client, valid=True)
    (row,) = await gateway.admin.fetch("delete from gateway.quote returning *")

    async def bring_back() -> None:
        places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        await gateway.admin.execute(f"insert into gateway.quote values ({places})", *row.values())

    await stays_refused(
        lambda: pay(client, order(quote_id=quote), key="k"), 422, "quote_not_found", bring_back
    )


async def test_a_saved_method_that_is_not_active_yet(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    headers = {"Prefer": "wait=0"}
    wish = {"method": "card", "customer_id": "c_1"}
    saved = (await client.post("/payment-methods", json=wish, headers=headers)).json()["id"]
    body = card_order(payment_method={"id": saved})

    async def confirm() -> None:
        assert await gateway.answer(saved, "saved", token="pm_1Saved", owner="cus_1") == []

    await stays_refused(lambda: pay(client, body, key="k"), 422, "payment_method_invalid", confirm)


async def test_a_method_that_is_set_up_later(database: str) -> None:
    async with running_gateway(database, rails={"card": {"publishable_key": None}}) as gateway:
        client = await gateway.client()

        async def set_up() -> None:
            everything = {name: rail.currencies for name, rail in rails().items()}
            gateway.parts[InstrumentResolver].offered = everything

        await stays_refused(
            lambda: pay(client, card_order(), key="k"), 422, "method_unavailable", set_up
        )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (order(amount="0.50"), "amount_not_whole"),
        (order(amount="9999999999"), "amount_out_of_limits"),
        (order(amount="ten"), "amount_invalid"),
        (order(currency="USD"), "currency_unsupported"),
        (order(payment_method={"phone": "0112", "country": "KE"}), "validation_failed"),
        (order(payment_method={"phone": "0000000000", "country": "KE"}), "phone_invalid"),
        (order(payment_method={}), "payment_method_invalid"),
        (order(method="pigeon"), "method_unavailable"),
        (order(off_session=True), "payment_method_invalid"),
        (order(surprise=1), "validation_failed"),
    ],
)
async def test_faults_of_the_body_are_not_stored(
    client: httpx.AsyncClient, gateway: RunningGateway, body: dict[str, Any], code: str
) -> None:
    problem(await pay(client, body, key="k"), 422, code)
    assert await gateway.count("gateway.idempotency_key") == 0
    assert (await pay(client, order(), key="k")).status_code == 202


@pytest.mark.parametrize("amount", ["0", "1.50", "1e2", "99999999999"])
async def test_faults_of_a_refund_are_not_stored(
    client: httpx.AsyncClient, gateway: RunningGateway, amount: str
) -> None:
    deposit = (await pay(client, order())).json()["id"]
    assert (await refund(client, deposit, amount, key="k")).status_code == 422
    await gateway.settle(deposit)
    assert (await refund(client, deposit, "10.00", key="k")).status_code == 202


async def test_faults_of_a_conversion_are_not_stored(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    await gateway.funded(client, "c_1", "1000.00")
    problem(await convert(client, to="KES", key="k"), 422, "conversion_same_currency")
    problem(await convert(client, "1.234", key="k"), 422, "amount_invalid")
    assert (await convert(client, key="k")).status_code == 201


async def test_who_asks_and_what_is_missing_is_not_stored(
    client: httpx.AsyncClient, gateway: RunningGateway
) -> None:
    reader = await gateway.client(scopes=["read"])
    problem(await pay(reader, order(), key="k"), 403, "scope_missing")
    stranger = gateway.raw_client(Authorization="Bearer cift_test_nobody")
    problem(await pay(stranger, order(), key="k"), 401, "unauthenticated")
    problem(await refund(client, str(uuid4()), key="k"), 404, "payment_not_found")
    assert await gateway.count("gateway.idempotency_key") == 0


@dataclasses.dataclass
class Frozen:
    """A request that has read the state, and is held before its statement."""

    reached: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    thawed: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def hold(self, store: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Hold the next call of a method of the store; later ones pass."""
        passes = getattr(store, name)

        async def held(*args: Any, **options: Any) -> Any:
            monkeypatch.setattr(store, name, passes)
            self.reached.set()
            await self.thawed.wait()
            return await passes(*args, **options)

        monkeypatch.setattr(store, name, held)


async def test_a_copy_in_a_frozen_gateway_answers_the_refusal(
    gateway: RunningGateway, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen, store = Frozen(), gateway.parts[Payments].idempotency.store
    frozen.hold(store, "accept", monkeypatch)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(pay(client, withdrawal(), key="k"))
        await frozen.reached.wait()
        refused = await pay(client, withdrawal(), key="k")
        problem(refused, 422, "insufficient_funds")
        await gateway.funded(client, "c_1", "1000.00")
        frozen.thawed.set()
    assert first.result().content == refused.content
    assert first.result().headers["idempotency-replayed"] == "true"
    assert await gateway.admin.fetchval(
        "select count(*) from ledger.payment where type = 'withdrawal'"
    ) == 0  # fmt: skip


async def test_a_refusal_in_a_frozen_gateway_answers_the_acceptance(
    gateway: RunningGateway, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    deposit = (await pay(client, order())).json()["id"]
    frozen, store = Frozen(), gateway.parts[Payments].idempotency.store
    frozen.hold(store, "refuse", monkeypatch)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(refund(client, deposit, "10.00", key="k"))
        await frozen.reached.wait()
        await gateway.settle(deposit)
        accepted = await refund(client, deposit, "10.00", key="k")
        assert accepted.status_code == 202
        frozen.thawed.set()
    assert (first.result().status_code, first.result().content) == (202, accepted.content)
    assert first.result().headers["location"] == accepted.headers["location"]


async def until_decided(send: Send) -> tuple[int, bytes]:
    """The answer once no other copy of the request is being decided."""
    while True:
        answer = await send()
        if answer.status_code != 409 or answer.json()["code"] != "idempotency_key_in_flight":
            return answer.status_code, answer.content


@pytest.mark.parametrize("seed", range(4))
async def test_copies_at_once_have_one_outcome(
    gateway: RunningGateway, client: httpx.AsyncClient, seed: int
) -> None:
    """Copies of withdrawals, refunds and conversions race with money that comes in."""
    random = Random(seed)
    await gateway.funded(client, "c_1", "1000.00")
    pending = [(await pay(client, order(amount="300.00"))).json()["id"] for _ in range(4)]

    def request(number: int) -> Send:
        key, kind = f"k{number}", random.choice(["withdrawal", "refund", "conversion"])
        deposit = random.choice(pending)
        if kind == "withdrawal":
            return lambda: pay(client, withdrawal("300.00"), key=key)
        if kind == "refund":
            return lambda: refund(client, deposit, "100.00", key=key)
        return lambda: convert(client, "250.00", key=key)

    requests = [request(number) for number in range(16)]
    answers: dict[int, set[tuple[int, bytes]]] = {number: set() for number in range(16)}

    async def copy(number: int) -> None:
        await asyncio.sleep(random.random() * 0.3)
        answers[number].add(await until_decided(requests[number]))

    async def settle(deposit: str) -> None:
        await asyncio.sleep(random.random() * 0.3)
        await gateway.settle(deposit)

    await asyncio.gather(
        *(copy(number) for number in range(16) for _ in range(4)),
        *(settle(deposit) for deposit in pending),
    )
    for number in answers:
        await copy(number)
    assert [len(found) for found in answers.values()] == [1] * 16
    statuses = [status for found in answers.values() for status, _ in found]
    accepted = sum(status < 300 for status in statuses)
    assert 0 < accepted < 16, statuses
    made = await gateway.admin.fetchval(
        "select (select count(*) from ledger.payment where type <> 'deposit')"
        " + (select count(*) from ledger.conversion)"
    )
    assert made == accepted


NO_MONEY = {
    "code": "payee_refused", "category": "declined", "message": "Refused.", "retryable": False,
}  # fmt: skip
