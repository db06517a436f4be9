"""Requests that arrive together are written together; none waits, none suffers from another."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from gateway.database.groups import GROUP_MAX, GroupWriter, Unjudged, Written


@dataclass
class Table:
    """Stores numbers: odd ones are refused, those in `busy` and `broken` only work alone."""

    groups: list[list[int]] = field(default_factory=list)
    busy: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    """Members that make the statement of a group fail, and their own."""
    error: Exception = field(default_factory=lambda: ValueError("broken"))
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, group: Sequence[int]) -> Written[str]:
        self.groups.append(list(group))
        await self.gate.wait()
        if self.broken & set(group):
            raise self.error
        return [self._judge(number, is_alone=len(group) == 1) for number in group]

    def _judge(self, number: int, *, is_alone: bool) -> str | Exception | Unjudged:
        if number in self.busy and not is_alone:
            return Unjudged.BUSY
        return KeyError(number) if number % 2 else str(number)


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def writer(table: Table) -> GroupWriter[int, str]:
    return GroupWriter(table.write, lambda number: number)


async def began(table: Table, groups: int) -> None:
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(table.groups) == groups


async def outcomes(tasks: Sequence["asyncio.Task[str]"]) -> list[str]:
    done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    return [one if isinstance(one, str) else type(one).__name__ for one in done]


async def test_one_that_comes_alone_is_written_at_once(
    table: Table, writer: GroupWriter[int, str]
) -> None:
    table.gate.set()
    assert await asyncio.wait_for(writer.write(2), 5) == "2"
    assert await asyncio.wait_for(writer.write(4), 5) == "4"
    assert table.groups == [[2], [4]]


async def test_those_that_come_meanwhile_are_the_next_group(
    table: Table, writer: GroupWriter[int, str]
) -> None:
    first = asyncio.create_task(writer.write(2))
    await began(table, 1)
    others = [asyncio.create_task(writer.write(number)) for number in (4, 5, 6)]
    await began(table, 1)
    table.gate.set()
    assert await outcomes([first, *others]) == ["2", "4", "KeyError", "6"]
    assert table.groups == [[2], [4, 5, 6]]


async def test_a_group_has_a_limit_and_keeps_the_order(
    table: Table, writer: GroupWriter[int, str]
) -> None:
    tasks = [asyncio.create_task(writer.write(2 * n)) for n in range(2 * GROUP_MAX + 1)]
    table.gate.set()
    assert await outcomes(tasks) == [str(2 * n) for n in range(2 * GROUP_MAX + 1)]
    assert [len(group) for group in table.groups] == [GROUP_MAX, GROUP_MAX, 1]
    assert [number for group in table.groups for number in group] == [
        2 * n for n in range(2 * GROUP_MAX + 1)
    ]


async def test_two_of_one_identity_are_never_in_one_group(
    table: Table, writer: GroupWriter[int, str]
) -> None:
    tasks = [asyncio.create_task(writer.write(number)) for number in (2, 2, 4, 2, 6)]
    table.gate.set()
    assert await outcomes(tasks) == ["2", "2", "4", "2", "6"]
    assert table.groups == [[2, 4, 6], [2], [2]]


async def test_one_that_fails_hurts_no_other(table: Table, writer: GroupWriter[int, str]) -> None:
    table.broken.add(4)
    table.gate.set()
    tasks = [asyncio.create_task(writer.write(number)) for number in (2, 4, 5, 6)]
    assert await outcomes(tasks) == ["2", "ValueError", "KeyError", "6"]
    assert table.groups == [[2, 4, 5, 6], [2], [4], [5], [6]]


async def test_a_lost_connection_is_told_to_all_at_once(
    table: Table, writer: GroupWriter[int, str]
) -> None:
    table.broken.add(4)
    table.error = ConnectionResetError()
    table.gate.set()
    tasks = [asyncio.create_task(writer.write(number)) for number in (2, 4)]
    assert await outcomes(tasks) == ["ConnectionResetError"] * 2
    assert table.groups == [[2, 4]]
    assert await asyncio.wait_for(writer.write(6), 5) == "6"


async def test_a_busy_one_is_judged_alone_and_holds_nobody_up(
    table: Table, writer: GroupWriter[int, str]
) -> None:
    table.busy.add(4)
    table.gate.set()
    tasks = [asyncio.create_task(writer.write(number)) for number in (2, 4, 6)]
    assert await outcomes(tasks) == ["2", "4", "6"]
    assert table.groups == [[2, 4, 6], [4]]


async def test_a_statement_that_takes_long_holds_nobody_up(
    table: Table, writer: GroupWriter[int, str]
) -> None:
    slow = asyncio.create_task(writer.write(2))
    await began(table, 1)
    stuck, table.gate = table.gate, asyncio.Event()
    table.gate.set()
    assert await asyncio.wait_for(writer.write(4), 5) == "4"
    assert not slow.done()
    stuck.set()
    assert await outcomes([slow]) == ["2"]
    assert table.groups == [[2], [4]]


async def test_one_whose_caller_is_gone_before_its_turn_is_not_written(
    table: Table, writer: GroupWriter[int, str]
) -> None:
    first = asyncio.create_task(writer.write(2))
    await began(table, 1)
    gone, stays = (asyncio.create_task(writer.write(number)) for number in (4, 6))
    await began(table, 1)
    gone.cancel()
    await began(table, 1)
    table.gate.set()
    assert await outcomes([first, stays]) == ["2", "6"]
    assert table.groups == [[2], [6]]
