"""The words of clients for what became of a transaction."""

import pytest

from ethereum_watcher.broadcast_codes import Broadcast, meaning_of


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("already known", Broadcast.ACCEPTED),
        ("transaction already imported", Broadcast.ACCEPTED),
        ("Known transaction: ab", Broadcast.ACCEPTED),
        ("nonce too low: next nonce 5, tx nonce 4", Broadcast.NONCE_USED),
        ("Nonce too low. Expected nonce to be 5", Broadcast.NONCE_USED),
        ("replacement transaction underpriced", Broadcast.UNDERPRICED),
        ("Replacement transaction underpriced. A gasPrice of", Broadcast.UNDERPRICED),
        ("insufficient gas price to replace existing transaction", Broadcast.UNDERPRICED),
        ("transaction underpriced: gas tip cap 0, minimum needed 1", Broadcast.FEE_TOO_LOW),
        ("max fee per gas less than block base fee", Broadcast.FEE_TOO_LOW),
        ("txpool is full", Broadcast.WAIT),
        ("account limit exceeded", Broadcast.WAIT),
        ("nonce too high", Broadcast.WAIT),
        ("future transaction tries to replace pending", Broadcast.WAIT),
        ("insufficient funds for gas * price + value: balance 1", Broadcast.NO_FUNDS),
        ("Sender doesn't have enough funds to send tx", Broadcast.NO_FUNDS),
        ("intrinsic gas too low", Broadcast.REFUSED),
        ("exceeds block gas limit", Broadcast.REFUSED),
        ("", Broadcast.REFUSED),
    ],
)
def test_what_a_node_says(text: str, meaning: Broadcast) -> None:
    assert meaning_of(text.lower()) is meaning


def test_the_best_answer_is_first() -> None:
    assert next(iter(Broadcast)) is Broadcast.ACCEPTED
    assert list(Broadcast)[-1] is Broadcast.UNKNOWN
