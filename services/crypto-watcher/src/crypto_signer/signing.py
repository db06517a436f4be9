"""Sign a transaction with the keys of the account. No I/O; by libwally.

Source: BIP 143 for what is signed; signatures have a low R, so their size is known before.
"""

from collections.abc import Sequence
from typing import Any

from chain_watch.libwally import wally
from cift_shared.errors import InvariantViolated
from crypto_signer.policy import Input
from wallet_keys.account import BitcoinAccount

_WITNESS = wally.WALLY_TX_FLAG_USE_WITNESS
_ALL = wally.WALLY_SIGHASH_ALL
_LOW_R = wally.EC_FLAG_ECDSA | wally.EC_FLAG_GRIND_R


def sign(unsigned: bytes, inputs: Sequence[Input], account: BitcoinAccount) -> bytes:
    """The signed bytes; always the same for the same transaction (RFC 6979).

    Raises:
        InvariantViolated: a signature does not verify; nothing of it may be shown.
    """
    made: Any = wally.tx_from_bytes(unsigned, 0)
    for place, coin in enumerate(inputs):
        private, public = account.key(coin.chain, coin.index)
        code = b"\x76\xa9\x14" + bytes(wally.hash160(public)) + b"\x88\xac"
        digest = wally.tx_get_btc_signature_hash(made, place, code, coin.satoshi, _ALL, _WITNESS)
        signature = wally.ec_sig_from_bytes(private, digest, _LOW_R)
        try:
            wally.ec_sig_verify(public, digest, wally.EC_FLAG_ECDSA, signature)
        except ValueError:
            raise InvariantViolated("a signature does not verify") from None
        stack = wally.tx_witness_stack_init(2)
        wally.tx_witness_stack_add(stack, bytes(wally.ec_sig_to_der(signature)) + bytes([_ALL]))
        wally.tx_witness_stack_add(stack, public)
        wally.tx_set_input_witness(made, place, stack)
    return bytes(wally.tx_to_bytes(made, _WITNESS))
