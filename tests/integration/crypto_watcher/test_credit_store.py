"""Which arrivals are credited, taken back and credited again: each condition, row by row."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from bitcoin_watcher.chain_store import TABLES
from bitcoin_watcher.domain import Output
from bitcoin_watcher.terms import terms_of
from chain_watch.credits import Credits
from chain_watch.deposit_store import StoredDeposits
from chain_watch.domain import Derived, Tip
from cift_shared.clock import SystemClock
from cift_shared.database.lease import Lease
from cift_shared.messaging.messages import PaymentResult
from cift_shared.money.amount import Money
from tests.support import bitcoin
from tests.support.commands import CLOCK
from tests.support.eventually import eventually
from tests.support.rows import AT, Rows, open_role, open_rows

HEIGHT = 500
CONFIG = bitcoin.config(confirmations=2)
DEEP = HEIGHT - 1
DUST = CONFIG.dust
TIP = Tip(HEIGHT, is_settled=True, followed_at=AT)
PRICED = json.dumps(
    {
        "amount": {"minor": 900, "currency": "USD"},
        "exchange": {"amount": {"minor": 1_000, "currency": "BTC"}},
    }
)
IN_BTC = json.dumps({"amount": {"minor": 1_000, "currency": "BTC"}})


@dataclass
class Crediting:
    rows: Rows
    observer: Rows
    """On a connection of its own: it sees who waits while `rows` is in a transaction."""
    pool: "asyncpg.Pool[asyncpg.Record]"
    lease: Lease
    deposits: StoredDeposits[Output]
    credits: Credits[Output]

    async def arrived(
        self, txid: str = "a", *, height: int | None = DEEP, satoshi: int = 10_000, **output: Any
    ) -> None:
        block = None if height is None else f"block-{height}"
        await self.rows.put(
            "bitcoin.output", txid=txid, address="addr", height=height, block_hash=block,
            satoshi=satoshi, **output,
        )  # fmt: skip

    async def change(self, assignments: str, txid: str = "a") -> None:
        await self.rows.run(f"update bitcoin.output set {assignments} where txid = $1", txid)

    async def run(self) -> list[PaymentResult]:
        """What is reported now."""
        before = await self.rows.connection.fetchval("select max(id) from bitcoin.outbox")
        await self.credits.run(self.lease, TIP)
        found = await self.rows.all(
            "select body from bitcoin.outbox where id > $1 order by id", before or 0
        )
        return [PaymentResult.model_validate_json(body) for (body,) in found]

    async def told(self) -> list[tuple[str, str]]:
        """Kind and transaction of what is reported now."""
        return [(one.kind, _arrival(one)) for one in await self.run()]

    async def while_it_reads(self, statement: str) -> list[PaymentResult]:
        """What is reported if a row changes between the read of it and its mark."""
        async with self.rows.connection.transaction():
            await self.rows.run(statement)
            running = asyncio.create_task(self.credits.run(self.lease, TIP))
            await eventually(self.waits, "the mark waits for the row")
        await running
        found = await self.rows.all("select body from bitcoin.outbox")
        return [PaymentResult.model_validate_json(body) for (body,) in found]

    async def waits(self) -> bool:
        return await self.observer.somebody_waits()


def _arrival(result: PaymentResult) -> str:
    return str(result.evidence[0].detail["arrival"]).partition(":")[0]


@pytest.fixture
async def crediting(emptied_database: str) -> AsyncIterator[Crediting]:
    clock = SystemClock()
    async with (
        open_rows(emptied_database) as rows,
        open_rows(emptied_database) as observer,
        open_role(emptied_database, "cift_bitcoin") as pool,
    ):
        lease = Lease("bitcoin", "job:watch", clock)
        assert await lease.take(pool)
        credits_ = Credits(pool, TABLES, terms_of(CONFIG), clock)
        yield Crediting(rows, observer, pool, lease, StoredDeposits(pool, TABLES), credits_)


class TestReceived:
    async def test_of_a_deposit_that_has_ended(self, crediting: Crediting) -> None:
        for state in ("done", "review", "waiting", "ready", "sending", "unknown"):
            payment = await crediting.rows.attempt("bitcoin", state=state, operation="deposit")
            await crediting.arrived(state, payment_id=payment)
        assert sorted(await crediting.told()) == [("received", "done"), ("received", "review")]

    async def test_of_a_deposit_without_a_command(self, crediting: Crediting) -> None:
        payment = uuid4()
        await crediting.arrived(payment_id=payment)
        [one] = await crediting.run()
        assert (one.kind, one.amount) == ("received", Money(10_000, "BTC"))
        assert one.received is not None
        assert one.received.related_payment_id == payment
        found = await crediting.rows.all("select received_as from bitcoin.output")
        assert found == [(one.payment_id,)]
        assert await crediting.run() == []

    async def test_at_the_shared_address_it_waits_for_a_caller_to_name_it(
        self, crediting: Crediting
    ) -> None:
        now = SystemClock().now()
        parked = terms_of(CONFIG).park_after
        await crediting.arrived("old", first_seen_at=now - parked - timedelta(minutes=5))
        await crediting.arrived("new", first_seen_at=now - parked + timedelta(minutes=5))
        assert await crediting.told() == [("received", "old")]

    async def test_it_waits_just_so_long(self, crediting: Crediting) -> None:
        terms = terms_of(CONFIG)
        crediting.credits = Credits(crediting.pool, TABLES, terms, CLOCK)
        at = CLOCK.now() - terms.park_after
        await crediting.arrived("now", first_seen_at=at)
        await crediting.arrived("later", first_seen_at=at + timedelta(microseconds=1))
        assert await crediting.told() == [("received", "now")]

    async def test_an_arrival_of_a_deposit_does_not_wait(self, crediting: Crediting) -> None:
        await crediting.arrived("new", first_seen_at=SystemClock().now(), payment_id=uuid4())
        payment = await crediting.rows.attempt("bitcoin", operation="deposit")
        await crediting.arrived("open", payment_id=payment)
        assert await crediting.told() == [("received", "new")]

    async def test_neither_what_is_credited_nor_dust_nor_what_is_too_new(
        self, crediting: Crediting
    ) -> None:
        await crediting.arrived("settled", deposit_id=uuid4())
        await crediting.arrived("received", received_as=uuid4())
        await crediting.arrived("dust", satoshi=DUST - 1)
        await crediting.arrived("least", satoshi=DUST)
        await crediting.arrived("new", height=HEIGHT)
        await crediting.arrived("pending", height=None, in_mempool=True)
        assert await crediting.told() == [("received", "least")]

    async def test_a_currency_without_a_least_amount_is_credited(
        self, crediting: Crediting
    ) -> None:
        """As a token is that is no longer listed."""
        terms = replace(terms_of(CONFIG), currency="LTC")
        crediting.credits = Credits(crediting.pool, TABLES, terms, SystemClock())
        await crediting.arrived("a", satoshi=1)
        assert await crediting.told() == [("received", "a")]

    async def test_in_the_order_of_blocks(self, crediting: Crediting) -> None:
        await crediting.arrived("a", height=DEEP)
        await crediting.arrived("b", height=DEEP - 5)
        assert await crediting.told() == [("received", "b"), ("received", "a")]

    async def test_one_confirmation_may_be_enough(self, crediting: Crediting) -> None:
        config = bitcoin.config(confirmations=1)
        crediting.credits = Credits(crediting.pool, TABLES, terms_of(config), SystemClock())
        await crediting.arrived("tip", height=HEIGHT)
        await crediting.arrived("later", height=HEIGHT + 1)
        assert await crediting.told() == [("received", "tip")]

    @pytest.mark.parametrize(("request_", "kinds"), [(PRICED, []), (IN_BTC, ["received"])])
    async def test_in_another_currency_it_waits_for_the_rate(
        self, crediting: Crediting, request_: str, kinds: list[str]
    ) -> None:
        payment = await crediting.rows.attempt(
            "bitcoin", state="done", operation="deposit", request=request_
        )
        await crediting.arrived(payment_id=payment)
        assert [one.kind for one in await crediting.run()] == kinds

    @pytest.mark.parametrize(
        "change",
        [
            f"deposit_id = '{uuid4()}'",
            f"received_as = '{uuid4()}'",
            "block_hash = 'another', height = 400",
        ],
        ids=["settled", "received", "another block"],
    )
    async def test_what_changes_meanwhile_is_not_credited(
        self, crediting: Crediting, change: str
    ) -> None:
        await crediting.arrived()
        assert await crediting.while_it_reads(f"update bitcoin.output set {change}") == []

    async def test_the_mark_is_on_this_arrival_only(self, crediting: Crediting) -> None:
        await crediting.arrived("a", vout=1)
        await crediting.arrived("a", vout=0, height=HEIGHT)
        await crediting.arrived("b", vout=1, height=HEIGHT)
        await crediting.change("block_hash = 'block-499'", "b")
        await crediting.rows.run("update bitcoin.output set block_hash = 'block-499'")
        assert await crediting.told() == [("received", "a")]
        found = await crediting.rows.all(
            "select txid, vout from bitcoin.output where received_as is not null"
        )
        assert found == [("a", 1)]


class TestReversed:
    async def test_what_was_received_and_is_in_no_block(self, crediting: Crediting) -> None:
        payment = uuid4()
        await crediting.arrived(height=None, received_as=payment, reversals=1)
        await crediting.arrived("b", height=None)
        await crediting.arrived("c", height=None, received_as=uuid4(), is_reversed=True)
        await crediting.arrived("d", received_as=uuid4())
        [one] = await crediting.run()
        assert (one.kind, one.payment_id, one.provider_reference) == ("reversed", payment, "a:0#2")
        assert one.amount == Money(10_000, "BTC")
        assert await crediting.rows.all(
            "select txid, reversals, is_reversed from bitcoin.output order by txid"
        ) == [("a", 2, True), ("b", 0, False), ("c", 0, True), ("d", 0, False)]
        assert await crediting.run() == []

    async def test_of_a_deposit_once_its_settlement_is_stored(self, crediting: Crediting) -> None:
        for state in ("done", "waiting", "review"):
            payment = await crediting.rows.attempt("bitcoin", state=state, operation="deposit")
            await crediting.arrived(state, height=None, payment_id=payment, deposit_id=payment)
        late = await crediting.rows.attempt("bitcoin", state="done", operation="deposit")
        await crediting.arrived("unclaimed", height=None, payment_id=late)
        [one] = await crediting.run()
        assert (one.kind, _arrival(one)) == ("reversed", "done")

    async def test_with_the_amount_that_it_was_credited_with(self, crediting: Crediting) -> None:
        await crediting.arrived(height=None, received_as=uuid4(), vout=3)
        for rail, hash_, place, minor in [
            ("ethereum", "a", 3, 1), ("bitcoin", "b", 3, 2), ("bitcoin", "a", 4, 3),
            ("bitcoin", "a", 3, 900),
        ]:  # fmt: skip
            await crediting.rows.put(
                "rates.credit", rail=rail, hash=hash_, place=place, payment_id=uuid4(),
                minor=minor, currency="USD",
            )  # fmt: skip
        [one] = await crediting.run()
        assert one.amount == Money(900, "USD")
        assert one.exchanged is not None
        assert one.exchanged.amount == Money(10_000, "BTC")

    @pytest.mark.parametrize(
        "state", [{"height": None}, {"is_reversed": True}], ids=["reversed", "reinstated"]
    )
    @pytest.mark.parametrize(
        "other", [("ethereum", "a", 3), ("bitcoin", "b", 3), ("bitcoin", "a", 4)]
    )
    async def test_not_with_the_amount_of_another(
        self, crediting: Crediting, state: dict[str, Any], other: tuple[str, str, int]
    ) -> None:
        await crediting.arrived(received_as=uuid4(), vout=3, **state)
        rail, hash_, place = other
        await crediting.rows.put(
            "rates.credit", rail=rail, hash=hash_, place=place, payment_id=uuid4(), minor=1,
            currency="USD",
        )  # fmt: skip
        assert [one.amount for one in await crediting.run()] == [Money(10_000, "BTC")]

    async def test_in_the_order_of_their_names(self, crediting: Crediting) -> None:
        for txid in ("b", "a"):
            await crediting.arrived(txid, height=None, received_as=uuid4())
        assert await crediting.told() == [("reversed", "a"), ("reversed", "b")]

    @pytest.mark.parametrize("change", ["height = 499, block_hash = 'b'", "is_reversed = true"])
    async def test_what_changes_meanwhile_is_not_taken_back(
        self, crediting: Crediting, change: str
    ) -> None:
        await crediting.arrived(height=None, received_as=uuid4())
        assert await crediting.while_it_reads(f"update bitcoin.output set {change}") == []

    async def test_the_mark_is_on_this_arrival_only(self, crediting: Crediting) -> None:
        await crediting.arrived("a", vout=1, height=None, received_as=uuid4())
        await crediting.arrived("a", vout=0, height=None)
        await crediting.arrived("b", vout=1, height=None)
        assert await crediting.told() == [("reversed", "a")]
        found = await crediting.rows.all("select txid, vout from bitcoin.output where is_reversed")
        assert found == [("a", 1)]


class TestReinstated:
    async def test_what_was_taken_back_and_is_deep_again(self, crediting: Crediting) -> None:
        known = {"received_as": uuid4(), "reversals": 2}
        await crediting.arrived(is_reversed=True, **known)
        await crediting.arrived("new", height=HEIGHT, is_reversed=True, **known)
        await crediting.arrived("pending", height=None, is_reversed=True, **known)
        await crediting.arrived("kept", **known)
        [one] = await crediting.run()
        assert (one.kind, one.payment_id, one.reversal_reference) == (
            "reinstated", known["received_as"], "a:0#2",
        )  # fmt: skip
        assert await crediting.run() == []

    async def test_in_the_order_of_blocks(self, crediting: Crediting) -> None:
        for txid, height in [("a", DEEP), ("b", DEEP - 5)]:
            await crediting.arrived(txid, height=height, is_reversed=True, received_as=uuid4())
        assert await crediting.told() == [("reinstated", "b"), ("reinstated", "a")]

    async def test_one_confirmation_may_be_enough(self, crediting: Crediting) -> None:
        config = bitcoin.config(confirmations=1)
        crediting.credits = Credits(crediting.pool, TABLES, terms_of(config), SystemClock())
        await crediting.arrived("tip", height=HEIGHT, is_reversed=True, received_as=uuid4())
        assert await crediting.told() == [("reinstated", "tip")]

    @pytest.mark.parametrize(
        "change", ["height = 400, block_hash = 'another'", "is_reversed = false"]
    )
    async def test_what_changes_meanwhile_is_not_credited_again(
        self, crediting: Crediting, change: str
    ) -> None:
        await crediting.arrived(is_reversed=True, received_as=uuid4())
        assert await crediting.while_it_reads(f"update bitcoin.output set {change}") == []

    async def test_the_mark_is_on_this_arrival_only(self, crediting: Crediting) -> None:
        known = {"is_reversed": True, "received_as": uuid4()}
        await crediting.arrived("a", vout=1, **known)
        await crediting.arrived("a", vout=0, height=HEIGHT, **known)
        await crediting.arrived("b", vout=1, height=HEIGHT, **known)
        await crediting.rows.run("update bitcoin.output set block_hash = 'block-499'")
        assert await crediting.told() == [("reinstated", "a")]
        found = await crediting.rows.all(
            "select txid, vout from bitcoin.output where not is_reversed"
        )
        assert found == [("a", 1)]


class TestDeposits:
    async def test_each_has_an_address_of_its_own(self, crediting: Crediting) -> None:
        one, other = uuid4(), uuid4()

        def derive(index: int) -> Derived:
            return Derived(f"addr-{index}", bytes([index]))

        found = [await crediting.deposits.assign(name, derive) for name in (one, other, one)]
        assert found == ["addr-0", "addr-1", "addr-0"]

    async def test_one_assignment_waits_for_the_other(self, crediting: Crediting) -> None:
        def derive(index: int) -> Derived:
            return Derived(f"addr-{index}", bytes([index]))

        await crediting.deposits.assign(uuid4(), derive)
        name = uuid4()
        async with crediting.rows.connection.transaction():
            await crediting.rows.run("update bitcoin.address_counter set next_index = 7")
            assigning = asyncio.create_task(crediting.deposits.assign(name, derive))
            await eventually(crediting.waits, "it waits for the counter")
        assert await assigning == "addr-7"

    async def test_its_arrivals_in_the_order_in_which_they_came(self, crediting: Crediting) -> None:
        payment = uuid4()
        for txid, minutes in [("a", 5), ("b", 1)]:
            at = AT + timedelta(minutes=minutes)
            await crediting.arrived(txid, payment_id=payment, first_seen_at=at)
        await crediting.arrived("c", payment_id=payment, received_as=uuid4())
        await crediting.arrived("d", payment_id=uuid4())
        assert [one.txid for one in await crediting.deposits.arrivals(payment)] == ["b", "a"]

    async def test_a_transaction_is_named_for_one_deposit(self, crediting: Crediting) -> None:
        payment = uuid4()
        await crediting.arrived("a")
        await crediting.arrived("a", vout=1, payment_id=uuid4())
        await crediting.arrived("a", vout=2, received_as=uuid4())
        await crediting.arrived("a", vout=3, first_seen_at=AT - timedelta(seconds=1))
        await crediting.arrived("b")
        await crediting.rows.put(
            "bitcoin.output", txid="a", vout=9, address="another", satoshi=1_000
        )
        assert await crediting.deposits.name_payment(payment, "a", "addr", since=AT) == 1
        assert await crediting.rows.all(
            "select txid, vout from bitcoin.output where payment_id = $1", payment
        ) == [("a", 0)]

    async def _claim(self, crediting: Crediting, payment: UUID, **arrival: Any) -> bool:
        known = {
            "txid": "a", "vout": 0, "satoshi": 1, "first_seen_at": AT, "height": DEEP,
            "block_hash": f"block-{DEEP}", **arrival,
        }  # fmt: skip
        return await crediting.deposits.claim(payment, [Output(**known)])

    async def test_it_is_settled_with_just_these(self, crediting: Crediting) -> None:
        payment, other = uuid4(), uuid4()
        await crediting.rows.put("bitcoin.address", index=0, address="addr", script=b"s")
        await crediting.rows.put(
            "bitcoin.block", hash=f"block-{DEEP}", height=DEEP, prev_hash="p", bits=1
        )
        await crediting.arrived("a", payment_id=payment)
        await crediting.arrived("a", vout=1, payment_id=payment)
        await crediting.arrived("b", payment_id=payment)
        await crediting.arrived("c", payment_id=other, deposit_id=other)
        for again in range(2):
            assert await self._claim(crediting, payment), again
            assert await crediting.rows.all(
                "select txid, vout from bitcoin.output where deposit_id = $1", payment
            ) == [("a", 0)]
        assert await crediting.rows.all(
            "select txid from bitcoin.output where deposit_id = $1", other
        ) == [("c",)]

    @pytest.mark.parametrize(
        "stored",
        [
            {"payment_id": None},
            {"height": DEEP - 1},
            {"received_as": UUID(int=1)},
            {"deposit_id": UUID(int=2)},
            {"vout": 1},
            {"txid": "b"},
        ],
        ids=["unnamed", "another block", "received", "settled", "another place", "another"],
    )
    async def test_not_with_one_that_is_not_so(
        self, crediting: Crediting, stored: dict[str, Any]
    ) -> None:
        payment = uuid4()
        await crediting.arrived(**{"payment_id": payment, **stored})
        assert not await self._claim(crediting, payment)
        [(deposit_id,)] = await crediting.rows.all("select deposit_id from bitcoin.output")
        assert deposit_id == stored.get("deposit_id")
