"""Keys of the account: the vectors of BIP 84, and agreement with the public derivation."""

import pytest

from bitcoin_watcher.addresses import AddressKey, address_of
from tests.support import bitcoin
from tests.support.wally import wally
from wallet_keys.account import BitcoinAccount, entropy_of, words_of
from wallet_keys.envelope import WalletUnusable
from wallet_keys.seed_file import Seed, new_seed

WORDS = " ".join(["abandon"] * 23 + ["art"])
"""24 words of zero bytes (BIP 39)."""
ZEROS = Seed("regtest", "00" * 8, bytearray(32))


def test_words_and_entropy_are_the_same() -> None:
    assert words_of(ZEROS) == WORDS
    assert entropy_of(WORDS) == bytearray(32)
    assert entropy_of(f"  {WORDS.upper()}\n") == bytearray(32)
    seed = new_seed("main")
    assert entropy_of(words_of(seed)) == seed.entropy


@pytest.mark.parametrize(
    "words",
    [
        "",
        " ".join(["abandon"] * 24),
        " ".join(["abandon"] * 11 + ["about"]),
        " ".join(["abandon"] * 23 + ["artt"]),
    ],
    ids=["none", "checksum", "12 words", "unknown"],
)
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(WalletUnusable):
        entropy_of(words)


@pytest.mark.parametrize(
    ("network", "path", "first"),
    [
        ("main", "84h/0h/0h", "bc1q"),
        ("regtest", "84h/1h/0h", "bcrt1q"),
        ("signet", "84h/1h/0h", "tb1q"),
    ],
)
def test_the_watcher_derives_the_same_addresses(network: str, path: str, first: str) -> None:
    account = BitcoinAccount(Seed(network, "00" * 8, bytearray(range(32))))
    public = AddressKey(account.xpub, network)
    assert account.path == path
    for index in (0, 1, 77):
        derived = public.derive(index)
        assert derived.script == account.script(0, index)
        assert derived.address == address_of(account.script(0, index), network)
        assert derived.address.startswith(first)
        assert account.script(1, index) != derived.script


def test_the_vector_of_24_words() -> None:
    """Zero entropy, checked once against another implementation (embit)."""
    account = BitcoinAccount(Seed("main", "00" * 8, bytearray(32)))
    assert account.fingerprint == "5436d724"
    assert address_of(account.script(0, 0), "main") == "bc1qzmtrqsfuaf6l6kkcsseumq26ukaphfj9skkug6"


def test_the_private_key_belongs_to_the_public_one() -> None:
    account = BitcoinAccount(ZEROS)
    private, public = account.key(1, 5)
    assert bytes(wally.ec_public_key_from_private_key(private)) == public
    assert account.script(1, 5) == b"\x00\x14" + bytes(wally.hash160(public))


def test_nothing_secret_is_shown() -> None:
    account = BitcoinAccount(ZEROS)
    private, _ = account.key(0, 0)
    assert private.hex() not in repr(account)
    assert "prv" not in account.xpub
    assert account.xpub != bitcoin.TPUB
