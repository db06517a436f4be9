"""Cursors come back as they went out, or are refused by name."""

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cursors import (
    TimeCursor,
    entry_cursor,
    next_link,
    read_entry_cursor,
    read_time_cursor,
)
from gateway.problems import Problem


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_time_cursor(created_at: datetime, row_id: UUID) -> None:
    cursor = TimeCursor(created_at, row_id)
    assert read_time_cursor(cursor.text()) == cursor


@given(st.integers(1, 2**63 - 1))
def test_entry_cursor(entry_id: int) -> None:
    assert read_entry_cursor(entry_cursor(entry_id)) == entry_id


@given(st.text(max_size=60))
def test_strange_text_is_read_or_refused(text: str) -> None:
    for read in (read_time_cursor, read_entry_cursor):
        with suppress(Problem):
            read(text)


@pytest.mark.parametrize("text", [entry_cursor(7), "", "W10", "WyIyMDI1IiwgIngiXQ", "x" * 201, "é"])
def test_not_a_time_cursor(text: str) -> None:
    with pytest.raises(Problem) as refused:
        read_time_cursor(text)
    assert refused.value.errors[0]["parameter"] == "after"


def test_no_cursor_is_the_first_page() -> None:
    assert read_time_cursor(None) is None
    assert read_entry_cursor(None) is None


def test_link_keeps_the_query_and_names_no_host() -> None:
    link = next_link("/api/v1/payments", {"limit": "3", "after": "old", "status": "a b"}, "new")
    assert link == '</api/v1/payments?limit=3&after=new&status=a+b>; rel="next"'
