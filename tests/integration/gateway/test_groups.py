"""Acceptances that share a statement: each is decided as it would be alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.auth.authenticator import Caller
from gateway.conversions.service import Conversions
from gateway.database import groups
from gateway.idempotency.acceptance import Acceptance
from gateway.idempotency.store import IdempotencyStore, KeyInFlight, Outcome, RequestKey
from gateway.payments.requests import PaymentIn
from gateway.payments.service import Payments, _price_request
from tests.support.gateway import MERCHANT, OTHER_MERCHANT, RunningGateway
from tests.support.payments import order, pay, refund
from tests.support.problems import problem

pytestmark = pytest.mark.integration

Send = Callable[[], Awaitable[httpx.Response]]


def withdrawal(amount: str, **fields: Any) -> dict[str, Any]:
    return order(type="withdrawal", amount=amount, **fields)


@asynccontextmanager
async def keys_locked(gateway: RunningGateway) -> AsyncIterator[None]:
    """Nothing is decided while it lasts: what is sent meanwhile waits."""
    async with gateway.admin.acquire() as connection, connection.transaction():
        await connection.execute("lock table gateway.idempotency_key in share mode")
        yield


async def together(gateway: RunningGateway, *sends: Send) -> list[httpx.Response]:
    """The answers to requests of which all but the first are decided in one statement."""
    with patient():
        async with keys_locked(gateway):
            tasks = [asyncio.ensure_future(sends[0]())]
            await asyncio.sleep(0.3)
            tasks += [asyncio.ensure_future(send()) for send in sends[1:]]
            await asyncio.sleep(0.5)
        return list(await asyncio.gather(*tasks))


@contextmanager
def patient() -> Iterator[None]:
    """Each group waits for the one before it, however long that takes."""
    before, groups.PATIENCE_S = groups.PATIENCE_S, 60
    try:
        yield
    finally:
        groups.PATIENCE_S = before


async def statements(gateway: RunningGateway) -> list[int]:
    """How many keys each transaction has stored, in their order."""
    rows = await gateway.admin.fetch(
        "select count(*) from gateway.idempotency_key group by xmin::text"
        " order by min(xmin::text::bigint)"
    )
    return [row["count"] for row in rows]


async def test_those_that_wait_are_decided_in_one_statement(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    answers = await together(gateway, *(lambda: pay(client, order()) for _ in range(9)))
    assert [answer.status_code for answer in answers] == [202] * 9
    assert await statements(gateway) == [1, 8]
    ids = {UUID(answer.json()["id"]) for answer in answers}
    for table in ("ledger.payment", "ledger.unfinished", "ledger.payment_event"):
        rows = await gateway.admin.fetch(f"select payment_id from {table}")
        assert {row["payment_id"] for row in rows} == ids, table
    assert await gateway.count("gateway.outbox") == 9
    for answer in answers:
        shown = (await client.get(f"/payments/{answer.json()['id']}")).json()
        assert shown == answer.json()


async def test_the_outbox_has_the_order_of_arrival(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    answers = await together(
        gateway, *(lambda n=n: pay(client, order(amount=f"{100 + n}.00")) for n in range(20))
    )
    rows = await gateway.admin.fetch("select key from gateway.outbox order by id")
    assert [row["key"] for row in rows] == [answer.json()["id"] for answer in answers]


async def test_a_refused_one_hurts_nobody(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    """500.00 less the fee are there: the first two withdrawals fit, the third does not."""
    await gateway.funded(client, "c_1", "500.00")
    sends = [
        lambda: pay(client, order()),
        lambda: pay(client, withdrawal("150.00"), key="a"),
        lambda: pay(client, order(customer_id="c_2")),
        lambda: pay(client, withdrawal("150.00"), key="b"),
        lambda: pay(client, withdrawal("400.00"), key="c"),
        lambda: pay(client, withdrawal("50.00"), key="d"),
    ]
    before = await gateway.count("gateway.idempotency_key")
    answers = await together(gateway, *sends)
    assert [answer.status_code for answer in answers] == [202, 202, 202, 202, 422, 202]
    refused = problem(answers[4], 422, "insufficient_funds")
    assert await gateway.count("gateway.idempotency_key") == before + 6
    assert (await statements(gateway))[-1] == 5
    assert await gateway.count("ledger.payment") == 6
    again = await pay(client, withdrawal("400.00"), key="c")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == refused


async def test_one_that_the_database_can_not_store_hurts_nobody(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    """A row that contradicts the books fails the group; then each is decided alone."""
    store, entries = gateway.parts[Payments].idempotency.store, []
    for n in range(5):
        acceptance = await evaluated(gateway, order(customer_id=f"c_{n}"))
        if n == 2:
            acceptance.row["net_minor"] = "1"
        entries.append((key_of(f"k{n}"), acceptance))
    outcomes = await asyncio.gather(
        *(store.accept(key, one, now=datetime.now(UTC)) for key, one in entries),
        return_exceptions=True,
    )
    kinds = [type(outcome).__name__ for outcome in outcomes]
    assert kinds == ["Outcome", "Outcome", "CheckViolationError", "Outcome", "Outcome"]
    assert await statements(gateway) == [1] * 4
    assert await gateway.count("ledger.payment") == 4


async def test_one_key_in_one_group_and_across_groups(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    sends = [
        lambda: pay(client, order()),
        lambda: pay(client, order(), key="k"),
        lambda: pay(client, order(customer_id="c_2")),
        lambda: pay(client, order(), key="k"),
        lambda: pay(client, order(amount="101.00"), key="k"),
    ]
    primer, first, other, repeat, another = await together(gateway, *sends)
    assert {answer.status_code for answer in (primer, first, other)} == {202}
    assert repeat.content == first.content
    assert repeat.headers["idempotency-replayed"] == "true"
    problem(another, 422, "idempotency_key_reused")
    assert await gateway.count("ledger.payment") == 3


async def test_a_key_that_another_process_decides_is_in_flight_and_the_others_are_not(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    store = gateway.parts[Payments].idempotency.store
    keys = [key_of(f"k{n}") for n in range(4)]
    acceptances = [await evaluated(gateway, order(customer_id=f"c_{n}")) for n in range(4)]
    async with gateway.admin.acquire() as connection, connection.transaction():
        await connection.execute(
            "select pg_advisory_xact_lock("
            "hashtextextended(concat_ws(chr(31), $1::text, $2::boolean, $3::text, $4::text), 20))",
            MERCHANT, False, keys[1].route, keys[1].key_digest,
        )  # fmt: skip
        outcomes = await asyncio.gather(
            *(
                store.accept(key, one, now=datetime.now(UTC))
                for key, one in zip(keys, acceptances, strict=True)
            ),
            return_exceptions=True,
        )
    assert isinstance(outcomes[1], KeyInFlight)
    assert [type(outcome) for outcome in outcomes[:1] + outcomes[2:]] == [Outcome] * 3
    assert await statements(gateway) == [3]


@pytest.mark.parametrize("kind", ["withdrawal", "refund", "conversion"])
async def test_a_locked_customer_holds_up_only_their_own_requests(
    gateway: RunningGateway, client: httpx.AsyncClient, kind: str
) -> None:
    deposits = {c: await gateway.funded(client, c, "1000.00") for c in ("c_1", "c_2", "c_3")}

    def ask(customer: str) -> Send:
        exchange = {"from": {"amount": "100.00", "currency": "KES"}, "to_currency": "USD"}
        return {
            "withdrawal": lambda: pay(client, withdrawal("100.00", customer_id=customer)),
            "refund": lambda: refund(client, deposits[customer]["id"], "10.00"),
            "conversion": lambda: client.post(
                f"/customers/{customer}/conversions",
                json=exchange,
                headers={"Idempotency-Key": uuid4().hex},
            ),
        }[kind]

    for customer in deposits:  # their accounts exist
        assert (await ask(customer)()).is_success
    async with gateway.admin.acquire() as connection, connection.transaction():
        await connection.execute(
            "select from ledger.balance join ledger.account using (account_id)"
            " where code = 'customer:c_1:KES' for no key update of balance"
        )
        blocked = [asyncio.ensure_future(ask("c_1")())]
        await asyncio.sleep(0.05)
        tasks = {c: asyncio.ensure_future(ask(c)()) for c in ("c_2", "c_1", "c_3")}
        blocked.append(tasks.pop("c_1"))
        others = await asyncio.wait_for(asyncio.gather(*tasks.values()), 4)
        assert not any(task.done() for task in blocked)
    assert all(answer.is_success for answer in others), [answer.text for answer in others]
    for task in blocked:
        assert (await task).is_success


@dataclass(frozen=True)
class Wish:
    """One request of a random sequence."""

    key: str
    body: dict[str, Any]


def random_wishes(chance: Random, count: int) -> list[Wish]:
    """Deposits and withdrawals of a few customers, some too large, some under a key of before."""
    wishes: list[Wish] = []
    for n in range(count):
        if wishes and chance.random() < 0.15:
            wishes.append(chance.choice(wishes))
            continue
        customer = chance.choice(["c_1", "c_2", "c_3"])
        amount = f"{chance.randrange(100, 600)}.00"
        body = order(amount=amount, customer_id=customer)
        if chance.random() < 0.7:
            body = withdrawal(amount, customer_id=customer)
        wishes.append(Wish(f"k{n}", body))
    return wishes


async def books_of(gateway: RunningGateway, merchant: str) -> Any:
    """What a merchant's requests have left, without ids and times."""
    balances = await gateway.admin.fetch(
        "select code, posted, held from ledger.account join ledger.balance using (account_id)"
        " where tenant = $1 || ':test' order by code", merchant,
    )  # fmt: skip
    payments = await gateway.admin.fetch(
        "select p.type, p.customer_id, p.minor, p.fee_minor, p.net_minor, p.status, h.amount,"
        " h.state, e.detail::text, o.topic, p.instrument->>'kind', p.amount_policy, p.metadata,"
        " (select array_agg(code order by code) from ledger.account where account_id in"
        "   (customer_account_id, provider_account_id, fees_account_id, merchant_account_id))"
        " from ledger.payment p left join ledger.hold h using (payment_id)"
        " join ledger.payment_event e on e.payment_id = p.payment_id and e.version = 1"
        " left join gateway.outbox o on o.key = p.payment_id::text"
        " where merchant_id = $1 order by 1, 2, 3, 4, 5", merchant,
    )  # fmt: skip
    keys = await gateway.admin.fetch(
        "select status, count(*) from gateway.idempotency_key where merchant_id = $1"
        " group by status order by status", merchant,
    )  # fmt: skip
    return [[tuple(row) for row in rows] for rows in (balances, payments, keys)]


