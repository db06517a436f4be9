"""What the ledger says of a withdrawal, compared with what the watcher was asked for."""

from chain_watch.funds import Held, unfunded

HELD = Held(100, "BTC", "sealed", is_held=True)


def test_only_what_was_accepted_and_is_held_may_be_paid() -> None:
    assert unfunded(HELD, ("to", 100), ("to", 100)) is None
    assert unfunded(None, None, ("to", 100)) == "not_accepted"
    for other in (("to", 101), ("else", 100), None):
        assert unfunded(HELD, other, ("to", 100)) == "accepted_otherwise"
    ended = Held(100, "BTC", "sealed", is_held=False)
    assert unfunded(ended, ("to", 100), ("to", 100)) == "not_held"


def test_nothing_accepted_is_never_taken_for_nothing_asked() -> None:
    assert unfunded(None, None, None) == "not_accepted"
