"""What the watcher stores and reads of its transactions: each condition, row by row."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from cift_shared.clock import SystemClock
from cift_shared.database.lease import Lease
from ethereum_watcher.consolidation_store import Account, StoredConsolidations
from ethereum_watcher.ether_transfers import Transfer
from ethereum_watcher.hot_account import undo
from ethereum_watcher.payout_plans import Room
from ethereum_watcher.payout_store import StoredPayouts
from tests.support.eventually import eventually
from tests.support.rows import AT, Rows, open_role, open_rows

HOT, DEPOSIT, PAYEE = b"\x01" * 20, b"\x02" * 20, b"\xaa" * 20
TOKEN, OTHER_TOKEN = b"\x03" * 20, b"\x04" * 20
GAS = 21_000
STATE = "select nonce, settled_hash, has_failed from ethereum.payout where payment_id = $1"


def transfer(room: Room, *, wei: int = 5, **over: Any) -> Transfer:
    known = {"chain_id": 1, "tip": 1, "max_fee": 2, "gas": GAS, "account": PAYEE, **over}
    return Transfer(nonce=room.nonce, wei=wei, **known)


@dataclass
class Paying:
    rows: Rows
    pool: "asyncpg.Pool[asyncpg.Record]"
    store: StoredPayouts
    rooms: list[Room] = field(default_factory=list)

    async def account(self, sender: bytes = HOT, **columns: Any) -> None:
        await self.rows.put("ethereum.hot_account", sender=sender, **columns)

    async def payout(self, *, version: int | None = 1, nonce: int | None, **payout: Any) -> UUID:
        """A payout, by default with its first version."""
        name, spend = uuid4(), {one: payout.pop(one) for one in ("max_fee",) if one in payout}
        known = {"sender": HOT, **payout}
        await self.rows.put("ethereum.payout", payment_id=name, nonce=nonce, **known)
        if version:
            await self.rows.put("ethereum.spend", payment_id=name, version=version, **spend)
        return name

    async def signed(self, name: UUID, hash_: str, version: int = 1) -> None:
        await self.rows.put(
            "ethereum_signer.signature", payment_id=name, version=version, hash=hash_
        )

    async def refused(self, name: UUID, version: int = 1) -> None:
        await self.rows.put("ethereum_signer.refusal", payment_id=name, version=version)

    async def mined(self, hash_: str, *, nonce: int, sender: bytes = HOT, **row: Any) -> None:
        await self.rows.put(
            "ethereum.hot_transaction", hash=hash_, sender=sender, nonce=nonce, **row
        )

    async def state(self, name: UUID) -> tuple[Any, ...]:
        return (await self.rows.all(STATE, name))[0]

    async def lease(self) -> Lease:
        taken = Lease("ethereum", "job:test", SystemClock())
        assert await taken.take(self.pool)
        return taken

    def make(self, room: Room) -> Transfer:
        self.rooms.append(room)
        return transfer(room)


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with (
        open_rows(emptied_database) as rows,
        open_role(emptied_database, "cift_ethereum") as pool,
    ):
        yield Paying(rows, pool, StoredPayouts(pool, HOT))


class TestRoom:
    async def test_an_account_that_was_never_read(self, paying: Paying) -> None:
        await paying.account(DEPOSIT)
        assert await paying.store.room() is None

    async def test_what_open_transactions_can_cost_at_most(self, paying: Paying) -> None:
        await paying.account(DEPOSIT, wei=1)
        await paying.account(chain_nonce=3, wei=10**6)
        await paying.payout(nonce=2, wei=77)  # in a block already
        first = await paying.payout(nonce=3, wei=1_000, max_fee=1)
        await paying.rows.put("ethereum.spend", payment_id=first, version=2, max_fee=20)
        await paying.payout(nonce=4, wei=40, max_fee=2, contract=TOKEN)
        await paying.payout(nonce=5, wei=10_000, sender=DEPOSIT)
        await paying.payout(nonce=None, wei=50_000)
        for contract, amount, sender in [(TOKEN, 100, HOT), (OTHER_TOKEN, 9, DEPOSIT)]:
            await paying.rows.put(
                "ethereum.hot_token", sender=sender, contract=contract, amount=amount
            )
        left = 10**6 - 1_000 - 20 * GAS - 2 * GAS
        assert await paying.store.room() == Room(5, left, 2, {TOKEN: 60})

    async def test_one_plan_waits_for_the_other(self, paying: Paying) -> None:
        await paying.account()
        async with paying.pool.acquire() as connection, connection.transaction():
            assert await paying.store.plan_in(connection, uuid4(), paying.make)
            second = asyncio.create_task(paying.store.plan_first(uuid4(), paying.make))

            async def waits() -> bool:
                return await paying.rows.somebody_waits() or second.done()

            await eventually(waits, "the second plan waits")
            assert len(paying.rooms) == 1
        assert await second
        assert [room.nonce for room in paying.rooms] == [0, 1]


class TestNextVersion:
    @pytest.mark.parametrize(("contract", "own"), [(None, 700), (TOKEN, 0)])
    async def test_what_the_versions_before_can_cost_is_free(
        self, paying: Paying, contract: bytes | None, own: int
    ) -> None:
        await paying.account(wei=10**7)
        await paying.payout(nonce=1, wei=13)
        name = await paying.payout(nonce=0, wei=700, max_fee=30, contract=contract)
        await paying.rows.put("ethereum.spend", payment_id=name, version=2, max_fee=20)
        assert await paying.store.plan_next(name, 3, paying.make)
        taken = 13 + 10 * GAS + own + 30 * GAS
        assert [room.wei for room in paying.rooms] == [10**7 - taken + own + 30 * GAS]

    async def test_none_once_a_block_has_its_nonce(self, paying: Paying) -> None:
        await paying.account(chain_nonce=1)
        name = await paying.payout(nonce=0)
        assert not await paying.store.plan_next(name, 2, paying.make)


class TestVersions:
    async def test_each_with_what_became_of_it(self, paying: Paying) -> None:
        await paying.account(chain_nonce=4)
        await paying.account(DEPOSIT, chain_nonce=9)
        name = await paying.payout(nonce=5, version=2)
        for version in (1, 3):
            await paying.rows.put("ethereum.spend", payment_id=name, version=version)
        await paying.signed(name, "0x2", 2)
        await paying.refused(name, 3)
        other = await paying.payout(nonce=6, version=1)
        await paying.signed(other, "0xother")
        await paying.refused(other)
        await paying.mined("0x2", nonce=5, height=42)
        found = await paying.store.versions(name)
        assert [
            (one.version, one.nonce, one.chain_nonce, one.hash, one.refusal, one.height)
            for one in found
        ] == [
            (1, 5, 4, None, None, None),
            (2, 5, 4, "0x2", None, 42),
            (3, 5, 4, None, "because", None),
        ]
        assert [one.fee for one in found] == [None, 7, None]

    @pytest.mark.parametrize(
        ("moved", "has_moved"),
        [
            ({}, True),
            ({"contract": OTHER_TOKEN}, False),
            ({"account": HOT}, False),
            ({"amount": 999}, False),
            ({"hash": "0xother"}, False),
        ],
    )
    async def test_a_token_has_moved_if_just_this_was_reported(
        self, paying: Paying, moved: dict[str, Any], has_moved: bool
    ) -> None:
        await paying.account()
        name = await paying.payout(nonce=0, contract=TOKEN)
        await paying.signed(name, "0x1")
        await paying.mined("0x1", nonce=0)
        row = {"hash": "0x1", "contract": TOKEN, "account": PAYEE, "amount": 1_000, **moved}
        await paying.rows.put("ethereum.hot_transfer", **row)
        assert [one.has_moved for one in await paying.store.versions(name)] == [has_moved]

    async def test_ether_needs_no_report(self, paying: Paying) -> None:
        await paying.account()
        name = await paying.payout(nonce=0)
        assert [one.has_moved for one in await paying.store.versions(name)] == [True]


async def test_whose_address_it_is(paying: Paying) -> None:
    await paying.rows.put("ethereum.address", index=1, address="0xd", script=DEPOSIT)
    assert [await paying.store.is_ours(one) for one in (HOT, DEPOSIT, PAYEE)] == [True, True, False]


async def test_only_the_first_broadcast_of_a_version_is_noted(paying: Paying) -> None:
    name = await paying.payout(nonce=0, version=2)
    await paying.rows.put("ethereum.spend", payment_id=name, version=1)
    await paying.payout(nonce=1, version=2)
    await paying.store.mark_sent(name, 2, at=AT, tip=7)
    await paying.store.mark_sent(name, 2, at=AT + timedelta(hours=1), tip=9)
    found = await paying.rows.all(
        "select payment_id, version, sent_at, sent_height from ethereum.spend "
        "where sent_at is not null"
    )
    assert found == [(name, 2, AT, 7)]


async def test_what_one_has_ended_with(paying: Paying) -> None:
    name, other = await paying.payout(nonce=0), await paying.payout(nonce=1)
    await paying.store.mark_settled(name, "0x1", has_failed=True)
    assert await paying.state(name) == (0, "0x1", True)
    assert await paying.state(other) == (1, None, False)


class TestRelease:
    async def test_a_refused_first_version_frees_its_nonce(self, paying: Paying) -> None:
        name, other = await paying.payout(nonce=0), await paying.payout(nonce=1)
        await paying.refused(name)
        await paying.refused(other)
        await paying.store.release(name)
        assert (await paying.state(name))[0] is None
        assert (await paying.state(other))[0] == 1

    async def test_not_before_it_is_refused(self, paying: Paying) -> None:
        name, other = await paying.payout(nonce=0), await paying.payout(nonce=1)
        await paying.refused(other)
        await paying.store.release(name)
        assert (await paying.state(name))[0] == 0

    async def test_not_for_a_refused_replacement(self, paying: Paying) -> None:
        name = await paying.payout(nonce=0)
        await paying.refused(name, 2)
        await paying.store.release(name)
        await paying.store.release_refused(await paying.lease())
        assert (await paying.state(name))[0] == 0

    async def test_not_if_anything_of_it_is_signed(self, paying: Paying) -> None:
        name, other = await paying.payout(nonce=0), await paying.payout(nonce=1)
        for one in (name, other):
            await paying.refused(one)
        await paying.signed(name, "0x1", 2)
        for one in (name, other):
            await paying.store.release(one)
        assert [(await paying.state(one))[0] for one in (name, other)] == [0, None]

    async def test_all_of_the_account(self, paying: Paying) -> None:
        refused = [await paying.payout(nonce=nonce) for nonce in (0, 1)]
        open_ = await paying.payout(nonce=2)
        elsewhere = await paying.payout(nonce=0, sender=DEPOSIT)
        for one in (*refused, elsewhere):
            await paying.refused(one)
        await paying.store.release_refused(await paying.lease())
        found = [(await paying.state(one))[0] for one in (*refused, open_, elsewhere)]
        assert found == [None, None, 2, 0]


class TestNonces:
    async def test_the_highest_that_is_signed(self, paying: Paying) -> None:
        assert await paying.store.highest_signed() is None
        for nonce in (3, 1):
            await paying.signed(await paying.payout(nonce=nonce), f"0x{nonce}")
        await paying.payout(nonce=8)
        await paying.signed(await paying.payout(nonce=9, sender=DEPOSIT), "0x9")
        assert await paying.store.highest_signed() == 3

    async def test_fillers_that_no_block_has(self, paying: Paying) -> None:
        filler = {"is_filler": True, "wei": 0, "account": HOT}
        await paying.account(chain_nonce=2)
        await paying.account(DEPOSIT)
        await paying.payout(nonce=1, **filler)
        open_ = await paying.payout(nonce=2, **filler)
        await paying.payout(nonce=3)
        await paying.payout(nonce=4, sender=DEPOSIT, **{**filler, "account": DEPOSIT})
        assert await paying.store.open_fillers() == [open_]

    async def test_those_of_somebody_else(self, paying: Paying) -> None:
        assert await paying.store.highest_foreign() is None
        await paying.signed(await paying.payout(nonce=5), "0x5")
        await paying.mined("0x5", nonce=5)
        await paying.mined("0x9", nonce=9, sender=DEPOSIT)
        for nonce in (3, 1):
            await paying.mined(f"0x{nonce}", nonce=nonce)
        assert await paying.store.highest_foreign() == 3

    async def test_each_of_somebody_else_is_told_once(self, paying: Paying) -> None:
        await paying.signed(await paying.payout(nonce=5), "0x5")
        await paying.mined("0x5", nonce=5)
        await paying.mined("0x9", nonce=9, sender=DEPOSIT)
        await paying.mined("0x3", nonce=3, height=4)
        lease = await paying.lease()
        told = await paying.store.tell_foreign(lease)
        assert [tuple(row) for row in told] == [("0x3", 3, 4)]
        assert await paying.store.tell_foreign(lease) == []


class TestUndone:
    async def test_a_settled_payout_of_which_no_block_has_a_version(self, paying: Paying) -> None:
        name = await paying.payout(nonce=0, settled_hash="0x1", has_failed=True)
        await paying.signed(name, "0x1")
        await paying.signed(name, "0x2", 2)
        other = await paying.payout(nonce=1, settled_hash="0x3")
        await paying.signed(other, "0x3")
        await paying.mined("0x3", nonce=1)
        await paying.signed(await paying.payout(nonce=2), "0x4")
        found = [
            (row["payment_id"], row["hash"], row["has_failed"])
            for row in await paying.store.undone()
        ]
        assert found == [(name, "0x1", True)]

    async def test_not_while_a_block_has_another_version(self, paying: Paying) -> None:
        name = await paying.payout(nonce=0, settled_hash="0x1")
        await paying.signed(name, "0x1")
        await paying.signed(name, "0x2", 2)
        await paying.mined("0x2", nonce=0)
        assert await paying.store.undone() == []

    async def test_an_undone_block_sets_the_nonce_of_each_account_back(
        self, paying: Paying
    ) -> None:
        await paying.account(chain_nonce=5)
        await paying.account(DEPOSIT, chain_nonce=1)
        await paying.account(PAYEE, chain_nonce=20)
        for hash_, nonce, block in [("0x3", 3, "b"), ("0x4", 4, "b"), ("0x2", 2, "before")]:
            await paying.mined(hash_, nonce=nonce, block_hash=block)
        await paying.mined("0x9", nonce=9, sender=DEPOSIT, block_hash="b")
        async with paying.pool.acquire() as connection:
            await undo(connection, "b")
        assert await paying.rows.all(
            "select chain_nonce from ethereum.hot_account order by sender"
        ) == [(3,), (1,), (20,)]
        assert await paying.rows.all("select hash from ethereum.hot_transaction") == [("0x2",)]


async def test_an_account_is_followed(paying: Paying) -> None:
    consolidations, lease = StoredConsolidations(paying.pool, paying.store), await paying.lease()
    await paying.account(DEPOSIT, chain_nonce=8)
    for account in (Account(1, 2, 3), Account(4, 5, 6)):
        await consolidations.follow(lease, HOT, account)
        found = await paying.rows.all("select * from ethereum.hot_account where sender = $1", HOT)
        assert found == [(HOT, account.height, account.nonce, account.wei)]


@pytest.mark.parametrize(
    ("name", "left", "is_there"),
    [("job:sign", 60, True), ("job:sign", -1, False), ("job:other", 60, False)],
)
async def test_a_signer_at_work(paying: Paying, name: str, left: int, is_there: bool) -> None:
    ends_at = SystemClock().now() + timedelta(seconds=left)
    await paying.rows.put("ethereum_signer.lease", name=name, epoch=1, ends_at=ends_at)
    assert await paying.store.has_signer() is is_there
