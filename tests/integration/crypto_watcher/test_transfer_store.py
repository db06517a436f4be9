"""Sweeps and consolidations as they are stored: each condition, row by row."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from bitcoin_watcher import consolidation_store, transfer_store
from bitcoin_watcher.consolidation_store import Consolidation
from bitcoin_watcher.transfer_store import Charge, Held, StoredTransfers
from tests.support.rows import AT, Rows, open_role, open_rows

HOUR = timedelta(hours=1)
FINAL = 100
STATE = "select released_at, charged_at from bitcoin.own_transfer where transfer_id = $1"


@dataclass
class Moving:
    rows: Rows
    pool: "asyncpg.Pool[asyncpg.Record]"
    store: StoredTransfers

    async def transfer(
        self, txid: str, transfer: dict[str, Any] | None = None, **spend: Any
    ) -> UUID:
        """A sweep, or what `transfer` makes of it, with its transaction."""
        name = uuid4()
        known = {"purpose": "sweep", **(transfer or {})}
        if known["purpose"] == "sweep":
            known = {"psbt": "p", "expires_at": AT, **known}
        await self.rows.put("bitcoin.own_transfer", transfer_id=name, **known)
        await self.spend(txid, transfer_id=name, **spend)
        return name

    async def consolidation(
        self, txid: str, transfer: dict[str, Any] | None = None, **spend: Any
    ) -> UUID:
        return await self.transfer(txid, {"purpose": "consolidation", **(transfer or {})}, **spend)

    async def spend(self, txid: str, **spend: Any) -> None:
        if spend.get("height"):
            spend["block_hash"] = "b"
        await self.rows.put("bitcoin.spend", txid=txid, **spend)

    async def output(self, txid: str, **row: Any) -> None:
        await self.rows.put("bitcoin.spend_output", spend_txid=txid, **row)

    async def arrived(self, txid: str, satoshi: int, *, height: int | None = 1, **row: Any) -> None:
        known = {"address": "mine", "block_hash": None if height is None else "b", **row}
        await self.rows.put("bitcoin.output", txid=txid, satoshi=satoshi, height=height, **known)

    async def reserved(self, txid: str, vout: int = 0, **owner: Any) -> None:
        known = owner or {"payment_id": uuid4()}
        await self.rows.put("bitcoin.reserved_coin", txid=txid, vout=vout, **known)

    async def refused(self, txid: str, name: UUID) -> None:
        await self.rows.put("bitcoin_signer.refusal", txid=txid, transfer_id=name)

    async def signed(self, txid: str, name: UUID) -> None:
        await self.rows.put("bitcoin_signer.signature", txid=txid, transfer_id=name)

    async def state(self, name: UUID) -> tuple[Any, ...]:
        return (await self.rows.all(STATE, name))[0]

    async def coins(self) -> list[str]:
        found = await self.rows.all("select txid from bitcoin.reserved_coin order by txid")
        return [txid for (txid,) in found]

    async def release(self, txid: str) -> bool:
        async with self.pool.acquire() as connection:
            return await transfer_store.release(connection, txid, AT)

    async def give_back(self, name: UUID) -> bool:
        async with self.pool.acquire() as connection:
            one = Consolidation(transfer_id=name, txid="t")
            return await consolidation_store.give_back(connection, one, AT)

    async def mark_charged(self, name: UUID) -> bool:
        async with self.pool.acquire() as connection:
            return await transfer_store.mark_charged(connection, Charge(name, "sweep", "t", 1), AT)


@pytest.fixture
async def moving(emptied_database: str) -> AsyncIterator[Moving]:
    async with (
        open_rows(emptied_database) as rows,
        open_role(emptied_database, "cift_bitcoin") as pool,
    ):
        await rows.put(
            "bitcoin.address", index=0, address="mine", script=b"\x61", payment_id=uuid4()
        )
        await rows.put("bitcoin.address", index=1, address="shared", script=b"\x62")
        yield Moving(rows, pool, StoredTransfers(pool))


class TestHeld:
    async def test_nothing(self, moving: Moving) -> None:
        assert await moving.store.held() == Held(0, 0, 0)

    async def test_deposits_at_addresses_of_the_wallet(self, moving: Moving) -> None:
        await moving.arrived("a", 1)
        await moving.arrived("b", 10)
        await moving.arrived("c", 100, height=None, in_mempool=True)
        await moving.arrived("d", 200, height=None, in_mempool=True)
        await moving.arrived("gone", 1_000, height=None)
        await moving.arrived("shared", 10_000, address="shared")
        assert await moving.store.held() == Held(11, 300, 0)

    async def test_what_is_reserved_of_it(self, moving: Moving) -> None:
        for txid, satoshi in [("a", 1), ("b", 10), ("c", 100)]:
            await moving.arrived(txid, satoshi)
        await moving.arrived("d", 1_000, height=None, in_mempool=True)
        for txid, vout in [("a", 0), ("b", 1), ("c", 0), ("d", 0)]:
            await moving.reserved(txid, vout)
        assert await moving.store.held() == Held(111, 1_000, 101)

    async def test_not_what_a_block_has_spent(self, moving: Moving) -> None:
        for txid, satoshi in [("a", 1), ("b", 10), ("c", 100)]:
            await moving.arrived(txid, satoshi)
        await moving.spend("mined", payment_id=uuid4(), height=5)
        await moving.spend("open", payment_id=uuid4())
        for place, (spend, txid, vout) in enumerate(
            [("mined", "a", 0), ("open", "b", 0), ("mined", "c", 1)]
        ):
            await moving.rows.put(
                "bitcoin.spend_input", spend_txid=spend, place=place, txid=txid, vout=vout
            )
        assert await moving.store.held() == Held(110, 0, 0)

    async def test_change_of_payouts(self, moving: Moving) -> None:
        for txid, satoshi, spend in [
            ("mined", 1, {"height": 5}),
            ("sent", 10, {"sent_at": AT}),
            ("planned", 100, {}),
        ]:
            await moving.spend(txid, payment_id=uuid4(), **spend)
            await moving.output(txid, satoshi=satoshi)
            await moving.output(txid, vout=1, satoshi=1_000, is_change=False)
        assert await moving.store.held() == Held(1, 10, 0)

    async def test_change_of_the_last_version_that_was_sent(self, moving: Moving) -> None:
        replaced, mined, planned, again = (uuid4() for _ in range(4))
        for txid, owner, version, satoshi, spend in [
            ("r1", replaced, 1, 1, {"sent_at": AT}),
            ("r2", replaced, 2, 2, {"sent_at": AT}),
            ("m1", mined, 2, 4, {"sent_at": AT}),
            ("m2", mined, 1, 8, {"sent_at": AT, "height": 5}),
            ("p1", planned, 1, 16, {"sent_at": AT}),
            ("p2", planned, 2, 32, {}),
            ("a1", again, 1, 64, {"sent_at": AT}),
        ]:
            await moving.spend(txid, payment_id=owner, version=version, **spend)
            await moving.output(txid, satoshi=satoshi)
        assert await moving.store.held() == Held(8, 2 + 16 + 64, 0)

    async def test_change_of_transfers_once_seen(self, moving: Moving) -> None:
        for txid, satoshi, transfer, spend in [
            ("seen", 1, {"seen_at": AT}, {}),
            ("unseen", 10, {}, {}),
            ("mined", 100, {}, {"height": 5}),
        ]:
            await moving.transfer(txid, transfer, **spend)
            await moving.output(txid, satoshi=satoshi)
        assert await moving.store.held() == Held(100, 1, 0)


async def test_whose_script_it_is(moving: Moving) -> None:
    await moving.spend("a", payment_id=uuid4())
    await moving.output("a", script=b"\x71")
    await moving.output("a", vout=1, script=b"\x72", is_change=False)
    scripts = (b"\x61", b"\x62", b"\x71", b"\x72", b"\x73")
    assert [await moving.store.is_hot(one) for one in scripts] == [True, False, True, False, False]


class TestSweeps:
    async def test_the_oldest_that_is_open(self, moving: Moving) -> None:
        await moving.transfer("released", {"created_at": AT, "released_at": AT})
        await moving.transfer("mined", {"created_at": AT}, height=5)
        await moving.consolidation("moved", {"created_at": AT})
        await moving.transfer("late", {"created_at": AT + 2 * HOUR})
        name = await moving.transfer("early", {"created_at": AT + HOUR, "seen_at": AT})
        for vout, satoshi, is_change in [(0, 500, False), (1, 70, True), (2, 9, False)]:
            await moving.output("early", vout=vout, satoshi=satoshi, is_change=is_change)
        await moving.output("late", satoshi=1, is_change=False)
        found = await moving.store.open_sweep()
        assert found is not None
        assert (found.transfer_id, found.txid, found.satoshi, found.is_seen) == (
            name, "early", 509, True,
        )  # fmt: skip

    async def test_none_is_open(self, moving: Moving) -> None:
        await moving.transfer("mined", height=5)
        assert await moving.store.open_sweep() is None

    async def test_those_whose_time_is_over(self, moving: Moving) -> None:
        await moving.transfer("due", {"expires_at": AT})
        await moving.transfer("open", {"expires_at": AT + HOUR})
        await moving.transfer("seen", {"seen_at": AT})
        await moving.transfer("released", {"released_at": AT})
        await moving.transfer("mined", height=5)
        await moving.consolidation("moved")
        for txid in ("due", "open", "seen"):
            await moving.output(txid, satoshi=500, is_change=False)
            await moving.output(txid, vout=1, satoshi=7)
        await moving.output("due", vout=2, satoshi=11, is_change=False)
        found = await moving.store.expired(AT)
        assert [(one.txid, one.satoshi, one.is_seen) for one in found] == [("due", 511, False)]

    async def test_one_is_released_with_its_coins(self, moving: Moving) -> None:
        name, other = await moving.transfer("a"), await moving.transfer("b")
        await moving.reserved("coin", transfer_id=name)
        await moving.reserved("of-another", transfer_id=other)
        assert [await moving.release("a") for _ in range(2)] == [True, False]
        assert await moving.coins() == ["of-another"]
        assert [(await moving.state(one))[0] for one in (name, other)] == [AT, None]

    @pytest.mark.parametrize(
        ("transfer", "spend"),
        [
            ({"seen_at": AT}, {}),
            ({"released_at": AT + HOUR}, {}),
            ({"purpose": "consolidation"}, {}),
            ({}, {"height": 5}),
        ],
        ids=["seen", "released", "no sweep", "mined"],
    )
    async def test_no_other_is_released(
        self, moving: Moving, transfer: dict[str, Any], spend: dict[str, Any]
    ) -> None:
        name = await moving.transfer("a", transfer, **spend)
        await moving.reserved("coin", transfer_id=name)
        before = await moving.state(name)
        assert not await moving.release("a")
        assert (await moving.coins(), await moving.state(name)) == (["coin"], before)


class TestFees:
    async def test_in_the_order_of_blocks(self, moving: Moving) -> None:
        late = await moving.transfer("a", height=FINAL, fee=3)
        early = await moving.consolidation("b", height=FINAL - 1, fee=4)
        await moving.transfer("new", height=FINAL + 1)
        await moving.transfer("open")
        await moving.transfer("told", {"charged_at": AT}, height=5)
        assert await moving.store.uncharged(FINAL) == [
            Charge(early, "consolidation", "b", 4),
            Charge(late, "sweep", "a", 3),
        ]

    async def test_each_is_told_once_while_its_block_is_there(self, moving: Moving) -> None:
        name = await moving.transfer("a", height=5)
        undone = await moving.transfer("b")
        other = await moving.transfer("c", height=5)
        assert not await moving.mark_charged(undone)
        assert [await moving.mark_charged(name) for _ in range(2)] == [True, False]
        found = [(await moving.state(one))[1] for one in (name, undone, other)]
        assert found == [AT, None, None]


class TestConsolidations:
    @pytest.mark.parametrize(
        ("transfer", "is_planned"),
        [
            ({"created_at": AT + HOUR}, True),
            ({"created_at": AT}, False),
            ({"created_at": AT + HOUR, "purpose": "sweep"}, False),
        ],
    )
    async def test_was_one_planned_since(
        self, moving: Moving, transfer: dict[str, Any], is_planned: bool
    ) -> None:
        await moving.transfer("a", {"purpose": "consolidation", **transfer})
        found = await moving.pool.fetchval(consolidation_store.PLANNED_SINCE, AT)
        assert found is is_planned

    async def test_the_open_ones_the_oldest_first(self, moving: Moving) -> None:
        late = await moving.consolidation("late", {"created_at": AT + HOUR}, sent_height=7)
        early = await moving.consolidation("early", {"created_at": AT})
        await moving.consolidation("released", {"released_at": AT})
        await moving.consolidation("mined", height=5)
        await moving.transfer("sweep")
        await moving.signed("late", late)
        await moving.refused("early", early)
        await moving.signed("other", uuid4())
        await moving.refused("another", uuid4())
        rows = await moving.pool.fetch(consolidation_store.OPEN)
        assert [Consolidation(**row) for row in rows] == [
            Consolidation(transfer_id=early, txid="early", refusal="because"),
            Consolidation(transfer_id=late, txid="late", sent_height=7, raw=b"r"),
        ]

    async def test_the_coins_of_one_that_is_not_signed_are_given_back(self, moving: Moving) -> None:
        name, other, signed = [await moving.consolidation(txid) for txid in ("a", "b", "c")]
        for txid, owner in [("a", name), ("b", other), ("c", signed)]:
            await moving.reserved(txid, transfer_id=owner)
        await moving.signed("c", signed)
        assert [await moving.give_back(one) for one in (name, name, signed)] == [
            True, False, False,
        ]  # fmt: skip
        assert await moving.coins() == ["b", "c"]
        found = [(await moving.state(one))[0] for one in (name, other, signed)]
        assert found == [AT, None, None]
