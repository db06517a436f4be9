"""The wallet's file: what opens it, what does not, and who may read it."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet_keys import envelope, seed_file
from wallet_keys.envelope import Passphrase, WalletUnusable
from wallet_keys.seed_file import Seed

QUICK = 2**14
"""The lowest cost: a test is no guess."""
TEXT = "correct horse battery"
LOCK = Passphrase(TEXT, cost=QUICK)


def sealed(seed: Seed) -> bytes:
    return seed_file.seal(seed, LOCK)


@pytest.fixture(scope="module")
def seed() -> Seed:
    return seed_file.new_seed("regtest")


@pytest.fixture(scope="module")
def content(seed: Seed) -> bytes:
    return sealed(seed)


EARLIER = b"""{
  "format": "cift-wallet",
  "version": 1,
  "network": "regtest",
  "wallet_id": "0000000000000000",
  "purpose": "bitcoin-seed",
  "kdf": {
    "name": "scrypt",
    "n": 16384,
    "r": 8,
    "p": 1,
    "salt": "TY64T5CpVFeSS76jf+5VoQ=="
  },
  "data_key": "xNy0g36UeLgfJnzcBMoP79MX5q/UWbQgzdmwBx3NELgDg23HlQIzeiPOsHeBcSdZopzyyyDw5pVxXFip",
  "entropy": "6+1SXvWvVxTYxjN7bEbTzaK3pKBCRBT5FW2cYfQEBHzVflbQV72PUU2iWkdgp/d7Ddgv9/g8fy69EXra"
}
"""
"""Made by the first release."""


class TestUnseal:
    def test_files_of_earlier_releases_open(self) -> None:
        opened = seed_file.unseal(EARLIER, LOCK, "regtest")
        assert opened == Seed("regtest", "00" * 8, bytearray(range(32)))

    def test_the_form_is_the_same_as_then(self, content: bytes) -> None:
        one, other = json.loads(content), json.loads(EARLIER)
        assert list(one) == list(other)
        assert list(one["kdf"]) == list(other["kdf"])

    def test_the_passphrase_opens_it(self, seed: Seed, content: bytes) -> None:
        opened = seed_file.unseal(content, LOCK, "regtest")
        assert opened == seed

    def test_another_passphrase_does_not(self, content: bytes) -> None:
        with pytest.raises(WalletUnusable, match="wrong passphrase"):
            seed_file.unseal(content, Passphrase(TEXT + "!"), "regtest")

    def test_it_is_of_one_network(self, content: bytes) -> None:
        with pytest.raises(WalletUnusable, match="network regtest, not of main"):
            seed_file.unseal(content, LOCK, "main")

    @pytest.mark.parametrize(
        ("field", "value"), [("network", "main"), ("wallet_id", "00" * 8)], ids=["network", "id"]
    )
    def test_a_relabelled_file_is_refused(self, content: bytes, field: str, value: str) -> None:
        document = json.loads(content) | {field: value}
        network = document["network"]
        with pytest.raises(WalletUnusable, match="changed"):
            seed_file.unseal(json.dumps(document).encode(), LOCK, network)

    @pytest.mark.parametrize(
        "change",
        [
            {"format": "other"},
            {"version": 2},
            {"purpose": "ethereum-seed"},
            {"kdf": {"name": "scrypt", "n": 2**30, "r": 8, "p": 1, "salt": "AAAA"}},
            {"kdf": {"name": "none", "n": 2**14, "r": 8, "p": 1, "salt": "AAAA"}},
            {"entropy": "!"},
            {"entropy": "AAA"},
            {"more": 1},
        ],
        ids=["format", "version", "purpose", "memory", "kdf", "letters", "base64", "field"],
    )
    def test_what_is_no_envelope_is_refused(
        self, content: bytes, change: dict[str, object]
    ) -> None:
        document = json.loads(content) | change
        with pytest.raises(WalletUnusable, match="not a wallet's file"):
            seed_file.unseal(json.dumps(document).encode(), LOCK, "regtest")

    @given(at=st.integers(0, 10**6), bit=st.integers(0, 7))
    @settings(max_examples=25, deadline=None)
    def test_a_changed_file_never_opens_as_another_seed(self, at: int, bit: int) -> None:
        seed = Seed("regtest", "0123456789abcdef", bytearray(range(32)))
        changed = bytearray(sealed(seed))
        changed[at % len(changed)] ^= 1 << bit
        with contextlib.suppress(WalletUnusable):
            assert seed_file.unseal(bytes(changed), LOCK, "regtest") == seed

    def test_two_files_of_one_seed_share_nothing_secret(self, seed: Seed, content: bytes) -> None:
        one, other = json.loads(content), json.loads(sealed(seed))
        assert one["data_key"] != other["data_key"]
        assert one["entropy"] != other["entropy"]
        assert one["kdf"]["salt"] != other["kdf"]["salt"]


class TestSecrets:
    def test_the_seed_is_not_in_the_file_nor_shown(self, seed: Seed, content: bytes) -> None:
        plain = bytes(seed.entropy)
        assert plain not in content
        assert plain.hex() not in content.decode() + repr(seed) + str(seed)

    def test_forget_overwrites(self) -> None:
        seed = seed_file.new_seed("regtest")
        seed.forget()
        assert bytes(seed.entropy) == bytes(32)

    def test_a_short_passphrase_is_refused(self, seed: Seed) -> None:
        with pytest.raises(WalletUnusable, match="12 characters"):
            seed_file.seal(seed, Passphrase("short", cost=QUICK))


class TestFile:
    def test_only_its_owner_reads_it(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "wallet.json"
        envelope.write(path, content)
        assert path.stat().st_mode & 0o777 == 0o600
        assert envelope.read(path) == content

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o700, 0o620], ids=oct)
    def test_a_file_that_others_may_use_is_refused(
        self, tmp_path: Path, content: bytes, mode: int
    ) -> None:
        path = tmp_path / "wallet.json"
        envelope.write(path, content)
        path.chmod(mode)
        with pytest.raises(WalletUnusable, match=f"mode {mode:04o}"):
            envelope.read(path)

    def test_it_is_never_overwritten(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "wallet.json"
        envelope.write(path, content)
        with pytest.raises(WalletUnusable, match="never overwritten"):
            envelope.write(path, b"other")
        assert envelope.read(path) == content

    def test_what_is_missing_or_too_large_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(WalletUnusable, match="No such file"):
            envelope.read(tmp_path / "none")
        with pytest.raises(WalletUnusable, match="can't be written"):
            envelope.write(tmp_path / "none" / "wallet", b"")
        envelope.write(tmp_path / "large", bytes(envelope.FILE_BYTES_MAX + 1))
        with pytest.raises(WalletUnusable, match="not a wallet's file"):
            envelope.read(tmp_path / "large")
