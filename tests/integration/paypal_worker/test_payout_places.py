"""In which batch each payout travels: each condition of the statements, row by row."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cift_shared.attempts.processor import Attempt
from cift_shared.attempts.store import attempt_id_of
from paypal_worker.payout_places import StoredPlaces
from tests.support.eventually import eventually
from tests.support.paypal import withdrawal
from tests.support.rows import AT, Rows, open_role, open_rows

pytestmark = pytest.mark.integration

OPEN, NOT_OPEN = ["sending", "waiting", "unknown"], ["ready", "done", "review"]
ALL = (
    "select attempt_id, round, batch_key, sends from paypal.payout_place order by batch_key, sends"
)


@dataclass
class Placing:
    rows: Rows
    observer: Rows
    places: StoredPlaces

    async def attempt(self, state: str = "sending") -> Attempt:
        """A withdrawal as a process holds it."""
        request = withdrawal()
        await self.rows.attempt(
            "paypal", request.payment_id, state=state, request=request.model_dump_json()
        )
        return Attempt(
            attempt_id=attempt_id_of(request.payment_id), operation="withdrawal", request=request,
            memory={}, checks=0, created_at=AT, ended=False,
        )  # fmt: skip

    async def batch(self, key: str, count: int = 1) -> list[Attempt]:
        """So many payouts that travel in a batch."""
        attempts = [await self.attempt() for _ in range(count)]
        await self.places.join(attempts, key)
        return attempts

    async def become(self, attempt: Attempt, state: str) -> None:
        await self.rows.run(
            "update paypal.attempt set state = $2 where attempt_id = $1", attempt.attempt_id, state
        )

    async def stored(self) -> list[tuple[Any, ...]]:
        """Batch and number of requests of each place."""
        return [(key, sends) for _, _, key, sends in await self.rows.all(ALL)]

    async def behind(self, statement: str, doing: Awaitable[Any]) -> Any:
        """What is answered to one who waits while a statement is committed."""
        async with self.rows.connection.transaction():
            await self.rows.run(statement)
            task = asyncio.ensure_future(doing)

            async def waits() -> bool:
                return await self.observer.somebody_waits()

            await eventually(waits, "the second waits for the first")
        return await task


@pytest.fixture
async def placing(emptied_database: str) -> AsyncIterator[Placing]:
    async with (
        open_rows(emptied_database) as rows,
        open_rows(emptied_database) as observer,
        open_role(emptied_database, "cift_paypal") as pool,
    ):
        yield Placing(rows, observer, StoredPlaces(pool))


class TestJoin:
    @pytest.mark.parametrize("state", OPEN)
    async def test_one_that_is_claimed_has_a_place(self, placing: Placing, state: str) -> None:
        one = await placing.attempt(state)
        assert await placing.places.join([one], "a") == {one.attempt_id: "a"}
        assert await placing.places.join([one], "b") == {one.attempt_id: "a"}

    @pytest.mark.parametrize("state", NOT_OPEN)
    async def test_no_other_gets_or_keeps_one(self, placing: Placing, state: str) -> None:
        [kept] = await placing.batch("a")
        other = await placing.attempt(state)
        await placing.become(kept, state)
        assert await placing.places.join([kept, other], "b") == {}
        assert await placing.stored() == [("a", 0)]

    async def test_each_round_has_a_place_of_its_own(self, placing: Placing) -> None:
        [one] = await placing.batch("a")
        later = replace(one, memory={"round": "1"})
        assert await placing.places.join([later], None) == {one.attempt_id: None}
        assert await placing.places.join([one], None) == {one.attempt_id: "a"}
        other = await placing.attempt()
        assert await placing.places.join([later, other], "b") == {
            one.attempt_id: None, other.attempt_id: "b",
        }  # fmt: skip

    async def test_one_that_ends_meanwhile_gets_none(self, placing: Placing) -> None:
        one = await placing.attempt()
        ended = "update paypal.attempt set state = 'done'"
        assert await placing.behind(ended, placing.places.join([one], "a")) == {}
        assert await placing.stored() == []


async def test_the_members_of_a_batch_in_the_order_of_their_ids(placing: Placing) -> None:
    mine = await placing.batch("a", 4)
    await placing.batch("b")
    found = [one.attempt_id for one in await placing.places.members("a")]
    assert found == sorted(one.attempt_id for one in mine)


class TestSend:
    async def test_each_request_of_a_batch_is_counted(self, placing: Placing) -> None:
        await placing.batch("a", 2)
        await placing.batch("b")
        assert [await placing.places.begin_send("a") for _ in range(2)] == [1, 2]
        assert await placing.stored() == [("a", 2), ("a", 2), ("b", 0)]

    @pytest.mark.parametrize("state", OPEN)
    async def test_a_batch_of_open_ones_is_sent(self, placing: Placing, state: str) -> None:
        mine, [other] = await placing.batch("a", 2), await placing.batch("b")
        await placing.become(mine[0], state)
        await placing.become(other, "done")
        assert await placing.places.begin_send("a") == 1

    @pytest.mark.parametrize("state", NOT_OPEN)
    async def test_no_batch_with_another(self, placing: Placing, state: str) -> None:
        mine = await placing.batch("a", 2)
        await placing.become(mine[0], state)
        assert await placing.places.begin_send("a") == 0
        assert await placing.stored() == [("a", 0), ("a", 0)]

    async def test_none_that_is_taken_apart_meanwhile(self, placing: Placing) -> None:
        await placing.batch("a")
        apart = "update paypal.payout_place set batch_key = null"
        assert await placing.behind(apart, placing.places.begin_send("a")) == 0
        assert await placing.stored() == [(None, 0)]

    async def test_a_place_of_an_earlier_round_is_not_counted(self, placing: Placing) -> None:
        [one] = await placing.batch("a")
        await placing.places.join([replace(one, memory={"round": "1"})], "b")
        assert await placing.places.begin_send("b") == 1
        assert await placing.stored() == [("a", 0), ("b", 1)]


@pytest.mark.parametrize("alone", [False, True])
class TestTakenApart:
    async def test_after_its_only_request(self, placing: Placing, alone: bool) -> None:
        mine = await placing.batch("a", 2)
        await placing.places.join([replace(mine[0], memory={"round": "1"})], "c")
        await placing.batch("b")
        for key in ("a", "b", "c"):
            await placing.places.begin_send(key)
        assert await placing.places.take_apart("a", alone=alone)
        rest = [("b", 1), ("c", 1)]
        assert await placing.stored() == ([*rest, (None, 0), (None, 0)] if alone else rest)

    async def test_neither_before_it_nor_after_another(self, placing: Placing, alone: bool) -> None:
        await placing.batch("a")
        for count in (0, 2):
            await placing.rows.run("update paypal.payout_place set sends = $1", count)
            assert not await placing.places.take_apart("a", alone=alone)
            assert await placing.stored() == [("a", count)]

    async def test_not_if_it_is_sent_again_meanwhile(self, placing: Placing, alone: bool) -> None:
        await placing.batch("a")
        await placing.places.begin_send("a")
        again = "update paypal.payout_place set sends = 2"
        taking = placing.places.take_apart("a", alone=alone)
        assert not await placing.behind(again, taking)
        assert await placing.stored() == [("a", 2)]


class TestAlone:
    async def test_it_may_be_forgotten(self, placing: Placing) -> None:
        one, other = await placing.attempt(), await placing.attempt()
        later = replace(one, memory={"round": "1"})
        await placing.places.join([one, other], None)
        await placing.places.join([later], None)
        await placing.places.leave(one)
        found = {(name, round_) for name, round_, _, _ in await placing.rows.all(ALL)}
        assert found == {(one.attempt_id, 1), (other.attempt_id, 0)}

    async def test_not_from_a_shared_batch(self, placing: Placing) -> None:
        [one] = await placing.batch("a")
        await placing.places.leave(one)
        assert await placing.stored() == [("a", 0)]


@pytest.mark.parametrize("key", ["a", None])
async def test_a_round_with_a_place_is_not_closed(placing: Placing, key: str | None) -> None:
    one, other = await placing.attempt(), await placing.attempt()
    await placing.places.join([one], key)
    assert not await placing.places.close(one)
    assert [await placing.places.close(other) for _ in range(2)] == [True, True]
    assert await placing.places.join([one, other], "b") == {one.attempt_id: key}
