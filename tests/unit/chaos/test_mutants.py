"""The mutants still fit the source: whoever changes a line that one of them breaks hears of it."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from cift_shared.database.migrations.function_files import parse
from tests.chaos.checks.checker import CHECKS
from tests.chaos.mutants.catalogue import MUTANTS
from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.scenarios import SCENARIOS
from tests.chaos.mutants.source import ROOT, Edit, EditFailed, edited

_NAMES = [mutant.name for mutant in MUTANTS]


@pytest.mark.parametrize("mutant", MUTANTS, ids=_NAMES)
def test_every_edit_fits(mutant: Mutant) -> None:
    files = {edit.path: (ROOT / edit.path).read_text() for edit in mutant.edits}
    for edit in mutant.edits:
        files[edit.path] = edited(files[edit.path], edit)
    for path, text in files.items():
        if path.endswith(".py"):
            ast.parse(text)
        elif "/functions/" in path:
            file = Path(path)
            changed = parse("ledger", file.name, text)  # as `cift migrate` of the copy reads it
            assert changed.revision > parse("ledger", file.name, (ROOT / path).read_text()).revision


@pytest.mark.parametrize("mutant", MUTANTS, ids=_NAMES)
def test_names_what_exists(mutant: Mutant) -> None:
    assert mutant.scenario in SCENARIOS
    assert set(mutant.found_by) <= {each.__name__ for each in CHECKS}


def test_no_name_is_used_twice() -> None:
    assert max(Counter(_NAMES).values()) == 1


def test_the_docs_name_every_bug() -> None:
    text = (ROOT / "docs/proof.md").read_text()
    assert f"- {len(MUTANTS)} bugs, " in text
    assert [name for name in _NAMES if f"| `{name}` |" not in text] == []


def test_every_schedule_is_played() -> None:
    assert set(SCENARIOS) == {mutant.scenario for mutant in MUTANTS}


@pytest.mark.parametrize("text", ["a b", "b b"])
def test_an_edit_that_does_not_fit_says_so(text: str) -> None:
    with pytest.raises(EditFailed, match="must be once"):
        edited(text.replace("a b", "nothing"), Edit("file", "b", "c"))
