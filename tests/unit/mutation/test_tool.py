"""The tool itself: a weak test is found; a list that does not fit the code is an error."""

from pathlib import Path

import pytest

from tests.mutation.changes import mutants_of
from tests.mutation.equivalents import FILE, ListBroken, check_equivalents, read_equivalents
from tests.mutation.importing import is_ours, out_of_reach, path_of
from tests.mutation.run import Score, judge_apart, report
from tests.mutation.server import UnsoundTests
from tests.mutation.targets import GATE, TARGETS

RULE = "def may_pay(balance, amount):\n    return amount <= balance\n"
WEAK = "from planted.rules import may_pay\n\ndef test_it():\n    assert may_pay(10, 5)\n"
STRONG = WEAK + "    assert may_pay(5, 5)\n    assert not may_pay(5, 6)\n"
ENDLESS = "\ndef wait(n):\n    while n:\n        stop()\n\ndef stop():\n    raise ValueError\n"
COUNTED = (
    "\nfrom planted.rules import wait\nimport pytest\n\ndef test_wait():\n"
    "    with pytest.raises(ValueError):\n        wait(1)\n"
)
BOUND = "planted.rules | may_pay | return amount <= balance | return amount < balance"


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Judges a rule and its test, written to a folder of their own."""

    def judge(rule: str, test: str, known: dict[str, str] | None = None) -> Score:
        package = tmp_path / "planted"
        package.mkdir()
        (package / "rules.py").write_text(rule)
        # whoever looks the module up must not load it by loading its package
        (package / "__init__.py").write_text("from planted.rules import may_pay\n")
        tests = tmp_path / "test_planted.py"
        tests.write_text(test)
        monkeypatch.syspath_prepend(str(tmp_path))
        return judge_apart("planted.rules", [str(tests)], known or {}, parallel=2)

    return judge


def test_a_weak_test_is_found_and_the_file_stays_as_it_was(planted, tmp_path: Path) -> None:
    score = planted(RULE, WEAK)
    assert [mutant.name for mutant in score.survivors] == [BOUND]
    assert (score.percent, score.is_enough) == (50, False)
    assert "planted/rules.py:2" in report(score)
    assert BOUND in report(score)
    assert (tmp_path / "planted" / "rules.py").read_text() == RULE


def test_a_strong_test_kills_them_all_the_endless_too(planted) -> None:
    score = planted(RULE + ENDLESS, STRONG + COUNTED)
    assert score.mutants == 5
    assert (score.survivors, score.percent, score.is_enough) == ((), 100, True)


def test_an_equivalent_mutant_is_left_out(planted) -> None:
    score = planted(RULE, WEAK, {BOUND: "said so"})
    assert (score.mutants, score.equivalent, score.survivors) == (2, 1, ())


def test_tests_that_fail_by_themselves_judge_nothing(planted) -> None:
    with pytest.raises(UnsoundTests):
        planted(RULE, WEAK + "    assert may_pay(1, 2)\n")


def test_an_equivalent_that_fits_nothing_is_an_error() -> None:
    known = {BOUND.replace("amount", "sum"): "said so"}
    with pytest.raises(ListBroken, match="no mutant fits"):
        check_equivalents(known, "planted.rules", mutants_of("planted.rules", RULE))


@pytest.mark.parametrize(
    "line",
    ["m | f | a", "m | f | a | b | ", "m | f | a | b", "m | f | a | b | x\nm | f | a | b | y"],
)
def test_a_line_of_the_list_that_says_too_little_is_an_error(line: str) -> None:
    with pytest.raises(ListBroken):
        read_equivalents(line)


def test_the_list_of_equivalents_fits_the_code() -> None:
    known = read_equivalents(FILE.read_text("utf-8"))
    modules = {name.partition(" | ")[0] for name in known}
    assert modules <= set(TARGETS)
    for module in modules:
        mutants = mutants_of(module, path_of(module).read_text("utf-8"))
        check_equivalents(known, module, mutants)


def test_every_module_and_test_of_the_targets_is_there() -> None:
    root = Path(__file__).parents[3]
    assert set(GATE) <= set(TARGETS)
    for module, tests in TARGETS.items():
        assert path_of(module).exists()
        assert tests
        for test in tests:
            assert (root / test).exists(), test


def test_a_server_loads_only_what_a_change_can_not_reach() -> None:
    import card_worker.amounts
    import cift_shared.money.amount

    loaded = [
        cift_shared.money.amount.__name__,
        card_worker.amounts.__name__,
        "cift_shared",
        "json",
    ]
    assert "card_worker.amounts" not in out_of_reach("cift_shared.money.amount", loaded)
    assert "cift_shared.money.amount" in out_of_reach("card_worker.amounts", loaded)
    assert "json" in out_of_reach("card_worker.amounts", loaded)


@pytest.mark.parametrize("package", sorted({module.partition(".")[0] for module in TARGETS}))
def test_every_package_with_targets_is_loaded_only_where_a_change_is_not_seen(
    package: str,
) -> None:
    assert is_ours(f"{package}.anything")


@pytest.mark.parametrize("name", ["json", "pytest", "hypothesis.strategies", "__main__", "no_such"])
def test_libraries_are_not_ours(name: str) -> None:
    assert not is_ours(name)


def test_what_imports_the_module_in_any_way_is_loaded_after_its_change(
    planted, tmp_path: Path
) -> None:
    dynamic = "import importlib\nimportlib.import_module('planted.rules')\n"
    (tmp_path / "outside.py").write_text(dynamic)
    score = planted(RULE, f"import outside\n{WEAK}")
    assert [mutant.name for mutant in score.survivors] == [BOUND]
