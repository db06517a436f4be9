"""Coins, planned transactions and their groups as they are stored: each condition, row by row."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.payout_groups import Member, PayoutGroups
from bitcoin_watcher.payout_store import StoredPayouts
from bitcoin_watcher.spend_store import MATURITY, Draft, coins_of, small_coins_of
from cift_shared.clock import SystemClock
from cift_shared.ids import SystemIds
from tests.support.eventually import eventually
from tests.support.rows import AT, Rows, open_role, open_rows

TIP, DEPTH = 500, 3
DEEP = TIP - DEPTH + 1
"""The newest block of a deposit that can be spent."""
RIPE = TIP - MATURITY + 1
HELD = "select txid, vout, payment_id from bitcoin.reserved_coin order by txid, vout"
MINUTE = timedelta(minutes=1)


@dataclass
class Paying:
    rows: Rows
    pool: "asyncpg.Pool[asyncpg.Record]"
    store: StoredPayouts
    groups: PayoutGroups
    indices: list[int] = field(default_factory=list)
    members: list[list[Member]] = field(default_factory=list)

    async def arrived(self, txid: str, *, height: int | None = DEEP, **output: Any) -> None:
        """A deposit's coin; its address has the index 4."""
        block = None if height is None else "b"
        await self.rows.put(
            "bitcoin.output", txid=txid, address="addr", height=height, block_hash=block, **output
        )

    async def change(self, txid: str, *, height: int | None = TIP, **output: Any) -> None:
        """What a transaction of ours has paid back to us."""
        block = None if height is None else "b"
        await self.rows.put(
            "bitcoin.spend", txid=txid, payment_id=uuid4(), change_index=6, height=height,
            block_hash=block,
        )  # fmt: skip
        await self.rows.put("bitcoin.spend_output", spend_txid=txid, **output)

    async def spend(self, txid: str, name: UUID, version: int = 1, **spend: Any) -> None:
        if spend.get("height"):
            spend["block_hash"] = "b"
        await self.rows.put("bitcoin.spend", txid=txid, payment_id=name, version=version, **spend)

    async def payout(self, **payout: Any) -> UUID:
        name = payout.pop("payment_id", None) or uuid4()
        await self.rows.put("bitcoin.payout", payment_id=name, **payout)
        return name

    async def signed(self, txid: str, name: UUID, version: int = 1) -> None:
        await self.rows.put("bitcoin_signer.signature", txid=txid, payment_id=name, version=version)

    async def reserved(self, txid: str, name: UUID, vout: int = 0) -> None:
        await self.rows.put("bitcoin.reserved_coin", txid=txid, vout=vout, payment_id=name)

    async def held(self) -> list[tuple[Any, ...]]:
        return await self.rows.all(HELD)

    async def spendable(self) -> list[str]:
        return [coin.txid for coin in await coins_of(self.pool, tip=TIP, depth=DEPTH)]

    async def small(self, most: int = 1_000) -> list[str]:
        async with self.pool.acquire() as connection:
            found = await small_coins_of(connection, tip=TIP, depth=DEPTH, satoshi_max=most)
        return [coin.txid for coin in found]

    async def plan(self, name: UUID, number: int = 1, coins: Sequence[Coin] = ()) -> bool:
        return await self.store.plan(
            name, (b"\x51", 700), tip=TIP, depth=DEPTH, number=number,
            make=lambda _, index: self.draft(index, coins),
        )  # fmt: skip

    def draft(self, index: int, coins: Sequence[Coin] = ()) -> Draft:
        self.indices.append(index)
        return Draft(
            txid=f"tx-{len(self.indices)}", unsigned=b"u", fee=5, weight=400, coins=coins,
            outputs=[(b"\x51", 700, False), (b"\x52", 300, True)],
        )  # fmt: skip

    async def plan_group(self, name: UUID, most: int = 10, fits: int = 10) -> bool:
        def make(members: Sequence[Member], _: Sequence[Coin], index: int) -> Draft | None:
            self.members.append(list(members))
            return self.draft(index) if len(members) <= fits else None

        return await self.groups.plan_group(name, make, tip=TIP, depth=DEPTH, members_max=most)


@pytest.fixture
async def paying(emptied_database: str) -> AsyncIterator[Paying]:
    async with (
        open_rows(emptied_database) as rows,
        open_role(emptied_database, "cift_bitcoin") as pool,
    ):
        await rows.put("bitcoin.address", index=4, address="addr", script=b"\x61")
        yield Paying(rows, pool, StoredPayouts(pool), PayoutGroups(pool, SystemIds()))


