import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import SealBroken, SettingsInvalid
from cift_shared.security.field_encryption import Vault

OLD = "k1:" + base64.b64encode(b"1" * 32).decode()
NEW = "k2:" + base64.b64encode(b"2" * 32).decode()
INDEX = base64.b64encode(b"i" * 32).decode()
vault = Vault.from_text(NEW, INDEX)


@given(st.binary(max_size=200))
def test_sealed_bytes_open_again_and_show_nothing(plain: bytes) -> None:
    sealed = vault.seal(plain, context="phone")
    assert vault.open(sealed, context="phone") == plain
    assert len(plain) < 4 or plain not in sealed.encode()


def test_sealing_twice_gives_two_texts() -> None:
    assert vault.seal(b"x", context="phone") != vault.seal(b"x", context="phone")


def test_another_context_does_not_open() -> None:
    with pytest.raises(SealBroken):
        vault.open(vault.seal(b"x", context="phone"), context="notice")


def test_rotation_opens_the_old_and_seals_with_the_new() -> None:
    before = Vault.from_text(OLD, INDEX).seal(b"x", context="phone")
    rotated = Vault.from_text(f"{NEW},{OLD}", INDEX)
    assert rotated.open(before, context="phone") == b"x"
    assert rotated.seal(b"x", context="phone").startswith("k2.")


@pytest.mark.parametrize("cut", ["", "k2.", "k9.AAAA", "nonsense", "k2.!!!!", "k2." + "A" * 40])
def test_changed_text_does_not_open(cut: str) -> None:
    with pytest.raises(SealBroken):
        vault.open(cut, context="phone")


def test_every_flipped_byte_is_noticed() -> None:
    key_id, _, text = vault.seal(b"254708374149", context="phone").partition(".")
    raw = bytearray(base64.urlsafe_b64decode(text))
    for place in range(len(raw)):
        changed = bytes([*raw[:place], raw[place] ^ 1, *raw[place + 1 :]])
        with pytest.raises(SealBroken):
            vault.open(f"{key_id}.{base64.urlsafe_b64encode(changed).decode()}", context="phone")


@pytest.mark.parametrize("keys", ["", "k1", "k1:short", f"{OLD},{OLD}", "k-1:" + OLD[3:], "k1:é"])
def test_bad_keys_stop_the_start(keys: str) -> None:
    with pytest.raises(SettingsInvalid):
        Vault.from_text(keys, INDEX)


def test_fingerprints_are_keyed_and_bound_to_a_context() -> None:
    mine = vault.fingerprint(b"254708374149", context="phone")
    other_key = Vault.from_text(NEW, base64.b64encode(b"j" * 32).decode())
    assert mine == vault.fingerprint(b"254708374149", context="phone")
    assert mine != vault.fingerprint(b"254708374149", context="checkout")
    assert mine != other_key.fingerprint(b"254708374149", context="phone")


class TestAcrossReleases:
    """What an earlier release sealed or hashed must be opened and found by every later one."""

    keys = Vault.from_text("k1:" + base64.b64encode(bytes(range(32))).decode(), INDEX)

    def test_sealed_text_opens(self) -> None:
        sealed = "k1.ZGVmZ2hpamtsbW5vei7qUUnRZakKU2vR8OCJPIIFnEwaRcwMUVT34w=="
        assert self.keys.open(sealed, context="phone") == b"254708374149"

    def test_fingerprints_stay(self) -> None:
        assert self.keys.fingerprint(b"254708374149", context="phone") == (
            "5672ecdb7e829aae6a9a7f938a5795dca75fd81da83b7bd57ac15cf351d872ea"
        )

    def test_context_and_value_do_not_run_together(self) -> None:
        assert self.keys.fingerprint(b"bc", context="a") != self.keys.fingerprint(
            b"c", context="ab"
        )


@pytest.mark.parametrize("length", [16, 24, 31, 33, 64])
def test_only_keys_of_32_bytes_are_taken(length: int) -> None:
    short = base64.b64encode(b"x" * length).decode()
    with pytest.raises(SettingsInvalid, match="CIFT_DATA_KEYS: a key is 32 bytes"):
        Vault.from_text(f"k1:{short}", INDEX)
    with pytest.raises(SettingsInvalid, match="CIFT_INDEX_KEY: a key is 32 bytes"):
        Vault.from_text(OLD, short)


@pytest.mark.parametrize("text", ["!!!!", "é", base64.b64encode(b"x" * 32).decode() + "\n "])
def test_a_key_is_strict_base64(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="CIFT_INDEX_KEY: not base64"):
        Vault.from_text(OLD, text)


def test_blanks_and_empty_entries_between_keys_do_no_harm() -> None:
    spaced = Vault.from_text(f" {NEW} , ,{OLD},", INDEX)
    assert spaced.seal(b"x", context="c").startswith("k2.")
