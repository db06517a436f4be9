"""Pages of a list, walked in both directions while rows are added."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from gateway.http.paging import Page, Window, list_statement, page_of, window
from gateway.http.query import PageQuery
from gateway.payments.repository import SQL
from gateway.problems.problem import Problem

Row = dict[str, int]


def read(text: str, parameter: str) -> int:
    return int(text)


def cursor_of(row: Any) -> str:
    return str(row["id"])


def show(table: list[int], **query: Any) -> Page:
    """A page of a table of numbers, as a database would answer it."""
    asked = window(PageQuery(**query), read)
    place = asked.cursor
    if asked.backwards:
        assert place is not None
        found = sorted(number for number in table if number > place)
    else:
        found = sorted((n for n in table if place is None or n < place), reverse=True)
    rows: list[Row] = [{"id": number} for number in found[: asked.rows_max]]
    return page_of(rows, asked, cursor_of)


def numbers(page: Page) -> list[int]:
    return [row["id"] for row in page.rows]


@given(st.sets(st.integers(0, 10_000), max_size=40), st.integers(1, 7))
def test_there_and_back_again(table: set[int], limit: int) -> None:
    there = [show(list(table), limit=limit)]
    while cursor := there[-1].next_cursor:
        there.append(show(list(table), limit=limit, after=cursor))
    assert [n for page in there for n in numbers(page)] == sorted(table, reverse=True)
    back = [there[-1]]
    while cursor := back[-1].previous_cursor:
        back.append(show(list(table), limit=limit, before=cursor))
    assert [n for page in reversed(back) for n in numbers(page)] == sorted(table, reverse=True)


@given(
    st.sets(st.integers(0, 1_000), min_size=1, max_size=30),
    st.sets(st.integers(1_001, 2_000), max_size=10),
    st.integers(1, 5),
)
def test_new_rows_move_no_page(table: set[int], new: set[int], limit: int) -> None:
    first = show(list(table), limit=limit)
    if first.next_cursor is None:
        return
    second = show(list(table), limit=limit, after=first.next_cursor)
    grown = list(table | new)
    assert numbers(show(grown, limit=limit, after=first.next_cursor)) == numbers(second)
    assert second.previous_cursor
    assert numbers(show(grown, limit=limit, before=second.previous_cursor)) == numbers(first)


def test_first_page_has_nothing_before_it() -> None:
    page = show([1, 2, 3], limit=2)
    assert (page.previous_cursor, page.next_cursor) == (None, "2")
    empty = show([], limit=2)
    assert (empty.previous_cursor, empty.next_cursor) == (None, None)


def test_one_direction_at_a_time() -> None:
    with pytest.raises(Problem) as refused:
        window(PageQuery(after="1", before="2"), read)
    assert refused.value.errors[0]["parameter"] == "before"


def test_link_keeps_the_query_and_names_no_host() -> None:
    request = Request(
        {
            "type": "http",
            "path": "/api/v1/payments",
            "headers": [(b"host", b"evil.example")],
            "query_string": b"limit=3&after=old&metadata%5Ba%5D=b%20c",
        }
    )
    response = Response()
    Page([], next_cursor="n", previous_cursor="p").link(request, response, as_of="now")
    query = "limit=3&metadata%5Ba%5D=b+c&as_of=now"
    assert response.headers["link"] == (
        f'</api/v1/payments?{query}&before=p>; rel="prev", '
        f'</api/v1/payments?{query}&after=n>; rel="next"'
    )


def test_statement_has_only_what_is_asked_for() -> None:
    asked: Window[Any] = Window(5, None, backwards=True)
    conditions = {"a": "a = {}", "b": "(x, y) {beyond} ({}, {})", "c": "c = {}"}
    text, arguments = list_statement(
        SQL["payments_page"], asked, conditions, {"a": None, "b": (1, 2), "c": 3}, first=4
    )
    assert "and (x, y) > ($4, $5)\n  and c = $6\norder by created_at asc" in text
    assert arguments == [1, 2, 3]
    assert "{" not in text
