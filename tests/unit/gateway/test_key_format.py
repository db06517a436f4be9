"""API keys as text: read back whole, refused when a sign is off."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.security.field_encryption import Vault
from gateway.auth.key_format import new_key, read_key

FORM = re.compile(r"cift_(test|live)_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}")
VAULT = Vault.from_text(
    f"k1:{base64.b64encode(b'd' * 32).decode()}", base64.b64encode(b"i" * 32).decode()
)


@pytest.mark.parametrize("mode", ["test", "live"])
def test_a_key_is_read_back_from_its_text(mode: str) -> None:
    key = new_key(mode)
    assert FORM.fullmatch(str(key))
    assert read_key(str(key)) == key
    assert key.secret not in key.digest(VAULT)


def test_keys_differ_and_so_do_their_digests() -> None:
    keys = [new_key("test") for _ in range(20)]
    assert len({key.digest(VAULT) for key in keys}) == 20


@given(st.data())
def test_one_wrong_sign_is_noticed(data: st.DataObject) -> None:
    text = str(new_key("test"))
    place = data.draw(st.integers(0, len(text) - 1))
    sign = data.draw(st.characters(codec="ascii").filter(lambda sign: sign != text[place]))
    assert read_key(text[:place] + sign + text[place + 1 :]) is None


@given(st.text(max_size=120))
def test_other_text_is_no_key(text: str) -> None:
    assert read_key(text) is None