class TestCoins:
    async def test_of_a_deposit_and_of_change(self, paying: Paying) -> None:
        await paying.arrived("deposit", satoshi=30)
        await paying.change("change", vout=1, satoshi=20)
        assert await paying.store.spendable(tip=TIP, depth=DEPTH) == [
            Coin("deposit", 0, 30, 0, 4, b"\x61"),
            Coin("change", 1, 20, 1, 6, b"\x52"),
        ]

        async with paying.pool.acquire() as connection:
            small = await small_coins_of(connection, tip=TIP, depth=DEPTH, satoshi_max=30)
        assert small == [
            Coin("change", 1, 20, 1, 6, b"\x52"),
            Coin("deposit", 0, 30, 0, 4, b"\x61"),
        ]

    async def test_a_deposit_needs_its_depth_and_a_reward_more(self, paying: Paying) -> None:
        await paying.arrived("deep")
        await paying.arrived("new", height=DEEP + 1)
        await paying.arrived("pending", height=None, in_mempool=True)
        await paying.arrived("ripe", height=RIPE, is_coinbase=True)
        await paying.arrived("unripe", height=RIPE + 1, is_coinbase=True)
        assert await paying.spendable() == ["deep", "ripe"]

    async def test_change_is_ours_and_in_a_block(self, paying: Paying) -> None:
        await paying.change("ours")
        await paying.change("theirs", is_change=False)
        await paying.change("pending", height=None)
        assert await paying.spendable() == ["ours"]

    async def test_not_what_is_reserved(self, paying: Paying) -> None:
        for txid in ("free", "held"):
            await paying.arrived(txid)
        await paying.reserved("held", uuid4())
        await paying.reserved("free", uuid4(), vout=1)
        assert await paying.spendable() == ["free"]
        assert await paying.small() == ["free"]

    async def test_the_largest_first_and_of_small_ones_the_smallest(self, paying: Paying) -> None:
        for txid, satoshi in [("a", 1_000), ("b", 2_000), ("c", 900)]:
            await paying.arrived(txid, satoshi=satoshi)
        await paying.change("d", satoshi=950)
        assert await paying.spendable() == ["b", "a", "d", "c"]
        assert await paying.small() == ["c", "d", "a"]

    async def test_small_ones_have_the_same_terms(self, paying: Paying) -> None:
        await paying.arrived("deep")
        await paying.arrived("new", height=DEEP + 1)
        await paying.arrived("ripe", height=RIPE, is_coinbase=True)
        await paying.arrived("unripe", height=RIPE + 1, is_coinbase=True)
        await paying.change("theirs", is_change=False)
        await paying.change("pending", height=None)
        assert await paying.small() == ["deep", "ripe"]

    async def test_a_small_one_that_was_signed_before_is_left(self, paying: Paying) -> None:
        for txid in ("fresh", "planned", "signed"):
            await paying.arrived(txid)
            await paying.rows.put("bitcoin.spend_input", spend_txid=f"of-{txid}", txid=txid)
        await paying.signed("of-signed", uuid4())
        await paying.rows.put(
            "bitcoin.spend_input", spend_txid="of-signed", place=1, txid="fresh", vout=1
        )
        assert sorted(await paying.small()) == ["fresh", "planned"]


class TestPlan:
    async def test_it_is_stored_with_its_coins_in_their_order(self, paying: Paying) -> None:
        name = uuid4()
        coins = [Coin("b", 1, 600, 0, 4, b""), Coin("a", 0, 400, 1, 6, b"")]
        assert await paying.plan(name, coins=coins)
        assert await paying.store.inputs("tx-1") == coins
        places = "select place, txid from bitcoin.spend_input order by place"
        assert await paying.rows.all(places) == [(0, "b"), (1, "a")]
        assert await paying.held() == [("a", 0, name), ("b", 1, name)]
        assert await paying.rows.all(
            "select vout, script, satoshi, is_change from bitcoin.spend_output order by vout"
        ) == [(0, b"\x51", 700, False), (1, b"\x52", 300, True)]

    async def test_a_replacement_keeps_the_coins_and_adds_some(self, paying: Paying) -> None:
        name, other = uuid4(), uuid4()
        first, second = Coin("a", 0, 600, 0, 4, b""), Coin("b", 1, 400, 0, 4, b"")
        assert await paying.plan(other, coins=[Coin("o", 0, 1, 0, 4, b"")])
        assert await paying.plan(name, coins=[first])
        assert await paying.plan(name, 2, coins=[first, second])
        assert await paying.held() == [("a", 0, name), ("b", 1, name), ("o", 0, other)]
        assert await paying.store.inputs("tx-3") == [first, second]

    async def test_the_coin_of_another_is_not_spent(self, paying: Paying) -> None:
        coin = Coin("a", 0, 600, 0, 4, b"")
        assert await paying.plan(uuid4(), coins=[coin])
        with pytest.raises(asyncpg.UniqueViolationError):
            await paying.plan(uuid4(), coins=[coin])

    async def test_each_has_an_index_of_change_and_waits_for_the_one_before(
        self, paying: Paying
    ) -> None:
        assert await paying.plan(uuid4())
        async with paying.pool.acquire() as connection, connection.transaction():
            await connection.execute("select from bitcoin.change_counter for update")
            second = asyncio.create_task(paying.plan(uuid4()))

            async def waits() -> bool:
                return await paying.rows.somebody_waits() or second.done()

            await eventually(waits, "the second plan waits")
            assert len(paying.indices) == 1
        assert await second
        assert await paying.plan(uuid4())
        assert paying.indices == [0, 1, 2]

    async def test_what_is_planned_is_not_planned_again(self, paying: Paying) -> None:
        name = uuid4()
        assert [await paying.plan(name), await paying.plan(name)] == [True, True]
        assert len(paying.indices) == 1


