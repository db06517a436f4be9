"""An unsigned transaction as a PSBT, for a wallet that signs elsewhere. Pure, no I/O; by libwally.

Each input has the amount and script that it spends, and the path of its key, so a wallet that has
the seed finds the keys and checks the amounts by itself. Change has its path, too: the wallet shows
it as its own.

Source: BIP 174.
"""

from collections.abc import Sequence
from typing import Any

from bitcoin_watcher.addresses import CHANGE, AddressKey
from bitcoin_watcher.coin_selection import Coin
from bitcoin_watcher.spending import parse
from chain_watch.libwally import wally

_VERSION = 0
"""The version that every wallet reads."""


def psbt_of(
    unsigned: bytes, coins: Sequence[Coin], key: AddressKey, change_index: int | None
) -> str:
    """The PSBT of an unsigned transaction, in Base64.

    Args:
        unsigned: the transaction's bytes.
        coins: what it spends, in the order of its inputs.
        key: the key that all coins and the change belong to.
        change_index: the index of its change; None: it has none.
    """
    made: Any = wally.psbt_from_tx(wally.tx_from_bytes(unsigned, 0), _VERSION, 0)
    for place, coin in enumerate(coins):
        spent = wally.tx_output_init(coin.satoshi, coin.script)
        wally.psbt_set_input_witness_utxo(made, place, spent)
        wally.psbt_set_input_sighash(made, place, wally.WALLY_SIGHASH_ALL)
        wally.psbt_set_input_keypaths(made, place, _path(key, coin.chain, coin.index))
    if change_index is not None:
        script = key.derive(change_index, CHANGE).script
        for place, paid in enumerate(parse(unsigned).outputs):
            if paid.script == script:
                path = _path(key, CHANGE, change_index)
                wally.psbt_set_output_keypaths(made, place, path)
    return str(wally.psbt_to_base64(made, 0))


def _path(key: AddressKey, chain: int, index: int) -> Any:
    """The public key of an address with its path, as PSBTs keep it."""
    child = key.child(chain, index)
    found = wally.map_keypath_public_key_init_alloc(1)
    wally.map_keypath_add(found, child.public, child.fingerprint, list(child.path))
    return found