async def test_a_sequence_has_the_same_outcome_in_groups_and_one_by_one(
    gateway: RunningGateway,
) -> None:
    """Property: for random sequences of one merchant in groups, of another one by one."""
    store = gateway.parts[Payments].idempotency.store
    clients = {m: await gateway.client(merchant=m) for m in (MERCHANT, OTHER_MERCHANT)}
    for client in clients.values():
        for customer in ("c_1", "c_2", "c_3"):
            await gateway.funded(client, customer, "3000.00")
    for seed in range(6):
        wishes = random_wishes(Random(seed), 40)
        entries = {
            m: [(key_of(f"{seed}-{w.key}", m), await wished(gateway, w, m)) for w in wishes]
            for m in clients
        }
        grouped = await asyncio.gather(*(decided(store, *one) for one in entries[MERCHANT]))
        alone = [await decided(store, *one) for one in entries[OTHER_MERCHANT]]
        assert grouped == alone, seed
        assert await books_of(gateway, MERCHANT) == await books_of(gateway, OTHER_MERCHANT), seed
    kinds = set(alone)
    assert {"202", "422 insufficient_funds", "known"} <= kinds


async def wished(gateway: RunningGateway, wish: Wish, merchant: str) -> Acceptance:
    """What a wish would write; one customer's fees are paid by the merchant."""
    acceptance = await evaluated(gateway, wish.body, merchant)
    if wish.body["customer_id"] == "c_3":
        acceptance.row.update(fee_bearer="merchant", net_minor=acceptance.row["minor"])
    return acceptance


