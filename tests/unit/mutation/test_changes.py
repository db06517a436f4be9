"""Every kind of change is made, each alone, and what is not a rule is left alone."""

import ast

import pytest

from tests.mutation.changes import mutants_of

KINDS = [
    ("x = a < b", "x = a <= b"),
    ("x = a >= b", "x = a > b"),
    ("x = a == b", "x = a != b"),
    ("x = a in b", "x = a not in b"),
    ("x = a is b", "x = a is not b"),
    ("x = 1 < a <= b", "x = 1 < a < b"),
    ("x = a + b", "x = a - b"),
    ("x = a * b", "x = a // b"),
    ("x = a and b", "x = a or b"),
    ("x = not a", "x = a"),
    ("x = -a", "x = a"),
    ("x = 7", "x = 8"),
    ("x = True", "x = False"),
    ("x = 'word'", "x = 'wordX'"),
    ("x = 'KES USD UGX'.split()", "x = 'KES UGX '.split()"),
    ("x = {'KES', 'USD'}", "x = {'USD'}"),
    ("x = {'a': 1, 'b': 2}", "x = {'b': 2}"),
    ("x = {'a': 1, 'b': 2}", "x = {'a': 1, 'b': 3}"),
    ("x = f(1, limit=a)", "x = f(1)"),
    ("x += a", "x -= a"),
    ("x += a", "pass"),
    ("f(a)", "pass"),
    ("if a:\n    x = b", "if not a:\n    x = b"),
    ("x = a if c else b", "x = a if not c else b"),
    ("def f():\n    return a", "def f():\n    return None"),
    ("def f():\n    raise E", "def f():\n    pass"),
]
LEFT_ALONE = [
    "import a",
    "from a import b",
    "'A sentence.'",
    "x: int | None",
    "def f(a: int = b) -> str | None:\n    'A sentence.'",
    "@lru_cache(maxsize=9)\ndef f(): ...",
    "log.info('payment.sent', code=1)",
    "x = f'no such currency {a[:8]}'",
    "x = 'A sentence for people.'",
    "x = Literal['a', 'b']",
    "T = TypeVar('T', bound=int)",
    "__all__ = ['a', 'b']",
]


def texts(source: str) -> list[str]:
    return [ast.unparse(mutant.tree) for mutant in mutants_of("m", source)]


@pytest.mark.parametrize(("source", "changed"), KINDS)
def test_a_change_of_each_kind(source: str, changed: str) -> None:
    assert changed in texts(source)


@pytest.mark.parametrize("source", LEFT_ALONE)
def test_what_is_no_rule_is_left_alone(source: str) -> None:
    assert texts(source) == []


def test_each_mutant_is_one_change_with_a_name_of_its_own() -> None:
    source = (
        "def f(a, b):\n    if a < 1 and b < 1:\n        return 1\n    return {'x': 1, 'y': 1}\n"
    )
    mutants = mutants_of("m", source)
    assert len({mutant.name for mutant in mutants}) == len(mutants) == len(set(texts(source)))
    assert ast.unparse(ast.parse(source)) not in texts(source)
    assert {mutant.scope for mutant in mutants} == {"f"}
    assert [mutant.line for mutant in mutants] == sorted(mutant.line for mutant in mutants)


def test_a_name_does_not_know_its_line() -> None:
    source = "x = a < b\n"
    (one,), (other,) = mutants_of("m", source), mutants_of("m", "\n\n" + source)
    assert one.name == other.name == "m |  | x = a < b | x = a <= b"
    assert (one.line, other.line) == (1, 3)
