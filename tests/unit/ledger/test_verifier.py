"""The invariants' file is read as it is meant, and the command's table shows what was found."""

from ledger.commands import table
from ledger.verifier import Finding, load_invariants


def test_every_invariant_has_a_name_a_rule_and_one_query() -> None:
    invariants = load_invariants()
    assert len(invariants) >= 15
    assert len({invariant.name for invariant in invariants}) == len(invariants)
    for invariant in invariants:
        assert invariant.rule.endswith(".")
        assert invariant.query.startswith("select ")
        assert ";" not in invariant.query


def test_the_table_shows_examples_below_what_is_broken() -> None:
    first, second, *_ = load_invariants()
    lines = table([Finding(first, 0, []), Finding(second, 2, ["test KES 7", "live KES 1"])])
    assert [line.split()[0] for line in lines] == [first.name, second.name, "test", "live"]
    assert " ok " in lines[0]
    assert " 2 BROKEN " in lines[1]
