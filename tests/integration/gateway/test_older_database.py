"""A database of the release that knew phones and cards only: its rows are read as before."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from cift_local.waiting import run_in_thread
from cift_shared.database.migrations import find_migrations, migrate
from cift_shared.database.migrations.files import number_of
from cift_shared.messaging.messages import COMMANDS, RequestDeposit, RequestDetach
from tests.support.gateway import MERCHANT, RunningGateway, running_gateway, settings_for
from tests.support.payments import card_order, pay
from tests.support.postgres import PgServer

pytestmark = pytest.mark.integration

BEFORE = {"gateway": "0007", "ledger": "0024", "mpesa": "0004", "card": "0003"}
PHONE, PHONE_SHOWN = "254712345678", "2547****678"
CARD = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

_SAVE = """
insert into gateway.payment_method (
    payment_method_id, merchant_id, livemode, customer_id, method, kind, display, sealed, country,
    fingerprint, card, customer_sealed, state, created_at)
values ($1, $2, false, 'c_1', $3, $4, $5, $6, $7, $8, $9, $10, 'active', $11)
"""


def payment(method: str, currency: str, instrument: dict[str, Any]) -> dict[str, Any]:
    """An accepted deposit in the form of that release."""
    payment_id = str(uuid4())
    return {
        "payment_id": payment_id, "merchant_id": MERCHANT, "livemode": False, "customer_id": "c_1",
        "type": "deposit", "method": method, "currency": currency, "minor": "2000",
        "fee_minor": "50", "net_minor": "1950", "instrument": instrument, "metadata": {},
        "command": {"topic": f"payments.commands.{method}", "key": payment_id, "headers": {},
                    "body": {"instrument": instrument}},
        "created_at": NOON.isoformat(), "estimated_arrival": NOON.isoformat(),
    }  # fmt: skip


class Older:
    """What the older release left in its database."""

    def __init__(self) -> None:
        vault = settings_for("postgresql://nowhere/none").vault()
        self.vault = vault
        self.phone_id, self.card_id = uuid4(), uuid4()
        sealed_phone = vault.seal(PHONE.encode(), context="phone")
        sealed_card = vault.seal(b"pm_1Old", context="card")
        phone = {"kind": "phone", "display": PHONE_SHOWN, "sealed": sealed_phone, "country": "KE"}
        card = {"kind": "card", "display": "card", "sealed": sealed_card}
        self.by_phone = payment("mpesa", "KES", phone)
        self.by_card = payment("card", "USD", card)
        self.by_saved_card = payment("card", "USD", {**card, "card": CARD})
        self.saved = [
            (self.phone_id, MERCHANT, "mpesa", "phone", PHONE_SHOWN, sealed_phone, "KE",
             vault.fingerprint(PHONE.encode(), context="phone"), None, None, NOON),
            (self.card_id, MERCHANT, "card", "card", "card", sealed_card, None, "f" * 64, CARD,
             vault.seal(b"cus_1", context="card"), NOON),
        ]  # fmt: skip

    async def store(self, connection: "asyncpg.Connection[Any]") -> None:
        for payment in self.by_phone, self.by_card, self.by_saved_card:
            await connection.execute("select ledger.accept_payment($1)", payment)
        for row in self.saved:
            await connection.execute(_SAVE, *row)


async def make_older(address: str) -> Older:
    """An older database with rows, migrated to this release."""
    old = [m for m in find_migrations() if number_of(m.file) <= BEFORE.get(m.schema, "0000")]
    assert len(old) < len(find_migrations())
    await migrate(address, old, [])
    left = Older()
    connection = await asyncpg.connect(address)
    await set_json(connection)
    await left.store(connection)
    await connection.close()
    await migrate(address)
    return left


@pytest.fixture(scope="module")
def older_template(pg_server: PgServer) -> Iterator[tuple[str, Older]]:
    """The name of such a database, made once and copied for each test, and what is in it."""
    name = run_in_thread(pg_server.create("cift_older"))
    yield name, run_in_thread(make_older(pg_server.address(name)))
    run_in_thread(pg_server.drop(name))


@pytest.fixture
def older(older_template: tuple[str, Older]) -> Older:
    return older_template[1]


@pytest.fixture
async def older_database(
    pg_server: PgServer, older_template: tuple[str, Older]
) -> AsyncIterator[str]:
    """The address of a copy."""
    name = await pg_server.create("cift_test", template=older_template[0])
    yield pg_server.address(name)
    await pg_server.drop(name)


async def set_json(connection: "asyncpg.Connection[Any]") -> None:
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )


async def shown(gateway: RunningGateway, path: str) -> Any:
    return (await (await gateway.client()).get(path)).json()


async def test_its_payments_show_what_they_showed(older: Older, older_database: str) -> None:
    async with running_gateway(older_database) as gateway:
        of_phone = await shown(gateway, f"/payments/{older.by_phone['payment_id']}")
        assert of_phone["payment_method"] == {
            "kind": "phone", "phone": PHONE_SHOWN, "country": "KE",
        }  # fmt: skip
        of_card = await shown(gateway, f"/payments/{older.by_card['payment_id']}")
        assert of_card["payment_method"] == {"kind": "card", **dict.fromkeys(CARD)}
        of_saved = await shown(gateway, f"/payments/{older.by_saved_card['payment_id']}")
        assert of_saved["payment_method"] == {"kind": "card", **CARD}
        assert (of_phone["rail"], of_card["rail"]) == ("mpesa", "card")


async def test_a_gateway_of_that_release_can_go_on(older: Older, older_database: str) -> None:
    async with running_gateway(older_database) as gateway:
        order = {**payment("card", "USD", older.by_card["instrument"])}
        saved = uuid4()
        async with gateway.admin.acquire() as connection:
            await connection.execute("select ledger.accept_payment($1)", order)
            row = older.saved[1]
            await connection.execute(_SAVE, saved, *row[1:])
        assert (await shown(gateway, f"/payments/{order['payment_id']}"))["rail"] == "card"
        assert (await shown(gateway, f"/payment-methods/{saved}"))["rail"] == "card"


async def test_a_result_of_an_older_worker_is_shown(older: Older, older_database: str) -> None:
    async with running_gateway(older_database) as gateway:
        payment_id = older.by_card["payment_id"]
        await gateway.settle(payment_id, card=CARD)
        read = await shown(gateway, f"/payments/{payment_id}")
        assert read["payment_method"] == {"kind": "card", **CARD}
        events = await gateway.admin.fetch("select body from ledger.outbox order by id")
        assert '"last4"' in events[-1]["body"].decode()


async def test_its_saved_phone_is_kept_once_and_can_be_deleted(
    older: Older, older_database: str
) -> None:
    async with running_gateway(older_database) as gateway:
        client = await gateway.client()
        wish = {"method": "mpesa", "customer_id": "c_1", "phone": "+254712345678"}
        again = await client.post("/payment-methods", json=wish)
        assert (again.status_code, again.json()["id"]) == (200, str(older.phone_id))
        assert again.json()["phone"] == PHONE_SHOWN
        assert (await client.delete(f"/payment-methods/{older.phone_id}")).status_code == 204
        assert (await client.get(f"/payment-methods/{older.phone_id}")).status_code == 404


async def test_its_saved_card_pays_and_is_removed_at_the_provider(
    older: Older, older_database: str
) -> None:
    async with running_gateway(older_database) as gateway:
        client = await gateway.client()
        read = await shown(gateway, f"/payment-methods/{older.card_id}")
        assert {name: read[name] for name in CARD} == CARD
        wish = card_order(customer_id="c_1", payment_method={"id": str(older.card_id)})
        paid = await pay(client, {**wish, "off_session": True})
        assert paid.json()["payment_method"] == {"kind": "card", **CARD}
        assert (await client.delete(f"/payment-methods/{older.card_id}")).status_code == 204
        sent = [
            COMMANDS.validate_json(row["body"])
            for row in await gateway.outbox("payments.commands.card")
        ]
        assert [type(command) for command in sent] == [RequestDeposit, RequestDetach]
        deposit = sent[0]
        assert isinstance(deposit, RequestDeposit)
        assert (deposit.instrument.display, deposit.instrument.public) == ("visa ****4242", CARD)
        assert deposit.instrument.card is not None  # for a worker of that release


async def test_a_gateway_of_that_release_still_saves_phones_meanwhile(
    older: Older, older_database: str
) -> None:
    """Its statement names the index by what it covered then; both releases keep a phone once."""
    async with running_gateway(older_database) as gateway:
        kept = await gateway.admin.fetchval(
            """insert into gateway.payment_method (
                   payment_method_id, merchant_id, livemode, customer_id, method, kind, display,
                   sealed, country, fingerprint, created_at)
               select $1, merchant_id, livemode, customer_id, method, kind, display, sealed,
                   country, fingerprint, created_at
               from gateway.payment_method where payment_method_id = $2
               on conflict (merchant_id, livemode, customer_id, method, fingerprint)
                   where kind = 'phone' do update set country = excluded.country
               returning payment_method_id""",
            uuid4(), older.phone_id,
        )  # fmt: skip
        assert kept == older.phone_id