async def test_versions_of_a_payout_alone(paying: Paying) -> None:
    name = await paying.payout()
    await paying.spend("b", name, 2, height=9)
    await paying.spend("a", name, 1)
    await paying.spend("c", name, 3)
    await paying.spend("other", await paying.payout())
    await paying.signed("b", name, 2)
    await paying.signed("other", uuid4())
    await paying.rows.put("bitcoin_signer.refusal", txid="c", payment_id=name)
    found = await paying.store.versions(name)
    assert [(one.txid, one.height, one.raw, one.refusal) for one in found] == [
        ("a", None, None, None),
        ("b", 9, b"r", None),
        ("c", None, None, "because"),
    ]


async def test_versions_of_a_payout_in_a_group(paying: Paying) -> None:
    group = uuid4()
    other, name = await paying.payout(group_id=uuid4()), await paying.payout(group_id=group)
    await paying.spend("group", group)
    await paying.spend("own", name)
    await paying.spend("other", other)
    assert [one.txid for one in await paying.store.versions(name)] == ["group"]


async def test_whose_script_it_is(paying: Paying) -> None:
    await paying.change("change", script=b"\x71")
    await paying.change("paid", script=b"\x72", is_change=False)
    found = [await paying.store.is_ours(one) for one in (b"\x61", b"\x71", b"\x72", b"\x73")]
    assert found == [True, True, False, False]


async def test_only_the_first_broadcast_of_a_version_is_noted(paying: Paying) -> None:
    for txid in ("a", "b"):
        await paying.spend(txid, uuid4())
    await paying.store.mark_sent("a", at=AT, tip=7)
    await paying.store.mark_sent("a", at=AT + MINUTE, tip=9)
    found = await paying.rows.all(
        "select txid, sent_at, sent_height from bitcoin.spend order by txid"
    )
    assert found == [("a", AT, 7), ("b", None, None)]


async def test_what_one_is_settled_with(paying: Paying) -> None:
    name, other = await paying.payout(), await paying.payout()
    await paying.store.mark_settled(name, "a")
    found = await paying.rows.all("select payment_id, settled_txid from bitcoin.payout")
    assert sorted(found) == sorted([(name, "a"), (other, None)])


class TestRelease:
    async def test_the_coins_of_a_payout_of_which_nothing_is_signed(self, paying: Paying) -> None:
        name, other, signed = uuid4(), uuid4(), uuid4()
        for txid, owner in [("a", name), ("b", other), ("c", signed)]:
            await paying.reserved(txid, owner)
        await paying.signed("x", signed)
        for owner in (name, signed):
            await paying.store.release(owner)
        assert await paying.held() == [("b", 0, other), ("c", 0, signed)]

    @pytest.mark.parametrize("in_group", [False, True])
    async def test_coins_of_a_replaced_version_once_the_other_is_final(
        self, paying: Paying, in_group: bool
    ) -> None:
        group = uuid4() if in_group else None
        name = await paying.payout(settled_txid="final", group_id=group)
        owner = group or name
        await paying.spend("final", owner, height=RIPE - 1)
        await paying.rows.put("bitcoin.spend_input", spend_txid="final", txid="spent", vout=1)
        await paying.rows.put("bitcoin.spend_input", spend_txid="x", txid="unused")
        for txid, vout in [("spent", 1), ("spent", 2), ("unused", 1), ("unused", 0)]:
            await paying.reserved(txid, owner, vout)
        await paying.reserved("z", uuid4())
        await paying.store.release_unused(tip=TIP)
        assert [row[:2] for row in await paying.held()] == [("spent", 1), ("z", 0)]

    async def test_not_before_it_is_final(self, paying: Paying) -> None:
        name = await paying.payout(settled_txid="final")
        await paying.spend("final", name, height=RIPE)
        await paying.reserved("unused", name)
        await paying.store.release_unused(tip=TIP)
        assert len(await paying.held()) == 1


