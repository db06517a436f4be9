"""Changes of a statement by kinds: one place at a time, and what they leave alone."""

import pytest

from tests.mutation.first_failure import Noticers
from tests.mutation.sql_changes import changes_of


def changed(text: str) -> set[str]:
    """The whole text after each change."""
    found = {" ".join(text.replace(old, new).split()) for old, new in changes_of(text)}
    assert all(text.count(old) == 1 for old, _ in changes_of(text))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select a from t where x = $1", {"select a from t where true"}),
        (
            "select a from t where x = $1 and y = $2",
            {"select a from t where x = $1", "select a from t where y = $2"},
        ),
        ("select (a < b)", {"select (a <= b)"}),
        ("select (a >= b)", {"select (a > b)"}),
        ("select a + b", {"select a - b"}),
        ("select -a", {"select a"}),
        ("select 7", {"select 8"}),
        ("select sum(a)", {"select max(a)"}),
        ("select coalesce(a, b)", {"select a", "select b"}),
        ("select a in ('x', 'y')", {"select a in ('x')", "select a in ( 'y')"}),
        ("select a is null", {"select a is not null"}),
        ("select a is not null", {"select a is null"}),
        (
            "select case when a then b end",
            {"select case when true then b end", "select case when false then b end"},
        ),
        ("update t set a = 'x', b = 'y'", {"update t set b = 'y'", "update t set a = 'x'"}),
        ("select a from t order by a, b", {"select a from t order by a desc, b"}),
        ("select a from t order by a desc", {"select a from t order by a"}),
        ("select a from t left join u using (b)", {"select a from t join u using (b)"}),
        ("select a from t for update", {"select a from t"}),
        ("select interval '1 day'", {"select interval '2 day'"}),
        (
            "select a from t where x between a and b and y",
            {"select a from t where x between a and b", "select a from t where y"},
        ),
        ("select a from t where at > now()", {"select a from t where true"}),
        ("select '1 < 2' -- where a < b", set()),
        ("select a->'b' || a #>> '{c}'", set()),
        ("select a is distinct from b", set()),
    ],
)
def test_each_kind_changes_one_place(text: str, expected: set[str]) -> None:
    assert changed(text) == expected


def test_of_a_function_only_its_body_is_changed() -> None:
    text = """create or replace function f() returns void language plpgsql
set search_path = a, b as $$
begin
    perform g();
    if a then
        b := c;
    end if;
end
$$;
grant execute on function f() to x;
"""
    found = changed(text)
    assert len(found) == 4
    assert {"perform g();", "if true then", "if false then", "null;"} <= {
        part for one in found for part in ("perform g();", "if true then", "if false then", "null;")
        if part in one
    }  # fmt: skip
    assert all("set search_path = a, b as" in one for one in found)


def test_a_text_that_stands_there_twice_is_told_by_what_is_around_it() -> None:
    assert changed("select a < b from (select a < b) as t") == {
        "select a <= b from (select a < b) as t",
        "select a < b from (select a <= b) as t",
    }


def test_the_last_test_that_has_noticed_comes_first() -> None:
    noticers = Noticers()
    for name in ("a", "b", "a", *map(str, range(Noticers.MOST - 1))):
        noticers.note(["file"], name)
    found = noticers.of(["file"])
    assert (found[0], found[-1], len(found)) == (str(Noticers.MOST - 2), "a", Noticers.MOST)
    assert noticers.of(["other"]) == []
