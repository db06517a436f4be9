"""Keys, addresses and signatures of Bitcoin by libwally, which shares nothing with the node."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.wally import wally

PREFIX = "bcrt"
REPLACEABLE = 0xFFFFFFFD
_WITNESS = wally.WALLY_TX_FLAG_USE_WITNESS


@dataclass(frozen=True)
class Coin:
    """An output that a key can spend."""

    txid: str
    vout: int
    sats: int


@dataclass(frozen=True)
class Form:
    """What a transaction says besides inputs and outputs."""

    sequence: int = REPLACEABLE
    lock_time: int = 0
    version: int = 2


class Key:
    """A private key with its two kinds of segwit addresses."""

    def __init__(self, number: int) -> None:
        self._private = wally.sha256(f"bitcoin test key {number}".encode())
        self.public = wally.ec_public_key_from_private_key(self._private)
        self.script = bytes.fromhex("0014") + bytes(wally.hash160(self.public))
        tweaked = wally.ec_public_key_bip341_tweak(self.public, None, 0)
        self.taproot_script = bytes.fromhex("5120") + bytes(tweaked[1:])

    @property
    def address(self) -> str:
        """P2WPKH."""
        return str(wally.addr_segwit_from_bytes(self.script, PREFIX, 0))

    @property
    def taproot(self) -> str:
        """P2TR, spent with the key."""
        return str(wally.addr_segwit_from_bytes(self.taproot_script, PREFIX, 0))

    def spend(
        self,
        coins: Sequence[Coin],
        outputs: Sequence[tuple[bytes, int]],
        form: Form = Form(),
        *,
        signed_sats: int | None = None,
    ) -> str:
        """A transaction in hexadecimal that spends P2WPKH coins.

        `signed_sats` signs another amount than the coins have, which makes it invalid.
        """
        transaction = _unsigned(coins, outputs, form)
        code = bytes.fromhex("76a914") + self.script[2:] + bytes.fromhex("88ac")
        flags = wally.EC_FLAG_ECDSA | wally.EC_FLAG_GRIND_R
        for index, coin in enumerate(coins):
            sats = coin.sats if signed_sats is None else signed_sats
            digest = wally.tx_get_btc_signature_hash(
                transaction, index, code, sats, wally.WALLY_SIGHASH_ALL, _WITNESS
            )
            signature = wally.ec_sig_to_der(wally.ec_sig_from_bytes(self._private, digest, flags))
            items = [bytes(signature) + bytes([wally.WALLY_SIGHASH_ALL]), self.public]
            _set_witness(transaction, index, items)
        return str(wally.tx_to_hex(transaction, _WITNESS))

    def spend_taproot(self, coin: Coin, outputs: Sequence[tuple[bytes, int]]) -> str:
        """A transaction in hexadecimal that spends a P2TR coin with the key."""
        transaction = _unsigned([coin], outputs, Form())
        scripts = wally.map_init(1, None)
        wally.map_add_integer(scripts, 0, self.taproot_script)
        digest = wally.tx_get_btc_taproot_signature_hash(
            transaction, 0, scripts, [coin.sats], None, 0, wally.WALLY_NO_CODESEPARATOR, None, 0, 0
        )
        private = wally.ec_private_key_bip341_tweak(self._private, None, 0)
        signature = wally.ec_sig_from_bytes(private, digest, wally.EC_FLAG_SCHNORR)
        _set_witness(transaction, 0, [signature])
        return str(wally.tx_to_hex(transaction, _WITNESS))


def _unsigned(coins: Sequence[Coin], outputs: Sequence[tuple[bytes, int]], form: Form) -> object:
    transaction = wally.tx_init(form.version, form.lock_time, len(coins), len(outputs))
    for coin in coins:
        txid = bytes.fromhex(coin.txid)[::-1]
        wally.tx_add_raw_input(transaction, txid, coin.vout, form.sequence, None, None, 0)
    for script, sats in outputs:
        wally.tx_add_raw_output(transaction, sats, script, 0)
    return transaction


def _set_witness(transaction: object, index: int, items: Sequence[bytes]) -> None:
    stack = wally.tx_witness_stack_init(len(items))
    for item in items:
        wally.tx_witness_stack_add(stack, item)
    wally.tx_set_input_witness(transaction, index, stack)


def txid_of(raw: str) -> str:
    """The id of a transaction in hexadecimal."""
    transaction = wally.tx_from_hex(raw, _WITNESS)
    return bytes(wally.tx_get_txid(transaction))[::-1].hex()


def virtual_size(raw: str) -> int:
    """The virtual bytes of a transaction in hexadecimal."""
    return int(wally.tx_get_vsize(wally.tx_from_hex(raw, _WITNESS)))
