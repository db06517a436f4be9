"""Every refusal of `sendrawtransaction` in the reference, as bitcoind words it."""

import pytest

from bitcoin_watcher.broadcast_codes import Broadcast, meaning_of


@pytest.mark.parametrize(
    ("number", "text", "meaning"),
    [
        (-27, "transaction outputs already in utxo set", Broadcast.CONFIRMED),
        (-27, "transaction already in block chain", Broadcast.CONFIRMED),
        (-25, "bad-txns-inputs-missingorspent", Broadcast.INPUT_GONE),
        (-25, "missing inputs", Broadcast.INPUT_GONE),
        (-25, "missing-inputs", Broadcast.INPUT_GONE),
        (-26, "bad-txns-inputs-missingorspent", Broadcast.INPUT_GONE),
        (-26, "missing-inputs", Broadcast.INPUT_GONE),
        (-25, "fee exceeds maximum configured by user", Broadcast.REFUSED),
        (-26, "txn-mempool-conflict", Broadcast.CONFLICT),
        (-26, "insufficient fee, rejecting replacement 00aa; new feerate", Broadcast.CONFLICT),
        (-26, "insufficient fee", Broadcast.CONFLICT),
        (-26, "rejecting replacement 00aa", Broadcast.CONFLICT),
        (-26, "bip125-replacement-disallowed", Broadcast.CONFLICT),
        (-26, "txn-already-in-mempool", Broadcast.ACCEPTED),
        (-26, "txn-already-known", Broadcast.ACCEPTED),
        (-26, "min relay fee not met, 100 < 110", Broadcast.FEE_TOO_LOW),
        (-26, "min relay fee", Broadcast.FEE_TOO_LOW),
        (-26, "mempool min fee not met, 100 < 2000", Broadcast.FEE_TOO_LOW),
        (-26, "mempool min fee", Broadcast.FEE_TOO_LOW),
        (-26, "min fee not met", Broadcast.FEE_TOO_LOW),
        (-26, "too-long-mempool-chain, too many unconfirmed ancestors", Broadcast.WAIT),
        (-26, "too-long-mempool-chain", Broadcast.WAIT),
        (-26, "too many potential replacements", Broadcast.WAIT),
        (-26, "too-large-cluster", Broadcast.WAIT),
        (-26, "dust, tx with dust output must be 0-fee", Broadcast.REFUSED),
        (-26, "scriptpubkey", Broadcast.REFUSED),
        (-26, "mempool-script-verify-flag-failed", Broadcast.REFUSED),
        (-22, "tx decode failed", Broadcast.REFUSED),
        (-27, "", Broadcast.CONFIRMED),
        (-28, "loading block index", Broadcast.WAIT),
        (-1, "min relay fee not met", Broadcast.REFUSED),
        (-26, "", Broadcast.REFUSED),
    ],
)
def test_meaning(number: int, text: str, meaning: Broadcast) -> None:
    assert meaning_of(number, text) is meaning


def test_the_best_answer_comes_first() -> None:
    """Of several nodes' answers the first in this order counts."""
    assert " ".join(Broadcast) == (
        "accepted confirmed input_gone conflict fee_too_low wait refused unknown"
    )
