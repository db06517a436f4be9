"""Signatures: deterministic, of the expected size, and only of our own keys."""

from bitcoin_watcher.sizes import weight_of
from bitcoin_watcher.spending import Paid, Spent, build, parse
from crypto_signer.policy import Input
from crypto_signer.signing import sign
from tests.support.bitcoin_keys import virtual_size
from tests.support.bitcoin_wallet import ACCOUNT, ENTROPY

TO = b"\x00\x14" + b"\x11" * 20
INPUTS = [Input("aa" * 32, 1, 300_000, 0, 4), Input("bb" * 32, 0, 200_000, 1, 5)]
UNSIGNED = build(
    [Spent(one.txid, one.vout) for one in INPUTS],
    [Paid(TO, 400_000), Paid(ACCOUNT.script(1, 0), 99_000)],
    lock_time=100,
)


def test_a_signature_changes_nothing_but_the_witness() -> None:
    raw = sign(UNSIGNED, INPUTS, ACCOUNT)
    assert parse(raw) == parse(UNSIGNED)
    assert len(raw) > len(UNSIGNED)


def test_the_same_transaction_has_the_same_bytes() -> None:
    assert sign(UNSIGNED, INPUTS, ACCOUNT) == sign(UNSIGNED, INPUTS, ACCOUNT)


def test_the_size_is_at_most_what_the_fee_was_computed_for() -> None:
    size = virtual_size(sign(UNSIGNED, INPUTS, ACCOUNT).hex())
    assert 0 <= -(-weight_of(2, [22, 22]) // 4) - size <= 1


def test_no_key_is_in_the_bytes() -> None:
    raw = sign(UNSIGNED, INPUTS, ACCOUNT)
    keys = [ACCOUNT.key(one.chain, one.index)[0] for one in INPUTS]
    assert all(key not in raw for key in (*keys, ENTROPY))
