"""Which addresses are emptied, and how our own transfers end: each condition, row by row."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from cift_shared.clock import SystemClock
from cift_shared.database.lease import Lease
from cift_shared.money.amount import Money
from ethereum_watcher.consolidation_store import StoredConsolidations
from ethereum_watcher.payout_store import StoredPayouts
from ethereum_watcher.transfer_store import Charge, StoredTransfers, end
from tests.support.rows import AT, Rows, open_role, open_rows

HOT, PAYEE, TOKEN = b"\x01" * 20, b"\xaa" * 20, b"\x03" * 20
FINAL = 100
DAY = timedelta(days=1)
STATE = (
    "select nonce, settled_hash, has_failed, charged_at from ethereum.payout where payment_id = $1"
)


def script(index: int) -> bytes:
    return bytes([0xD0 + index]) * 20


@dataclass
class Moving:
    rows: Rows
    pool: "asyncpg.Pool[asyncpg.Record]"
    lease: Lease
    consolidations: StoredConsolidations
    transfers: StoredTransfers

    async def address(self, index: int = 1, *, wei: int = 1_000, **arrival: Any) -> None:
        """The address of a deposit with an arrival that is final and credited."""
        await self.rows.put(
            "ethereum.address", index=index, address=f"0x{index}", script=script(index),
            payment_id=uuid4(),
        )  # fmt: skip
        await self.arrived(index, wei=wei, **arrival)

    async def arrived(self, index: int = 1, **arrival: Any) -> None:
        height = arrival.pop("height", FINAL)
        known = {"wei": 1_000, "deposit_id": uuid4(), **arrival}
        block = None if height is None else "b"
        await self.rows.put(
            "ethereum.arrival", hash=str(uuid4()), address=f"0x{index}", height=height,
            block_hash=block, **known,
        )  # fmt: skip

    async def transfer(self, index: int | None = 1, **payout: Any) -> UUID:
        name = uuid4()
        known = {"sender": script(index or 0), "nonce": 0, "index": index, **payout}
        await self.rows.put("ethereum.payout", payment_id=name, **known)
        return name

    async def signed(self, name: UUID, hash_: str, version: int = 1) -> None:
        await self.rows.put(
            "ethereum_signer.signature", payment_id=name, version=version, hash=hash_
        )

    async def mined(
        self, hash_: str, sender: bytes = script(1), nonce: int = 0, **row: Any
    ) -> None:
        await self.rows.put(
            "ethereum.hot_transaction", hash=hash_, sender=sender, nonce=nonce, **row
        )

    async def moved(self, hash_: str, **row: Any) -> None:
        known = {"contract": TOKEN, "account": PAYEE, "amount": 1_000, **row}
        await self.rows.put("ethereum.hot_transfer", hash=hash_, **known)

    async def holding(
        self, least: int = 1_000, currency: str = "ETH", contract: bytes | None = None, **over: Any
    ) -> list[int]:
        known: dict[str, Any] = {"final_height": FINAL, "but": [], "limit": 10, **over}
        found = await self.consolidations.holding(Money(least, currency), contract, **known)
        return [place.index for place in found]

    async def state(self, name: UUID) -> tuple[Any, ...]:
        return (await self.rows.all(STATE, name))[0]


@pytest.fixture
async def moving(emptied_database: str) -> AsyncIterator[Moving]:
    async with (
        open_rows(emptied_database) as rows,
        open_role(emptied_database, "cift_ethereum") as pool,
    ):
        lease = Lease("ethereum", "job:watch", SystemClock())
        assert await lease.take(pool)
        stored = StoredConsolidations(pool, StoredPayouts(pool, HOT))
        yield Moving(rows, pool, lease, stored, StoredTransfers(pool, HOT))


class TestHolding:
    async def test_so_much_or_more(self, moving: Moving) -> None:
        await moving.address()
        assert await moving.holding(1_000) == [1]
        assert await moving.holding(1_001) == []

    async def test_the_sum_of_what_is_final_credited_and_not_taken_back(
        self, moving: Moving
    ) -> None:
        await moving.address(wei=400)
        await moving.arrived(wei=600, deposit_id=None, received_as=uuid4())
        assert await moving.holding(1_000) == [1]
        for one in (
            {"height": FINAL + 1}, {"height": None}, {"is_reversed": True}, {"deposit_id": None},
            {"currency": "USDC"},
        ):  # fmt: skip
            await moving.arrived(wei=5_000, **one)
        await moving.address(2, wei=999)
        assert await moving.holding(1_001) == []
        assert await moving.holding(5_000, "USDC", TOKEN) == [1]

    async def test_never_the_shared_address(self, moving: Moving) -> None:
        await moving.address()
        await moving.rows.run("update ethereum.address set payment_id = null")
        assert await moving.holding() == []

    async def test_the_most_first_without_those_left_alone_and_so_many_at_most(
        self, moving: Moving
    ) -> None:
        for index, wei in [(1, 1_000), (2, 3_000), (3, 2_000), (4, 2_000)]:
            await moving.address(index, wei=wei)
        await moving.rows.put(
            "ethereum.spending", hash="s", address="0x2", wei=1_500, block_hash="b", height=FINAL
        )
        assert await moving.holding() == [3, 4, 2, 1]
        assert await moving.holding(but=[3, 1]) == [4, 2]
        assert await moving.holding(limit=2) == [3, 4]

    async def test_less_what_was_spent_of_ether(self, moving: Moving) -> None:
        await moving.address(wei=1_500)
        await moving.address(2, wei=1_000)
        for hash_, wei in [("a", 300), ("b", 200)]:
            await moving.rows.put(
                "ethereum.spending",
                hash=hash_,
                address="0x1",
                wei=wei,
                block_hash="b",
                height=FINAL,
            )
        assert await moving.holding(1_000) == [1, 2]
        assert await moving.holding(1_001) == []

    async def test_ether_for_gas_did_not_arrive(self, moving: Moving) -> None:
        await moving.address(wei=900)
        await moving.rows.put(
            "ethereum.spending", hash="gas", address="0x1", wei=-200, block_hash="b", height=FINAL
        )
        assert await moving.holding(1_000) == []
        assert await moving.holding(900) == [1]

    async def test_less_what_was_moved_of_a_token(self, moving: Moving) -> None:
        await moving.address(wei=1_500, currency="USDC")
        await moving.address(2, wei=1_000, currency="USDC")
        await moving.rows.put(
            "ethereum.spending", hash="s", address="0x1", wei=1, block_hash="b", height=FINAL
        )
        for hash_, sender, row in [
            ("a", script(1), {"amount": 300}),
            ("b", script(1), {"amount": 301}),
            ("c", HOT, {"amount": 99}),
            ("d", script(1), {"amount": 98, "contract": HOT}),
        ]:
            await moving.mined(hash_, sender)
            await moving.moved(hash_, **row)
        assert await moving.holding(899, "USDC", TOKEN) == [2, 1]
        assert await moving.holding(900, "USDC", TOKEN) == [2]

    async def test_not_while_a_transfer_is_under_way(self, moving: Moving) -> None:
        await moving.address()
        await moving.address(2)
        await moving.transfer()
        assert await moving.holding() == [2]

    @pytest.mark.parametrize(
        ("payout", "is_left"),
        [
            ({"nonce": None}, True),
            ({"nonce": 0, "settled_hash": "0x", "has_failed": True}, True),
            ({"nonce": 0, "settled_hash": "0x"}, False),
        ],
    )
    async def test_a_day_after_one_has_failed(
        self, moving: Moving, payout: dict[str, Any], is_left: bool
    ) -> None:
        await moving.address()
        now = SystemClock().now()
        name = await moving.transfer(created_at=now - DAY + timedelta(minutes=5), **payout)
        assert await moving.holding() == ([] if is_left else [1])
        await moving.rows.run(
            "update ethereum.payout set created_at = $2 where payment_id = $1",
            name, now - DAY - timedelta(minutes=5),
        )  # fmt: skip
        assert await moving.holding() == [1]


async def test_those_that_have_not_ended_the_oldest_first(moving: Moving) -> None:
    for index in (1, 2, 3, 4, 5):
        await moving.address(index)
    late = await moving.transfer(1, created_at=AT + DAY, contract=TOKEN)
    early = await moving.transfer(2, created_at=AT)
    await moving.transfer(None, sender=HOT)
    await moving.transfer(3, nonce=None)
    await moving.transfer(4, settled_hash="0x")
    found = await moving.consolidations.open_transfers()
    assert [(one.payment_id, one.index, one.address) for one in found] == [
        (early, 2, "0x2"), (late, 1, "0x1"),
    ]  # fmt: skip


class TestRefused:
    async def test_gives_its_nonce_back_if_nothing_is_signed(self, moving: Moving) -> None:
        refused, replaced, signed, payout, open_, again = [
            await moving.transfer(index, **row)
            for index, row in [
                (1, {}), (2, {}), (3, {}), (None, {"sender": HOT}), (4, {}), (5, {"nonce": None}),
            ]
        ]  # fmt: skip
        for name, version in [(refused, 1), (replaced, 2), (signed, 1), (payout, 1), (again, 1)]:
            await moving.rows.put("ethereum_signer.refusal", payment_id=name, version=version)
        await moving.signed(signed, "0x")
        told = await moving.consolidations.release_refused(moving.lease)
        assert [tuple(row) for row in told] == [(1, "because")]
        found = [(await moving.state(one))[0] for one in (refused, replaced, signed, payout, open_)]
        assert found == [None, 0, 0, 0, 0]


class TestPassed:
    async def test_somebody_else_has_used_the_nonce_for_good(self, moving: Moving) -> None:
        name = await moving.transfer()
        await moving.signed(name, "0xours")
        await moving.mined("0xtheirs", height=FINAL)
        told = await moving.consolidations.end_passed(moving.lease, FINAL)
        assert [tuple(row) for row in told] == [(1, "0xtheirs")]
        assert (await moving.state(name))[:3] == (0, "0xtheirs", True)

    @pytest.mark.parametrize(
        ("transfer", "mined"),
        [
            ({}, {"height": FINAL + 1}),
            ({}, {"nonce": 1}),
            ({}, {"sender": HOT}),
            ({"index": None, "sender": script(1)}, {}),
            ({"settled_hash": "0x"}, {}),
            ({"nonce": None}, {}),
            ({}, {"hash_": "0xours"}),
        ],
        ids=["new", "another nonce", "another", "a payout", "ended", "released", "ours"],
    )
    async def test_otherwise_not(
        self, moving: Moving, transfer: dict[str, Any], mined: dict[str, Any]
    ) -> None:
        name = await moving.transfer(**transfer)
        await moving.signed(name, "0xours")
        await moving.signed(uuid4(), "0xother")
        await moving.mined(**{"hash_": "0xtheirs", "height": FINAL, **mined})
        before = await moving.state(name)
        assert await moving.consolidations.end_passed(moving.lease, FINAL) == []
        assert await moving.state(name) == before

    async def test_by_a_transaction_that_is_ours_for_another(self, moving: Moving) -> None:
        name = await moving.transfer()
        await moving.signed(uuid4(), "0xother")
        await moving.mined("0xother", height=FINAL)
        assert len(await moving.consolidations.end_passed(moving.lease, FINAL)) == 1
        assert (await moving.state(name))[1] == "0xother"


class TestUncharged:
    async def charges(self, moving: Moving) -> list[tuple[UUID, str, str, bool]]:
        return [
            (one.payment_id, one.hash, one.purpose, one.has_moved)
            for one in await moving.transfers.uncharged(FINAL)
        ]

    async def test_fees_in_the_order_of_blocks_with_their_purpose(self, moving: Moving) -> None:
        filler = await moving.transfer(None, sender=HOT, account=HOT, wei=0, is_filler=True)
        gas = await moving.transfer(2, sender=HOT, nonce=1)
        emptied = await moving.transfer(1)
        for name, hash_, height in [(filler, "0xc", 90), (gas, "0xb", 91), (emptied, "0xa", FINAL)]:
            await moving.signed(name, hash_)
            await moving.mined(hash_, height=height)
        assert await self.charges(moving) == [
            (filler, "0xc", "nonce_filler", True),
            (gas, "0xb", "gas", True),
            (emptied, "0xa", "consolidation", True),
        ]
        assert [one.fee for one in await moving.transfers.uncharged(FINAL)] == [7, 7, 7]

    async def test_neither_of_payments_nor_those_told_nor_new_ones(self, moving: Moving) -> None:
        left: list[tuple[int | None, dict[str, Any], int]] = [
            (None, {"sender": HOT}, FINAL),
            (1, {"charged_at": AT}, FINAL),
            (2, {}, FINAL + 1),
        ]
        for number, (index, row, height) in enumerate(left):
            name = await moving.transfer(index, nonce=number, **row)
            await moving.signed(name, f"0x{number}")
            await moving.mined(f"0x{number}", height=height)
        unsigned = await moving.transfer(3)
        await moving.signed(unsigned, "0xpending")
        await moving.signed(uuid4(), "0xother")
        await moving.mined("0xother")
        assert await self.charges(moving) == []

    @pytest.mark.parametrize(
        ("moved", "succeeded", "has_moved"),
        [
            ({}, True, True),
            ({}, False, False),
            ({"contract": HOT}, True, False),
            ({"account": HOT}, True, False),
            ({"amount": 999}, True, False),
            ({"hash_": "0xother"}, True, False),
        ],
    )
    async def test_a_token_has_moved_if_just_this_was_reported(
        self, moving: Moving, moved: dict[str, Any], succeeded: bool, has_moved: bool
    ) -> None:
        name = await moving.transfer(contract=TOKEN)
        await moving.signed(name, "0xa")
        await moving.mined("0xa", succeeded=succeeded)
        await moving.moved(**{"hash_": "0xa", **moved})
        assert await self.charges(moving) == [(name, "0xa", "consolidation", has_moved)]

    async def test_ether_that_failed(self, moving: Moving) -> None:
        name = await moving.transfer()
        await moving.signed(name, "0xa")
        await moving.mined("0xa", succeeded=False)
        assert [row[3] for row in await self.charges(moving)] == [False]

    async def _end(self, moving: Moving, name: UUID, hash_: str = "0xa") -> bool:
        charge = Charge(payment_id=name, hash=hash_, fee=7, purpose="gas", has_moved=False)
        async with moving.pool.acquire() as connection:
            return await end(connection, charge, AT)

    async def test_each_is_told_once_while_its_block_is_there(self, moving: Moving) -> None:
        name, other = await moving.transfer(), await moving.transfer(2, nonce=1)
        await moving.mined("0xz")
        assert not await self._end(moving, name)
        await moving.mined("0xa", nonce=5)
        assert [await self._end(moving, name) for _ in range(2)] == [True, False]
        assert await moving.state(name) == (0, "0xa", True, AT)
        assert await moving.state(other) == (1, None, False, None)
