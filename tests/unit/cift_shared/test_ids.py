from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from cift_shared.ids import SystemIds, uuid7


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_an_id_has_the_layout_of_version_7(unix_ms: int, random_bits: int) -> None:
    made = uuid7(unix_ms, random_bits)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == unix_ms


@given(st.integers(0, 2**48 - 2), st.integers(0, 2**74 - 1), st.integers(0, 2**74 - 1))
def test_later_ids_sort_later(unix_ms: int, one: int, other: int) -> None:
    assert uuid7(unix_ms, one) < uuid7(unix_ms + 1, other)


def test_many_are_different() -> None:
    ids = SystemIds()
    made: set[UUID] = {ids.new_id() for _ in range(10_000)}
    assert len(made) == 10_000
