"""A signature is the one that the network verifies, and is verified before it leaves the signer."""

import hashlib
from unittest.mock import Mock

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from bitcoin_watcher.spending import Transaction, parse
from cift_shared.errors import InvariantViolated
from crypto_signer import signing
from tests.support.bitcoin_wallet import ACCOUNT
from tests.support.wally import wally
from tests.unit.crypto_signer.test_signing import INPUTS, UNSIGNED

ALL = 1
"""The type of a signature over all inputs and outputs."""


def double_sha(*parts: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(b"".join(parts)).digest()).digest()


def little(number: int, size: int = 4) -> bytes:
    return number.to_bytes(size, "little")


def digest_of(made: Transaction, place: int, key_hash: bytes, satoshi: int) -> bytes:
    """What an input of P2WPKH signs (BIP 143)."""
    points = [bytes.fromhex(one.txid)[::-1] + little(one.vout) for one in made.inputs]
    sequences = [little(one.sequence) for one in made.inputs]
    paid = [little(one.satoshi, 8) + bytes([len(one.script)]) + one.script for one in made.outputs]
    return double_sha(
        little(made.version),
        double_sha(*points),
        double_sha(*sequences),
        points[place],
        bytes.fromhex("1976a914") + key_hash + bytes.fromhex("88ac"),
        little(satoshi, 8),
        sequences[place],
        double_sha(*paid),
        little(made.lock_time),
        little(ALL),
    )


@pytest.mark.parametrize("place", range(len(INPUTS)))
def test_the_witness_is_a_signature_by_bip_143_and_its_key(place: int) -> None:
    raw, coin = signing.sign(UNSIGNED, INPUTS, ACCOUNT), INPUTS[place]
    made = wally.tx_from_bytes(raw, wally.WALLY_TX_FLAG_USE_WITNESS)
    signature, public = (bytes(wally.tx_get_input_witness(made, place, item)) for item in (0, 1))
    _, wanted = ACCOUNT.key(coin.chain, coin.index)
    assert (public, signature[-1]) == (wanted, ALL)
    digest = digest_of(parse(UNSIGNED), place, bytes(wally.hash160(public)), coin.satoshi)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), public)
    key.verify(signature[:-1], digest, ec.ECDSA(Prehashed(SHA256())))


def test_a_signature_that_does_not_verify_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    verify = Mock(side_effect=ValueError("invalid"))
    monkeypatch.setattr(wally, "ec_sig_verify", verify)
    with pytest.raises(InvariantViolated, match="a signature does not verify"):
        signing.sign(UNSIGNED, INPUTS, ACCOUNT)
    verify.assert_called_once()
