"""Keys, addresses and signatures of Bitcoin by libwally, which shares nothing with the node."""

from collections.abc import Sequence
from dataclasses import dataclass

import wallycore as wally

PREFIX = "bcrt"
REPLACEABLE = 0xFFFFFFFD


@dataclass(frozen=True)
class Spendable:
    """An output that one of the keys can spend."""

    txid: str
    vout: int
    sats: int


class Key:
    """A private key with its two kinds of segwit addresses."""

    def __init__(self, number: int) -> None:
        self._private = wally.sha256(f"bitcoin test key {number}".encode())
        self.public = wally.ec_public_key_from_private_key(self._private)
        self.script = bytes.fromhex("0014") + wally.hash160(self.public)
        tweaked = wally.ec_public_key_bip341_tweak(self.public, None, 0)
        self.taproot_script = bytes.fromhex("5120") + tweaked[1:]

    @property
    def address(self) -> str:
        """P2WPKH."""
        return str(wally.addr_segwit_from_bytes(self.script, PREFIX, 0))

    @property
    def taproot(self) -> str:
        """P2TR, spent with the key."""
        return str(wally.addr_segwit_from_bytes(self.taproot_script, PREFIX, 0))

    def sign(
        self,
        coins: Sequence[Spendable],
        outputs: Sequence[tuple[bytes, int]],
        *,
        sequence: int = REPLACEABLE,
        lock_time: int = 0,
        version: int = 2,
        signed_sats: int | None = None,
    ) -> str:
        """A transaction in hexadecimal that spends P2WPKH coins of this key.

        `signed_sats` signs another amount than the coins have, which makes it invalid.
        """
        transaction = wally.tx_init(version, lock_time, len(coins), len(outputs))
        for coin in coins:
            txid = bytes.fromhex(coin.txid)[::-1]
            wally.tx_add_raw_input(transaction, txid, coin.vout, sequence, None, None, 0)
        for script, sats in outputs:
            wally.tx_add_raw_output(transaction, sats, script, 0)
        code = bytes.fromhex("76a914") + self.script[2:] + bytes.fromhex("88ac")
        for index, coin in enumerate(coins):
            sats = coin.sats if signed_sats is None else signed_sats
            digest = wally.tx_get_btc_signature_hash(
                transaction,
                index,
                code,
                sats,
                wally.WALLY_SIGHASH_ALL,
                wally.WALLY_TX_FLAG_USE_WITNESS,
            )
            self._witness(transaction, index, digest)
        return str(wally.tx_to_hex(transaction, wally.WALLY_TX_FLAG_USE_WITNESS))

    def _witness(self, transaction: object, index: int, digest: bytes) -> None:
        flags = wally.EC_FLAG_ECDSA | wally.EC_FLAG_GRIND_R
        signature = wally.ec_sig_to_der(wally.ec_sig_from_bytes(self._private, digest, flags))
        stack = wally.tx_witness_stack_init(2)
        wally.tx_witness_stack_add(stack, signature + bytes([wally.WALLY_SIGHASH_ALL]))
        wally.tx_witness_stack_add(stack, self.public)
        wally.tx_set_input_witness(transaction, index, stack)


def txid_of(raw: str) -> str:
    """The id of a transaction in hexadecimal, by libwally."""
    transaction = wally.tx_from_hex(raw, wally.WALLY_TX_FLAG_USE_WITNESS)
    return str(bytes(wally.tx_get_txid(transaction))[::-1].hex())


def virtual_size(raw: str) -> int:
    """The virtual bytes of a transaction in hexadecimal, by libwally."""
    transaction = wally.tx_from_hex(raw, wally.WALLY_TX_FLAG_USE_WITNESS)
    return int(wally.tx_get_vsize(transaction))