async def decided(store: IdempotencyStore, key: RequestKey, acceptance: Acceptance) -> str:
    outcome = await store.accept(key, acceptance, now=datetime.now(UTC))
    if outcome is None:
        return "known"
    return f"{outcome.status} {outcome.reply['code']}" if outcome.refused else str(outcome.status)


def key_of(name: str, merchant: str = MERCHANT) -> RequestKey:
    digest = name.encode().hex().ljust(64, "0")
    return RequestKey(caller_of(merchant), "POST /payments", digest, "digest", f"urn:{name}")


def caller_of(merchant: str) -> Caller:
    return Caller("key", merchant, livemode=False, scopes=frozenset())


async def evaluated(
    gateway: RunningGateway, body: dict[str, Any], merchant: str = MERCHANT
) -> Acceptance:
    """What a payment would write."""
    payments, given = gateway.parts[Payments], PaymentIn.model_validate(body)
    evaluate = payments._evaluate_payment
    return await evaluate(given, _price_request(given), caller_of(merchant))


async def refunds_and_conversions(
    gateway: RunningGateway, client: httpx.AsyncClient, sends: Sequence[Send]
) -> list[str]:
    answers = await together(gateway, *sends)
    return sorted(answer.json().get("code", str(answer.status_code)) for answer in answers)


async def test_refunds_of_one_deposit_in_one_group_never_exceed_it(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    deposit = (await gateway.funded(client, "c_1", "100.00"))["id"]
    await gateway.funded(client, "c_1", "1000.00")
    codes = await refunds_and_conversions(
        gateway, client, [lambda: refund(client, deposit, "30.00") for _ in range(6)]
    )
    assert codes == ["202"] * 3 + ["refund_exceeds_captured"] * 3
    pending = "select refund_pending_minor from ledger.payment where payment_id = $1"
    assert await gateway.admin.fetchval(pending, UUID(deposit)) == 90_00


async def test_conversions_of_one_group_never_exceed_the_balance(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    await gateway.funded(client, "c_1", "1000.00")  # 975.00 after the fee
    exchange = {"from": {"amount": "200.00", "currency": "KES"}, "to_currency": "USD"}

    def convert() -> Awaitable[httpx.Response]:
        headers = {"Idempotency-Key": uuid4().hex}
        return client.post("/customers/c_1/conversions", json=exchange, headers=headers)

    codes = await refunds_and_conversions(gateway, client, [convert] * 7)
    assert codes == ["201"] * 4 + ["insufficient_funds"] * 3
    (kes, usd) = (await client.get("/customers/c_1/balances")).json()["balances"]
    assert (kes["available"], usd["available"]) == ("175.00", "6.12")  # 4 x 1.53
    worth = await gateway.admin.fetchval(
        "select sum(amount) from ledger.entry join ledger.ledger_tx using (tx_id)"
        " where kind = 'conversion'"
    )
    assert worth == 0
    assert gateway.parts[Conversions].spread_bps == 50
