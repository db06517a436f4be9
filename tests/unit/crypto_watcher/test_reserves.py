"""Nodes, watcher and ledger compared: every part of a difference has a name."""

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from chain_watch.reserves import Finding, Holding, Line, Movement, Open, compare

amounts = st.integers(-(10**20), 10**20)
names = st.sampled_from(["a", "b", "c", "d"])
holdings = st.builds(
    Holding, name=names, currency=st.sampled_from(["BTC", "ETH"]),
    watcher=amounts, nodes=amounts, may_grow=st.booleans(),
)  # fmt: skip
movements = st.builds(
    Movement, name=names, currency=st.sampled_from(["BTC", "ETH"]), chain=amounts,
    told=st.none() | amounts, reason=st.sampled_from([*Open, *Finding]),
)  # fmt: skip


def holding(watcher: int, nodes: int | None = None, **over: bool) -> Holding:
    same = watcher if nodes is None else nodes
    return Holding(name="coin", currency="BTC", watcher=watcher, nodes=same, **over)


def moved(chain: int, told: int | None, reason: Open | Finding = Open.NOT_CREDITED) -> Movement:
    return Movement(name="p", currency="BTC", chain=chain, told=told, reason=reason)


def total(lines: Sequence[Line]) -> int:
    return sum(one.minor for one in lines)


@given(
    st.lists(holdings), st.lists(movements), st.dictionaries(names, amounts), st.none() | amounts
)
def test_the_parts_are_the_whole_difference(
    held: list[Holding], parts: list[Movement], booked: dict[str, int], own: int | None
) -> None:
    found = compare("BTC", held, parts, booked, own=own)
    assert found.nodes == (found.booked + found.own + total(found.opened) + total(found.findings))
    assert found.agrees == (not found.findings)
    assert all(one.minor for one in [*found.opened, *found.findings])


def test_without_money_nothing_differs() -> None:
    assert compare("BTC", [], [], {}, own=None).agrees


def test_what_was_told_must_be_booked_exactly() -> None:
    for wrong in (0, 99, 101, 200):
        found = compare("BTC", [holding(100)], [moved(100, 100)], {"p": wrong}, own=0)
        assert found.findings == [Line(Finding.BOOKED_OTHERWISE, "p", 100 - wrong)]
    assert compare("BTC", [holding(100)], [moved(100, 100)], {"p": 100}, own=0).agrees


def test_what_was_not_told_is_open_and_must_not_be_booked() -> None:
    found = compare("BTC", [holding(100)], [moved(100, 0)], {}, own=0)
    assert (found.agrees, found.opened) == (True, [Line(Open.NOT_CREDITED, "p", 100)])
    found = compare("BTC", [holding(100)], [moved(100, 0)], {"p": 100}, own=0)
    assert found.findings == [Line(Finding.BOOKED_OTHERWISE, "p", -100)]


def test_what_an_operator_decides_may_be_booked_or_not() -> None:
    for booked in ({}, {"p": -100}, {"p": -40}):
        parts = [moved(-100, None, Open.IN_REVIEW), moved(-1, 0, Open.WITHDRAWAL)]
        found = compare("BTC", [holding(0)], parts, booked, own=101)
        left = -101 - sum(booked.values())
        assert (found.agrees, found.opened) == (True, [Line(Open.IN_REVIEW, "p", left)])


def test_nodes_that_know_more_are_early_only_where_that_is_possible() -> None:
    early = compare("BTC", [holding(5, 9, may_grow=True)], [moved(5, 5)], {"p": 5}, own=0)
    assert (early.agrees, early.opened) == (True, [Line(Open.NOT_FOUND_YET, "coin", 4)])
    less = compare("BTC", [holding(5, 4, may_grow=True)], [moved(5, 5)], {"p": 5}, own=0)
    assert less.findings == [Line(Finding.NODES_DIFFER, "coin", -1)]
    more = compare("BTC", [holding(5, 9)], [moved(5, 5)], {"p": 5}, own=0)
    assert more.findings == [Line(Finding.NODES_DIFFER, "coin", 4)]


def test_own_money_is_what_is_left_over_unless_it_is_declared() -> None:
    assert compare("BTC", [holding(7)], [], {}, own=None).own == 7
    short = compare("BTC", [holding(0)], [moved(7, 7)], {"p": 7}, own=None)
    assert (short.own, short.findings) == (0, [Line(Finding.UNEXPLAINED, "BTC", -7)])
    declared = compare("BTC", [holding(7)], [], {}, own=9)
    assert declared.findings == [Line(Finding.UNEXPLAINED, "BTC", -2)]
    assert compare("BTC", [holding(7)], [], {}, own=7).agrees


def test_one_unit_more_is_early_too() -> None:
    found = compare("BTC", [holding(5, 6, may_grow=True)], [moved(5, 5)], {"p": 5}, own=0)
    assert found.opened == [Line(Open.NOT_FOUND_YET, "coin", 1)]


def test_what_the_nodes_say_replaces_nothing_else() -> None:
    assert holding(5, 0, may_grow=True).at_nodes(7) == holding(5, 7, may_grow=True)


def test_the_words_are_those_of_the_documentation() -> None:
    text = (Path(__file__).parents[3] / "docs" / "bitcoin.md").read_text("utf-8")
    assert [one for one in [*Open, *Finding] if f"| `{one}`" not in text] == []
