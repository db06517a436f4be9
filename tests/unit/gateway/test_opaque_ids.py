"""Ids of the books: the same for ever, back to the number, and nothing to be learned from them."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.security.field_encryption import Vault
from gateway.http.opaque_ids import OpaqueIds

OLD, NEW, OTHER = (base64.b64encode(bytes([byte]) * 32).decode() for byte in b"one")
IDS = OpaqueIds(Vault.from_text(f"k1:{OLD}", OLD))
NUMBERS = st.integers(0, 2**63 - 1)


@given(NUMBERS)
def test_there_and_back(number: int) -> None:
    assert IDS.number("entry", IDS.of("entry", number)) == number
    assert IDS.of("entry", number) == IDS.of("entry", number)


@given(NUMBERS, st.sampled_from(["entry", "transaction"]), st.integers(0, 31))
def test_a_changed_id_is_none(number: int, kind: str, place: int) -> None:
    text = IDS.of(kind, number)
    changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    for wrong in (changed, text[:-1], text + "A", text.upper()):
        with pytest.raises(ValueError, match="not an id"):
            IDS.number(kind, wrong)


def test_kinds_are_apart() -> None:
    assert IDS.of("entry", 16) != IDS.of("transaction", 16)
    with pytest.raises(ValueError, match="not an id of this entry"):
        IDS.number("entry", IDS.of("transaction", 16))


def test_neighbours_tell_neither_order_nor_distance() -> None:
    texts = [IDS.of("entry", number) for number in range(1_000, 1_064)]
    assert texts != sorted(texts)
    assert texts != sorted(texts, reverse=True)
    assert len({text[:4] for text in texts}) > 60
    assert len({text[-4:] for text in texts}) > 60


def test_it_outlives_the_data_keys_and_depends_on_the_index_key() -> None:
    rotated = OpaqueIds(Vault.from_text(f"k2:{NEW},k1:{OLD}", OLD))
    assert rotated.of("entry", 7) == IDS.of("entry", 7)
    assert OpaqueIds(Vault.from_text(f"k1:{OLD}", OTHER)).of("entry", 7) != IDS.of("entry", 7)