class TestUndone:
    @pytest.mark.parametrize("in_group", [False, True])
    async def test_a_settled_payout_that_no_block_has(self, paying: Paying, in_group: bool) -> None:
        group = uuid4() if in_group else None
        name = await paying.payout(settled_txid="a", group_id=group)
        await paying.spend("a", group or name)
        await paying.spend("older", group or name, 2)
        await paying.signed("a", group or name)
        await paying.spend("mined", uuid4(), height=7)
        assert await paying.store.undone() == [(name, "a", b"r")]

    @pytest.mark.parametrize("in_group", [False, True])
    async def test_not_while_a_block_has_a_version_of_it(
        self, paying: Paying, in_group: bool
    ) -> None:
        group = uuid4() if in_group else None
        name = await paying.payout(settled_txid="a", group_id=group)
        await paying.spend("a", group or name)
        await paying.spend("b", group or name, 2, height=7)
        await paying.signed("a", group or name)
        assert await paying.store.undone() == []

    async def test_not_what_is_open(self, paying: Paying) -> None:
        name = await paying.payout()
        await paying.spend("a", name)
        await paying.signed("a", name)
        assert await paying.store.undone() == []


@pytest.mark.parametrize(
    ("name", "left", "is_there"),
    [("job:sign", 60, True), ("job:sign", -1, False), ("job:other", 60, False)],
)
async def test_a_signer_at_work(paying: Paying, name: str, left: int, is_there: bool) -> None:
    ends_at = SystemClock().now() + timedelta(seconds=left)
    await paying.rows.put("bitcoin_signer.lease", name=name, epoch=1, ends_at=ends_at)
    assert await paying.store.has_signer() is is_there


class TestGroups:
    async def test_those_that_wait_are_paid_together_the_asked_first(self, paying: Paying) -> None:
        late = await paying.payout(created_at=AT + MINUTE)
        early = await paying.payout(created_at=AT)
        mine = await paying.payout(created_at=AT + 2 * MINUTE)
        await paying.payout(group_id=uuid4(), created_at=AT)
        await paying.payout(is_alone=True, created_at=AT)
        await paying.spend("planned", await paying.payout(created_at=AT))
        assert await paying.plan_group(mine)
        assert [one.payment_id for one in paying.members[0]] == [mine, early, late]
        [(group, count)] = await paying.rows.all(
            "select group_id, count(*) from bitcoin.payout where group_id = "
            "(select payment_id from bitcoin.spend where txid = 'tx-1') group by 1"
        )
        assert (group not in {mine, early, late}, count) == (True, 3)
        found = [one.payment_id for one in await paying.groups.members(early)]
        assert found == sorted([mine, early, late])

    async def test_so_many_at_most(self, paying: Paying) -> None:
        mine = await paying.payout(created_at=AT + MINUTE)
        first, _ = await paying.payout(created_at=AT), await paying.payout(created_at=AT + MINUTE)
        assert await paying.plan_group(mine, most=2)
        assert [one.payment_id for one in paying.members[0]] == [mine, first]

    async def test_one_that_was_in_a_refused_group_is_paid_alone(self, paying: Paying) -> None:
        mine = await paying.payout(is_alone=True)
        await paying.payout()
        assert await paying.plan_group(mine)
        assert [one.payment_id for one in paying.members[0]] == [mine]
        assert await paying.rows.all("select payment_id from bitcoin.spend") == [(mine,)]

    async def test_those_that_do_not_fit_together(self, paying: Paying) -> None:
        mine, other = await paying.payout(created_at=AT), await paying.payout()
        assert await paying.plan_group(mine, fits=1)
        assert [one.payment_id for one in await paying.groups.members(mine)] == [mine]
        assert [one.payment_id for one in await paying.groups.members(other)] == [other]

    async def test_a_refused_group_is_taken_apart(self, paying: Paying) -> None:
        group, elsewhere = uuid4(), uuid4()
        mine, other = await paying.payout(group_id=group), await paying.payout(group_id=group)
        stranger = await paying.payout(group_id=elsewhere)
        for txid, owner in [("a", group), ("b", elsewhere)]:
            await paying.reserved(txid, owner)
        await paying.signed("x", elsewhere)
        assert await paying.groups.dissolve(mine)
        assert await paying.held() == [("b", 0, elsewhere)]
        found = await paying.rows.all("select payment_id, group_id, is_alone from bitcoin.payout")
        assert sorted(found) == sorted(
            [(mine, None, True), (other, None, True), (stranger, elsewhere, False)]
        )

    async def test_a_signed_group_stays(self, paying: Paying) -> None:
        group = uuid4()
        mine = await paying.payout(group_id=group)
        await paying.reserved("a", group)
        await paying.signed("x", group)
        assert await paying.groups.dissolve(mine)
        assert await paying.held() == [("a", 0, group)]
        assert await paying.rows.all("select group_id from bitcoin.payout") == [(group,)]
