"""Cursors come back as they went out, or are refused by name."""

import base64
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.security.field_encryption import Vault
from gateway.http.cursors import TimeCursor, read_entry_cursor, read_time_cursor
from gateway.http.opaque_ids import OpaqueIds
from gateway.problems.problem import Problem

KEY = base64.b64encode(b"k" * 32).decode()
IDS = OpaqueIds(Vault.from_text(f"k1:{KEY}", KEY))


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_time_cursor_is_read_back(created_at: datetime, row_id: UUID) -> None:
    cursor = TimeCursor(created_at, row_id)
    assert read_time_cursor(cursor.text()) == cursor


@given(st.integers(1, 2**63 - 1))
def test_an_entry_cursor_is_read_back(entry_id: int) -> None:
    assert read_entry_cursor(IDS.of("entry", entry_id), IDS) == entry_id


@pytest.mark.parametrize("text", ["WzE2XQ", IDS.of("transaction", 7), "", "7", "é"])
def test_not_an_entry_cursor(text: str) -> None:
    """The first one is what earlier releases gave out: it held the number itself."""
    with pytest.raises(Problem) as refused:
        read_entry_cursor(text, IDS)
    assert refused.value.errors[0]["parameter"] == "after"
    assert "start again" in refused.value.errors[0]["detail"]


@given(st.text(max_size=60))
def test_strange_text_is_read_or_refused(text: str) -> None:
    with suppress(Problem):
        read_time_cursor(text)
    with suppress(Problem):
        read_entry_cursor(text, IDS)


@pytest.mark.parametrize(
    "text", [IDS.of("entry", 7), "WzddIA", "", "W10", "WyIyMDI1IiwgIngiXQ", "x" * 201, "é"]
)
def test_not_a_time_cursor(text: str) -> None:
    with pytest.raises(Problem) as refused:
        read_time_cursor(text, "before")
    assert refused.value.errors[0]["parameter"] == "before"
