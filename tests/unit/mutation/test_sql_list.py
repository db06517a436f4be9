"""The list of SQL changes fits the functions, migrations and queries as they are."""

from dataclasses import replace
from functools import partial

import pytest

from cift_shared.database.migrations import find_functions
from tests.mutation.equivalents import ListBroken
from tests.mutation.sql_list import SQL_MUTANTS, sql_to_judge
from tests.mutation.sql_mutant import SqlMutant
from tests.mutation.sql_run import sql_change
from tests.mutation.sql_texts import changed_text

ONE = SqlMutant("function f", "a < b", "a <= b", ())
TEXT = "create function e() a < b\n\ncreate function f() a < b\n\ncreate function g() a < b\n"


def test_there_are_no_fewer_than_the_review_had() -> None:
    assert len(SQL_MUTANTS) >= 70
    assert len({(mutant.where, mutant.old, mutant.new) for mutant in SQL_MUTANTS}) == len(
        SQL_MUTANTS
    )


@pytest.mark.parametrize("mutant", SQL_MUTANTS, ids=lambda mutant: mutant.name)
def test_it_fits_once(mutant: SqlMutant) -> None:
    assert mutant.old != mutant.new
    assert callable(sql_change(mutant))


def test_those_that_no_test_can_notice_are_among_them() -> None:
    assert 0 < len(SQL_MUTANTS) - len(sql_to_judge()) < len(SQL_MUTANTS) / 20


def test_only_what_it_names_is_changed() -> None:
    assert changed_text(TEXT, ONE) == TEXT.replace("f() a < b", "f() a <= b")


def test_the_newest_has_the_say() -> None:
    newer = TEXT + "create or replace function f() a < b and c\n"
    assert changed_text(newer, ONE) == TEXT + "create or replace function f() a <= b and c\n"


@pytest.mark.parametrize(
    "strange",
    [replace(ONE, where="function h"), replace(ONE, old="a > b"), replace(ONE, old=" ")],
)
def test_what_no_longer_fits_is_an_error(strange: SqlMutant) -> None:
    with pytest.raises(ListBroken):
        changed_text(TEXT, strange)


def test_a_change_of_a_query_that_is_gone_is_an_error() -> None:
    with pytest.raises(ListBroken):
        sql_change(SqlMutant("query CLAIM", "no such text", "", ()))


@pytest.mark.parametrize("where", ["function ledger.worth", "view ledger.provider_item"])
def test_the_text_of_a_function_is_run_as_its_file_has_it(where: str) -> None:
    mutant = next(one for one in SQL_MUTANTS if one.where == where)
    [file] = [one for one in find_functions() if one.full_name == where.partition(" ")[2]]
    change = sql_change(mutant)
    assert isinstance(change, partial)
    assert change.args == (file.sql.replace(mutant.old, mutant.new),)
    assert change.args[0] != file.sql


def test_a_function_without_a_file_is_an_error() -> None:
    with pytest.raises(ListBroken, match="no file"):
        sql_change(replace(ONE, where="function ledger.no_such_function"))
