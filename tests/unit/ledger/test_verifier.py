"""The invariants' file is read as it is meant, and the command's table shows what was found."""

from hypothesis import given
from hypothesis import strategies as st

from cift_shared.cli.output import aligned
from ledger.cli.verify_books import table
from ledger.verification.invariants import Finding, Window, load_invariants
from ledger.verification.verifier import WindowScheduler


def test_every_invariant_has_a_name_a_rule_and_one_query() -> None:
    invariants = load_invariants()
    assert len(invariants) >= 15
    assert len({invariant.name for invariant in invariants}) == len(invariants)
    for invariant in invariants:
        assert invariant.rule.endswith(".")
        assert invariant.query.startswith(("select ", "with "))
        assert ";" not in invariant.query


def test_the_table_shows_examples_below_what_is_broken() -> None:
    first, second, *_ = load_invariants()
    found = table([Finding(first, 0, []), Finding(second, 2, ["test KES 7", "live KES 1"])])
    lines = aligned(found)[1:]
    assert [line.split()[0] for line in lines] == [first.name, second.name, "test", "live"]
    assert " ok " in lines[0]
    assert " 2 BROKEN " in lines[1]


def test_a_query_runs_over_all_of_the_rebuilt_or_over_a_window() -> None:
    [invariant] = [i for i in load_invariants() if i.name == "running_balances_chain"]
    assert "from ledger.entry e\n" in invariant.over(None)
    assert "tx_id > 23 and tx_id <= 87) e\n" in invariant.over(Window(2, 10))
    for each in load_invariants():
        assert "{" not in each.over(None).replace("'{}'", "")
        assert each.is_windowed == (each.over(None) != each.over(Window(2, 10)))


@given(st.lists(st.integers(0, 50), min_size=3, max_size=30), st.integers(1, 40))
def test_every_position_is_seen_twice_when_new_and_once_a_pass(
    growth: list[int], slice_size: int
) -> None:
    rota, last, seen = WindowScheduler(slice_size), 0, dict[int, int]()
    ends = [0]
    for grown in growth:
        last += grown
        ends.append(last)
        windows, _ = rota.next(last)
        assert sum(w.to - w.after for w in windows[1:]) <= slice_size
        for window in windows:
            for position in range(window.after + 1, window.to + 1):
                seen[position] = seen.get(position, 0) + 1
    first_round = ends[1]
    assert all(seen.get(p, 0) >= 2 for p in range(first_round + 1, ends[-2] + 1))
    passed = False
    for _ in range(2 * (last // slice_size + 3)):
        windows, ended = rota.next(last)
        for window in windows:
            for position in range(window.after + 1, window.to + 1):
                seen[position] = seen.get(position, 0) + 1
        passed = passed or ended
    assert passed
    assert all(seen.get(position) for position in range(1, last + 1))
